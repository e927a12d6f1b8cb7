//! Links that are imported: records that are in the target already, made by hand or by another tool.

use std::collections::HashMap;

use cartage_connectors::Target;
use cartage_model::Kind;

use super::{
    connection::{Connection, target_of_platform},
    migration::Migration,
    run,
};
use crate::{
    error::{Error, Failure, Result},
    name::Name,
    reason::Reason,
    store::{
        Tx,
        event::NewEvent,
        record_link::{LinkSpace, RecordLink},
    },
};

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 1_024;

/// A link as it was sent.
#[derive(Clone, Debug, Default)]
pub struct NewLink {
    /// The kind; none when it was not said.
    pub kind: Option<Kind>,
    /// The id in the source.
    pub source_id: String,
    /// The role; empty for the record's own object.
    pub role: String,
    /// The id in the target.
    pub target_id: String,
    /// For a part of a record, the id of the record.
    pub parent_source_id: String,
}

/// What became of links.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// How many are new.
    pub created: u64,
    /// How many were there.
    pub unchanged: u64,
    /// Which were refused, by their place, and why.
    pub refused: Vec<(usize, Failure)>,
}

/// Takes over links into the target of a migration; those that cannot be taken over are named.
///
/// # Errors
/// `RESOURCE_NOT_FOUND`, `LIVE_RUN_ACTIVE`, `CAPABILITY_UNSUPPORTED`.
pub async fn import(tx: &mut Tx, migration: &Name, links: Vec<NewLink>) -> Result<Imported> {
    let held = tx.resource_get::<Migration>(migration).await?;
    // A run that is under way has looked at the links of some records already.
    run::refuse_beside_writer(tx, migration, &[]).await?;
    let target = held.body.target_connection;
    let connection = tx.resource_get::<Connection>(&Name::trusted(&target)).await?;
    let shop = target_of_platform(&connection.body.platform)?;
    let space = LinkSpace { migration: migration.clone(), target };

    let mut imported = Imported::default();
    let mut good: Vec<(usize, RecordLink)> = Vec::new();
    for (index, link) in links.into_iter().enumerate() {
        match checked(shop.as_ref(), link) {
            Ok(link) => good.push((index, link)),
            Err(failure) => imported.refused.push((index, failure)),
        }
    }
    let places: Vec<_> = good.iter().map(|(_, link)| place(link)).collect();
    let known = tx.record_link_find(&space, &places).await?;
    let mut known: HashMap<_, String> =
        known.into_iter().map(|link| (place(&link), link.target_id)).collect();
    let mut new = Vec::new();
    for (index, link) in good {
        match known.get(&place(&link)) {
            Some(target_id) if *target_id == link.target_id => imported.unchanged += 1,
            Some(_) => imported.refused.push((index, contradiction())),
            None => {
                known.insert(place(&link), link.target_id.clone());
                new.push(link);
            }
        }
    }
    if !new.is_empty() {
        imported.created = tx.record_link_import(&space, &new).await?;
    }
    imported.refused.sort_by_key(|(index, _)| *index);
    Ok(imported)
}

/// The event of links that were taken over.
pub fn event(migration: &Name, imported: &Imported) -> NewEvent {
    let count = |name: &str, count: u64| (name.to_owned(), count.to_string());
    let refused = u64::try_from(imported.refused.len()).unwrap_or(u64::MAX);
    NewEvent {
        event_type: "migration.record_links_imported".to_owned(),
        resource: migration.as_str().to_owned(),
        attributes: [count("createdCount", imported.created), count("refusedCount", refused)]
            .into(),
        ..NewEvent::default()
    }
}

fn place(link: &RecordLink) -> (String, String, String) {
    (link.kind.clone(), link.source_id.clone(), link.role.clone())
}

fn checked(shop: &dyn Target, link: NewLink) -> Result<RecordLink, Failure> {
    let kind = link.kind.ok_or_else(|| wrong("kind", "A link needs the kind of its record."))?;
    if !shop.kinds().contains(&kind) {
        return Err(wrong("kind", "The target holds no records of this kind."));
    }
    let role = if link.role.is_empty() { kind.as_str() } else { link.role.as_str() };
    if !shop.roles(kind).contains(&role) {
        return Err(wrong("role", "No object of this kind of record plays this role."));
    }
    for (field, id) in [("source_id", &link.source_id), ("target_id", &link.target_id)] {
        if id.is_empty() {
            return Err(wrong(field, "A link needs the ids of both shops."));
        }
    }
    for (field, id) in [
        ("source_id", &link.source_id),
        ("target_id", &link.target_id),
        ("parent_source_id", &link.parent_source_id),
    ] {
        if id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) {
            return Err(wrong(field, "An id is at most 1024 bytes of one line."));
        }
    }
    let is_own = role == kind.as_str();
    let record = match link.parent_source_id.as_str() {
        "" => link.source_id.clone(),
        parent if is_own && parent != link.source_id => {
            return Err(wrong("parent_source_id", "A record itself is no part of another."));
        }
        parent => parent.to_owned(),
    };
    Ok(RecordLink {
        kind: kind.as_str().to_owned(),
        role: role.to_owned(),
        source_id: link.source_id,
        target_id: link.target_id,
        record_source_id: record,
        payload_hash: None,
        create_run: String::new(),
        create_time: chrono::DateTime::UNIX_EPOCH,
        update_time: chrono::DateTime::UNIX_EPOCH,
    })
}

fn wrong(field: &'static str, message: &str) -> Failure {
    Error::new(Reason::InvalidFields, message).with("field", field).to_failure()
}

fn contradiction() -> Failure {
    let message = "There is a link of this record and role already, with another target id.";
    Error::new(Reason::TargetConflict, message).with("field", "target_id").to_failure()
}
