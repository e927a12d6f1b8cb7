//! Mappings: the working copy that is edited, and the revisions of it that runs use and that never
//! change.

use cartage_connectors::Target;
use cartage_model::{ExclusionRule, FieldRule};
use cartage_pipeline::mapping::{CompiledMapping, Issue, compile, validate};
use serde::{Deserialize, Serialize};

use super::{
    connection,
    migration::{self, Migration},
};
use crate::{
    error::{Error, Result, Violation},
    name::Name,
    reason::Reason,
    states,
    store::{
        Tx,
        resource::{Body, Resource},
    },
};

/// The most rules of a mapping, as the contract says.
pub const RULES_MAX: usize = 5_000;
/// The most exclusions of a mapping.
pub const EXCLUSIONS_MAX: usize = 500;
/// The longest name for people, in characters.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 200;

/// What a mapping says, with its authors' remarks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Rules and exclusions.
    #[serde(flatten)]
    pub mapping: cartage_model::Mapping,
    /// A remark per rule, in the order of the rules; shorter where the last ones have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Content {
    /// The remark of a rule.
    pub fn note(&self, rule: usize) -> &str {
        self.notes.get(rule).map_or("", String::as_str)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.mapping.rules.is_empty() && self.mapping.exclusions.is_empty()
    }

    /// BLAKE3 of the content; equal contents hash equally.
    pub fn hash(&self) -> Result<String> {
        Ok(blake3::hash(&serde_json::to_vec(self)?).to_hex().to_string())
    }
}

/// The working copy of a mapping.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// A name for people.
    pub display_name: String,
    /// From which platform.
    pub source_platform: String,
    /// To which platform.
    pub target_platform: String,
    /// What it says.
    pub content: Content,
    /// The hash of the content.
    pub content_hash: String,
    /// The number of the newest revision; 0 for none.
    pub latest_number: i32,
    /// The hash of the newest revision.
    pub latest_hash: String,
}

impl Body for Mapping {
    const TYPE: &'static str = "mapping";
    type State = MappingState;
}

states! {
    /// The states of a mapping.
    MappingState { Draft = "DRAFT", Invalid = "INVALID", Published = "PUBLISHED" }
}

/// A published revision of a mapping.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MappingRevision {
    /// 1, 2, 3 and so on within the mapping.
    pub number: i32,
    /// What it says.
    pub content: cartage_model::Mapping,
    /// The remarks of the rules.
    pub notes: Vec<String>,
    /// The hash of content and remarks.
    pub content_hash: String,
    /// From which platform.
    pub source_platform: String,
    /// To which platform.
    pub target_platform: String,
    /// Who published it.
    pub author: String,
}

impl Body for MappingRevision {
    const TYPE: &'static str = "mapping_revision";
    type State = MappingRevisionState;
}

states! {
    /// The one state of a revision.
    MappingRevisionState { Published = "PUBLISHED" }
}

/// What an update changes; none leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The name for people.
    pub display_name: Option<String>,
    /// All rules with their remarks.
    pub rules: Option<(Vec<FieldRule>, Vec<String>)>,
    /// All exclusions.
    pub exclusions: Option<Vec<ExclusionRule>>,
}

/// Creates a mapping; empty content becomes the default mapping of the pair of platforms.
///
/// # Errors
/// `RESOURCE_NOT_FOUND` for the migration, `CAPABILITY_UNSUPPORTED` without a road between the
/// platforms, `RESOURCE_EXISTS`, `INVALID_FIELDS`.
pub async fn create(
    tx: &mut Tx,
    migration: &Name,
    id: &str,
    display_name: &str,
    content: Content,
) -> Result<Resource<Mapping>> {
    check_display_name(display_name)?;
    let (source_platform, target_platform) = pair(tx, migration).await?;
    let content = if content.is_empty() {
        let mapping = connection::target_of_platform(&target_platform)?.default_mapping();
        Content { mapping, notes: Vec::new() }
    } else {
        content
    };
    let mut body = Mapping {
        display_name: display_name.to_owned(),
        source_platform,
        target_platform,
        content,
        ..Mapping::default()
    };
    let state = settle(&mut body).await?;
    tx.resource_insert(&migration.child("mappings", id), state, &body).await
}

/// Changes the working copy. Gives the state before too.
///
/// # Errors
/// `ETAG_REQUIRED`, `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`, `INVALID_FIELDS`.
pub async fn update(
    tx: &mut Tx,
    name: &Name,
    etag: &str,
    edit: Edit,
) -> Result<(Resource<Mapping>, MappingState)> {
    let mut mapping = tx.resource_lock::<Mapping>(name).await?;
    mapping.check_etag(etag, true)?;
    let before = mapping.state;
    if let Some(display_name) = edit.display_name {
        check_display_name(&display_name)?;
        mapping.body.display_name = display_name;
    }
    if let Some((rules, notes)) = edit.rules {
        mapping.body.content.mapping.rules = rules;
        mapping.body.content.notes = notes;
    }
    if let Some(exclusions) = edit.exclusions {
        mapping.body.content.mapping.exclusions = exclusions;
    }
    mapping.state = settle(&mut mapping.body).await?;
    tx.resource_update(&mut mapping).await?;
    Ok((mapping, before))
}

/// Deletes a mapping with its revisions.
///
/// # Errors
/// `ETAG_MISMATCH`, `RESOURCE_NOT_FOUND`, `CHILDREN_EXIST` when a plan or run refers to it.
pub async fn delete(tx: &mut Tx, name: &Name, etag: &str) -> Result<()> {
    let mapping = tx.resource_lock::<Mapping>(name).await?;
    mapping.check_etag(etag, false)?;
    if let Some(user) = tx.resource_referring(name, &["plan", "run"]).await? {
        return Err(Error::new(
            Reason::ChildrenExist,
            format!("{name} is used by {user}; delete that first."),
        )
        .with("resource", name.as_str())
        .with("usedBy", user));
    }
    tx.resource_delete_below(name).await?;
    tx.resource_delete(name).await
}

/// What publishing gave.
#[derive(Debug)]
pub struct Published {
    /// The newest revision.
    pub revision: Resource<MappingRevision>,
    /// The state of the mapping before.
    pub before: MappingState,
    /// Whether the revision was made now.
    pub fresh: bool,
}

/// Makes an immutable revision of the working copy, or gives the newest one when nothing changed
/// since.
///
/// # Errors
/// `ETAG_REQUIRED`, `ETAG_MISMATCH`, `MAPPING_INVALID`, `RESOURCE_NOT_FOUND`.
pub async fn publish(tx: &mut Tx, name: &Name, etag: &str, author: &str) -> Result<Published> {
    let mut mapping = tx.resource_lock::<Mapping>(name).await?;
    mapping.check_etag(etag, true)?;
    let before = mapping.state;
    let body = &mut mapping.body;
    if body.latest_number > 0 && body.latest_hash == body.content_hash {
        let latest = revision_name(name, body.latest_number);
        return Ok(Published { revision: tx.resource_get(&latest).await?, before, fresh: false });
    }
    // Not the stored state: another version of the server may judge otherwise than the one that
    // stored it.
    refuse_invalid(&issues(&body.target_platform, &body.content.mapping).await?)?;
    body.latest_number += 1;
    body.latest_hash.clone_from(&body.content_hash);
    let revision = MappingRevision {
        number: body.latest_number,
        content: body.content.mapping.clone(),
        notes: body.content.notes.clone(),
        content_hash: body.content_hash.clone(),
        source_platform: body.source_platform.clone(),
        target_platform: body.target_platform.clone(),
        author: author.to_owned(),
    };
    let revision_name = revision_name(name, body.latest_number);
    mapping.state = MappingState::Published;
    tx.resource_update(&mut mapping).await?;
    let revision =
        tx.resource_insert(&revision_name, MappingRevisionState::Published, &revision).await?;
    if let Some(migration) = migration_of(name) {
        let mut migration = tx.resource_lock::<Migration>(&migration).await?;
        migration.body.latest_mapping_revision = revision_name.as_str().to_owned();
        tx.resource_update(&mut migration).await?;
    }
    Ok(Published { revision, before, fresh: true })
}

/// The name of a revision by its number.
pub fn revision_name(mapping: &Name, number: i32) -> Name {
    mapping.child("revisions", &format!("r{number}"))
}

/// What a stored mapping or revision of a migration says.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`.
pub async fn content_of(tx: &mut Tx, name: &Name) -> Result<Content> {
    if name.as_str().contains("/revisions/") {
        let MappingRevision { content, notes, .. } =
            tx.resource_get::<MappingRevision>(name).await?.body;
        return Ok(Content { mapping: content, notes });
    }
    Ok(tx.resource_get::<Mapping>(name).await?.body.content)
}

/// The platforms between which a migration goes.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`.
pub async fn pair(tx: &mut Tx, migration: &Name) -> Result<(String, String)> {
    let migration = tx.resource_get::<Migration>(migration).await?;
    migration::platforms(tx, &migration.body).await
}

/// All that is wrong with a mapping into a platform.
///
/// # Errors
/// `CAPABILITY_UNSUPPORTED` when the platform is no target.
pub async fn issues(platform: &str, mapping: &cartage_model::Mapping) -> Result<Vec<Issue>> {
    let target = connection::target_of_platform(platform)?;
    let mapping = mapping.clone();
    // Compiling thousands of expressions takes longer than an executor's thread may be held.
    tokio::task::spawn_blocking(move || validate(&mapping, &schema_of(target.as_ref())))
        .await
        .map_err(Error::internal)
}

/// A mapping ready to run into a platform.
///
/// # Errors
/// `MAPPING_INVALID` with what is wrong with it, `CAPABILITY_UNSUPPORTED`.
pub async fn compiled(
    platform: &str,
    mapping: &cartage_model::Mapping,
) -> Result<(CompiledMapping, Box<dyn Target>)> {
    let target = connection::target_of_platform(platform)?;
    let mapping = mapping.clone();
    let (compiled, target) = tokio::task::spawn_blocking(move || {
        let compiled = compile(&mapping, &schema_of(target.as_ref()));
        (compiled, target)
    })
    .await
    .map_err(Error::internal)?;
    compiled.map(|compiled| (compiled, target)).map_err(|issues| invalid(&issues))
}

fn schema_of(
    target: &dyn Target,
) -> impl Fn(cartage_model::Kind) -> &'static [cartage_model::FieldSpec] + Sync {
    |kind| target.schema(kind)
}

/// The path of what an issue is about, below the content.
pub fn place(issue: &Issue, mapping: &cartage_model::Mapping) -> String {
    use cartage_model::RuleValue;
    use cartage_pipeline::mapping::reason;
    if let Some(index) = issue.exclusion_index {
        let part =
            if issue.reason == reason::EXCLUSION_NAME_INVALID { "name" } else { "predicate" };
        return format!("exclusions[{index}].{part}");
    }
    let Some(index) = issue.rule_index else { return "rules".to_owned() };
    let part = match (issue.reason, mapping.rules.get(index).map(|rule| &rule.value)) {
        (reason::KIND_UNSUPPORTED, _) => "kind",
        // The pipeline says in words which of the two paths it means: a canonical field is "a
        // canonical …", everything else about a path is about the target's.
        (reason::FIELD_UNKNOWN, _) if issue.message.starts_with("the target") => "target_field",
        (_, Some(RuleValue::SourcePath(_))) => "source_path",
        (_, Some(RuleValue::Constant(_))) => "constant",
        (_, Some(RuleValue::ValueMap { .. })) => "value_map",
        (_, Some(RuleValue::Template(_))) => "template",
        (_, Some(RuleValue::Expression(_))) => "expression",
        (_, None) => "target_field",
    };
    format!("rules[{index}].{part}")
}

fn refuse_invalid(issues: &[Issue]) -> Result<()> {
    if issues.is_empty() { Ok(()) } else { Err(invalid(issues)) }
}

fn invalid(issues: &[Issue]) -> Error {
    let mut error = Error::new(
        Reason::MappingInvalid,
        "The mapping is not valid; ValidateMapping lists what is wrong.",
    )
    .with("issueCount", issues.len().to_string());
    error.violations = issues
        .iter()
        .map(|issue| Violation {
            field: issue
                .rule_index
                .map_or_else(|| "content".to_owned(), |index| format!("content.rules[{index}]")),
            reason: "SYNTAX",
            description: issue.message.clone(),
        })
        .collect();
    error
}

/// Works out hash and state of a working copy.
async fn settle(body: &mut Mapping) -> Result<MappingState> {
    body.content_hash = body.content.hash()?;
    if body.latest_number > 0 && body.latest_hash == body.content_hash {
        return Ok(MappingState::Published);
    }
    let valid = issues(&body.target_platform, &body.content.mapping).await?.is_empty();
    Ok(if valid { MappingState::Draft } else { MappingState::Invalid })
}

fn check_display_name(text: &str) -> Result<()> {
    if text.chars().count() <= DISPLAY_NAME_CHARACTERS_MAX {
        return Ok(());
    }
    Err(Error::field(
        "mapping.display_name",
        "TOO_LONG",
        format!("A name for people has at most {DISPLAY_NAME_CHARACTERS_MAX} characters."),
    ))
}

fn migration_of(mapping: &Name) -> Option<Name> {
    mapping.parent()
}
