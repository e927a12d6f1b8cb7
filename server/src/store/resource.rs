//! The envelope of every resource of the API, and its body.

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::Tx;
use crate::{
    error::{Error, Result},
    name::Name,
    reason::Reason,
};

/// What kind of resource a type is the body of.
pub trait Body: Serialize + DeserializeOwned + Send + Sync {
    /// The type in the table, such as `connection`.
    const TYPE: &'static str;
    /// Its states.
    type State: State;
}

/// A state as the table holds it.
pub trait State: Copy + Eq + Send + Sync + std::fmt::Debug {
    /// The text of the API, in upper case.
    fn as_str(self) -> &'static str;
    /// The state of a text.
    fn parse(text: &str) -> Option<Self>;
}

/// Declares the states of a resource.
#[macro_export]
macro_rules! states {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }
        impl $crate::store::resource::State for $name {
            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

/// A resource.
#[derive(Clone, Debug)]
pub struct Resource<B: Body> {
    /// Its name.
    pub name: Name,
    /// Its id for ever, also when the name is used again.
    pub uid: Uuid,
    /// Counts its changes.
    pub revision: i64,
    /// Its state.
    pub state: B::State,
    /// The rest.
    pub body: B,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
    /// When it was deleted, for those that are deleted softly.
    pub delete_time: Option<DateTime<Utc>>,
}

impl<B: Body> Resource<B> {
    /// The etag of this revision.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }

    /// Where it stands in a list, newest first.
    pub fn place(&self) -> (DateTime<Utc>, String) {
        (self.create_time, self.name.as_str().to_owned())
    }

    /// Compares an etag of a caller with this revision.
    ///
    /// # Errors
    /// `ETAG_REQUIRED` when it is missing and required, `ETAG_MISMATCH` when it differs.
    pub fn check_etag(&self, etag: &str, required: bool) -> Result<()> {
        if etag.is_empty() {
            if required {
                let mut error = Error::new(
                    Reason::EtagRequired,
                    "This call needs the etag of the resource as it was read.",
                );
                error.violations.push(crate::error::Violation {
                    field: "etag".to_owned(),
                    reason: "REQUIRED",
                    description: "Read the resource and send its etag.".to_owned(),
                });
                return Err(error);
            }
            return Ok(());
        }
        if etag == self.etag() {
            return Ok(());
        }
        Err(Error::new(
            Reason::EtagMismatch,
            format!("{} has changed since it was read.", self.name),
        )
        .with("currentEtag", self.etag()))
    }
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) uid: Uuid,
    pub(super) revision: i64,
    pub(super) state: String,
    pub(super) body: serde_json::Value,
    pub(super) create_time: DateTime<Utc>,
    pub(super) update_time: DateTime<Utc>,
    pub(super) delete_time: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn into_resource<B: Body>(self) -> Result<Resource<B>> {
        let state = B::State::parse(&self.state).ok_or_else(|| {
            Error::internal(format!("{} is in the unknown state {}", self.name, self.state))
        })?;
        Ok(Resource {
            name: Name::trusted(self.name),
            uid: self.uid,
            revision: self.revision,
            state,
            body: serde_json::from_value(self.body)?,
            create_time: self.create_time,
            update_time: self.update_time,
            delete_time: self.delete_time,
        })
    }
}

/// How a list is cut.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// How many at most.
    pub limit: i64,
    /// Behind which (create time, name); newest first.
    pub after: Option<(DateTime<Utc>, String)>,
    /// Only these states; empty is all.
    pub states: Vec<String>,
    /// Whether softly deleted ones are listed too.
    pub deleted: bool,
}

impl Tx {
    /// Makes the account's own row where it is missing.
    pub async fn account_ensure(&mut self) -> Result<()> {
        sqlx::query!(
            "insert into account (account_id) values ($1) on conflict do nothing",
            self.account
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Inserts a resource.
    ///
    /// # Errors
    /// `RESOURCE_EXISTS`; `RESOURCE_NOT_FOUND` when the parent is not there.
    pub async fn resource_insert<B: Body>(
        &mut self,
        name: &Name,
        state: B::State,
        body: &B,
    ) -> Result<Resource<B>> {
        let parent = name.parent().filter(|parent| parent.parent().is_some());
        if parent.is_none() {
            self.account_ensure().await?;
        }
        let inserted = sqlx::query_as!(
            Row,
            "insert into resource (account_id, name, type, parent, uid, state, body)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict do nothing
            returning name, uid, revision, state, body, create_time, update_time, delete_time",
            self.account,
            name.as_str(),
            B::TYPE,
            parent.as_ref().map(Name::as_str),
            crate::id::new(),
            state.as_str(),
            serde_json::to_value(body)?,
        )
        .fetch_optional(&mut *self.inner)
        .await;
        match inserted {
            Ok(Some(row)) => row.into_resource(),
            Ok(None) => Err(Error::new(Reason::ResourceExists, format!("{name} exists already."))
                .with("resource", name.as_str())),
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(Error::not_found(parent.as_ref().map_or("", Name::as_str)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// `RESOURCE_NOT_FOUND`.
    pub async fn resource_get<B: Body>(&mut self, name: &Name) -> Result<Resource<B>> {
        let row = sqlx::query_as!(
            Row,
            "select name, uid, revision, state, body, create_time, update_time, delete_time
            from resource
            where account_id = $1 and name = $2 and type = $3",
            self.account,
            name.as_str(),
            B::TYPE,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.ok_or_else(|| Error::not_found(name.as_str()))?.into_resource()
    }

    /// Reads a resource and holds it until the end of the transaction.
    ///
    /// # Errors
    /// `RESOURCE_NOT_FOUND`.
    pub async fn resource_lock<B: Body>(&mut self, name: &Name) -> Result<Resource<B>> {
        let row = sqlx::query_as!(
            Row,
            "select name, uid, revision, state, body, create_time, update_time, delete_time
            from resource
            where account_id = $1 and name = $2 and type = $3
            for update",
            self.account,
            name.as_str(),
            B::TYPE,
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        row.ok_or_else(|| Error::not_found(name.as_str()))?.into_resource()
    }

    /// Waits until nobody else decides what the children of a resource may do, and keeps others
    /// from it until the end of the transaction; what is read afterwards is what the others
    /// committed. It must be asked for before the row of the parent itself is held: others come to
    /// that row with this in hand, and the two would wait for each other.
    pub async fn resource_children_hold(&mut self, parent: &Name) -> Result<()> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended($1 || ':' || $2, 0))",
            self.account,
            parent.as_str(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Writes state and body of a resource that is held, and counts the revision.
    pub async fn resource_update<B: Body>(&mut self, resource: &mut Resource<B>) -> Result<()> {
        let row = sqlx::query!(
            "update resource
            set state = $3, body = $4, delete_time = $5, revision = revision + 1, update_time = clock_timestamp()
            where account_id = $1 and name = $2
            returning revision, update_time",
            self.account,
            resource.name.as_str(),
            resource.state.as_str(),
            serde_json::to_value(&resource.body)?,
            resource.delete_time,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        resource.revision = row.revision;
        resource.update_time = row.update_time;
        Ok(())
    }

    /// Removes a resource.
    ///
    /// # Errors
    /// `CHILDREN_EXIST` when other resources stand below it.
    pub async fn resource_delete(&mut self, name: &Name) -> Result<()> {
        let deleted = sqlx::query!(
            "delete from resource where account_id = $1 and name = $2",
            self.account,
            name.as_str(),
        )
        .execute(&mut *self.inner)
        .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(Error::new(
                    Reason::ChildrenExist,
                    format!("{name} has resources below it; delete those first, or use force."),
                )
                .with("resource", name.as_str()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lists resources below a parent, newest first. `parent` is an account's name for those that
    /// stand directly below it.
    pub async fn resource_list<B: Body>(
        &mut self,
        parent: &Name,
        cut: &Cut,
    ) -> Result<Vec<Resource<B>>> {
        let parent = parent.parent().is_some().then(|| parent.as_str().to_owned());
        let (time, name) = cut.after.clone().unzip();
        let rows = sqlx::query_as!(
            Row,
            "select name, uid, revision, state, body, create_time, update_time, delete_time
            from resource
            where account_id = $1 and type = $2 and parent is not distinct from $3
                and ($4::timestamptz is null or (create_time, name) < ($4, $5))
                and (cardinality($6::text[]) = 0 or state = any($6))
                and ($7 or delete_time is null)
            order by create_time desc, name desc
            limit $8",
            self.account,
            B::TYPE,
            parent,
            time,
            name,
            &cut.states,
            cut.deleted,
            cut.limit,
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Row::into_resource).collect()
    }

    /// How many resources of a type stand below a parent in one of some states.
    pub async fn resource_count(
        &mut self,
        resource_type: &str,
        parent: &Name,
        states: &[String],
    ) -> Result<i64> {
        let row = sqlx::query!(
            r#"select count(*) as "count!" from resource
            where account_id = $1 and type = $2 and parent = $3 and state = any($4)"#,
            self.account,
            resource_type,
            parent.as_str(),
            states,
        )
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(row.count)
    }
}
