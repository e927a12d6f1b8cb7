//! `PlatformService`: what the connectors of this server can do.

use cartage_connectors::LookUp;
use cartage_model::{FieldType, Kind, Limit, Loss};
use cartage_proto::v1::{
    self, list_platform_fields_request::Side, platform_service_server::PlatformService,
};
use tonic::{Request, Response, Status};

use super::{Api, connection::encode_role, convert, page::Page};
use crate::{
    app::{
        plan::{kept_in, loss_id},
        platform::{self, Field, Platform},
    },
    error::{Error, Result},
};

#[tonic::async_trait]
impl PlatformService for Api {
    async fn get_platform(
        &self,
        request: Request<v1::GetPlatformRequest>,
    ) -> Result<Response<v1::Platform>, Status> {
        let (_, request) = self.enter(request)?;
        Ok(Response::new(encode(&platform::get(id_of(&request.name, "name")?)?)))
    }

    async fn list_platforms(
        &self,
        request: Request<v1::ListPlatformsRequest>,
    ) -> Result<Response<v1::ListPlatformsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListPlatforms", "", size, token, 1_000)?;
        let after: Option<String> = page.after(&self.app.keys)?;
        let mut ids = platform::ids();
        ids.retain(|id| after.as_deref().is_none_or(|after| *id > after));
        let rows = ids.into_iter().map(|id| Ok((id, encode(&platform::get(id)?))));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let (platforms, next_page_token) =
            page.fill(&self.app.keys, rows, |(id, _)| (*id).to_owned(), |(_, it)| it)?;
        Ok(Response::new(v1::ListPlatformsResponse { platforms, next_page_token }))
    }

    async fn list_platform_fields(
        &self,
        request: Request<v1::ListPlatformFieldsRequest>,
    ) -> Result<Response<v1::ListPlatformFieldsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let platform = platform::get(id_of(&request.parent, "parent")?)?;
        let kind = convert::kind(request.kind, "kind")?.ok_or_else(|| {
            Error::field("kind", "REQUIRED", "Say which kind of record the fields are of.")
        })?;
        let reads = convert::enum_value::<Side>(request.side, "side")? == Side::Source;
        let mut fields = if reads { platform.source_fields(kind) } else { platform.fields(kind) }?;
        let arguments = format!("{}\n{}\n{reads}", request.parent, kind);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page =
            Page::new(&caller.account, "ListPlatformFields", &arguments, size, token, 1_000)?;
        let after: Option<String> = page.after(&self.app.keys)?;
        fields.retain(|field| after.as_ref().is_none_or(|after| field.path > *after));
        let (fields, next_page_token) =
            page.fill(&self.app.keys, fields, |field| field.path.clone(), encode_field)?;
        Ok(Response::new(v1::ListPlatformFieldsResponse { fields, next_page_token }))
    }
}

/// The id in the name of a platform.
fn id_of<'a>(name: &'a str, field: &str) -> crate::error::Result<&'a str> {
    let id = name.strip_prefix("platforms/").filter(|id| crate::name::is_id(id));
    id.ok_or_else(|| {
        Error::field(field, "FORMAT_INVALID", "A name looks like platforms/{platform}.")
    })
}

fn encode_field(field: Field) -> v1::PlatformField {
    use v1::platform_field::Type;
    v1::PlatformField {
        path: field.path,
        r#type: match field.field_type {
            FieldType::Text => Type::Text,
            FieldType::Integer => Type::Integer,
            FieldType::Decimal => Type::Decimal,
            FieldType::Boolean => Type::Boolean,
            FieldType::Instant => Type::Instant,
            FieldType::List => Type::List,
            FieldType::Set => Type::Set,
            FieldType::Object => Type::Object,
            FieldType::Any => Type::Any,
        }
        .into(),
        required: field.required,
        max_length: field.length_max.map_or(0, |max| i32::try_from(max).unwrap_or(i32::MAX)),
        personal: field.personal,
        description: field.about.to_owned(),
    }
}

fn encode(platform: &Platform) -> v1::Platform {
    let target = platform.target.as_deref();
    let kinds = target.map(|target| target.kinds()).unwrap_or_default();
    let look_ups = target.map(|target| target.look_ups()).unwrap_or_default();
    let known = |kind: &Kind| platform.source_kinds.contains(kind) || kinds.contains(kind);
    v1::Platform {
        name: format!("platforms/{}", platform.id),
        display_name: platform.id.title().to_owned(),
        versions: platform.versions.iter().map(|it| (*it).to_owned()).collect(),
        roles: platform.roles.iter().map(|role| encode_role(*role).into()).collect(),
        kinds: Kind::ALL
            .into_iter()
            .filter(known)
            .map(|kind| v1::PlatformKind {
                kind: convert::record_kind(kind).into(),
                source: platform.source_kinds.contains(&kind),
                target: kinds.contains(&kind),
                key: look_ups.iter().find(|it| it.kind == kind).map(encode_key),
                match_fields: target
                    .map(|it| it.match_fields(kind).iter().map(ToString::to_string).collect())
                    .unwrap_or_default(),
            })
            .collect(),
        losses: target.map(|it| it.losses().iter().map(encode_loss).collect()).unwrap_or_default(),
        limits: target.map(|it| it.limits().iter().map(encode_limit).collect()).unwrap_or_default(),
        sandbox_available: platform.sandbox_available,
    }
}

fn encode_key(look_up: &LookUp) -> v1::PlatformKey {
    use v1::platform_key::Consistency;
    v1::PlatformKey {
        field: look_up.field.to_owned(),
        lookup: look_up.search.to_owned(),
        consistency: if look_up.immediate { Consistency::Strong } else { Consistency::Eventual }
            .into(),
        settle_time: Some(prost_types::Duration {
            seconds: i64::from(look_up.settle_time_s),
            nanos: 0,
        }),
    }
}

fn encode_loss(loss: &Loss) -> v1::Loss {
    v1::Loss {
        id: loss_id(loss),
        kind: convert::record_kind(loss.kind).into(),
        field: loss.field.to_owned(),
        description: loss.about.to_owned(),
        kept_in: kept_in(loss).to_owned(),
    }
}

fn encode_limit(limit: &Limit) -> v1::PlatformLimit {
    // A limit is named `<kind>.<field>.<what>`, or `request.<what>` when it is about no kind.
    let (first, rest) = limit.name.split_once('.').unwrap_or((limit.name, ""));
    let kind = first.parse::<Kind>().ok();
    let field = kind.and_then(|_| rest.rsplit_once('.')).map_or("", |(field, _)| field);
    v1::PlatformLimit {
        id: limit.name.replace(['.', '_'], "-"),
        kind: kind.map_or(0, |kind| convert::record_kind(kind).into()),
        field: field.to_owned(),
        value: limit.value.to_string(),
        unit: limit.unit.replace('_', " "),
        description: format!("At most {} {}.", limit.value, limit.unit.replace('_', " ")),
        source_url: limit.source.to_owned(),
        read_date: limit.read_on.to_owned(),
    }
}
