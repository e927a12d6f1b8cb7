//! The shop's scopes in a snapshot: what the source said about them, and the tree made of it. The
//! same way when a snapshot is written and when it is proven.

use cartage_model::{RawScope, ScopeNode, ScopeTree};

use super::{
    Damage, Result, ScopeFacts, Segment,
    document::DocumentRow,
    raw::RawWriter,
    segment::Files,
    table_writer::TableWriter,
    tables::{Cell, SCOPE, scope_cells},
};

/// A scope with its text and its hash.
pub(super) struct Document {
    pub(super) document: String,
    hash: String,
}

/// A tree as it is stored.
pub(super) struct Canonical {
    pub(super) documents: Vec<Document>,
    /// BLAKE3 over the hashes in order.
    pub(super) digest: String,
}

impl Canonical {
    pub(super) fn of(tree: &ScopeTree) -> Result<Self> {
        let (mut documents, mut digest) = (Vec::new(), blake3::Hasher::new());
        for node in tree.nodes() {
            let document = serde_json::to_string(node)?;
            let hash = blake3::hash(document.as_bytes()).to_hex().to_string();
            digest.update(hash.as_bytes());
            documents.push(Document { document, hash });
        }
        Ok(Self { documents, digest: digest.finalize().to_hex().to_string() })
    }
}

/// What the manifest keeps of written scopes.
pub(super) struct WrittenScopes {
    pub(super) facts: ScopeFacts,
    pub(super) segments: Vec<Segment>,
}

/// Writes and stores both forms.
pub(super) async fn write(
    files: &Files,
    raw: &[RawScope],
    tree: &ScopeTree,
) -> Result<WrittenScopes> {
    let mut raw_writer = RawWriter::new(files.clone(), None);
    for said in raw {
        raw_writer.write(said)?;
    }
    let (mut segments, raw, raw_digest) = raw_writer.finish().await?;
    let canonical = Canonical::of(tree)?;
    let mut table = TableWriter::new(files.clone(), None, &SCOPE);
    for (index, (node, it)) in tree.nodes().iter().zip(&canonical.documents).enumerate() {
        push(&mut table, index, node, it)?;
    }
    segments.extend(table.finish().await?);
    let scopes = u64::try_from(canonical.documents.len()).unwrap_or(u64::MAX);
    let facts = ScopeFacts { scopes, raw, scopes_digest: canonical.digest, raw_digest };
    Ok(WrittenScopes { facts, segments })
}

fn push(table: &mut TableWriter, index: usize, node: &ScopeNode, it: &Document) -> Result<()> {
    let (level, code) = scope_cells(Some(&node.scope));
    let (parent_level, parent_code) = scope_cells(node.parent.as_ref());
    table.push(&[
        Cell::from(index),
        Cell::from(&node.source_id),
        Cell::from(&it.hash),
        Cell::from(&it.document),
        Cell::from(level),
        Cell::from(code),
        Cell::from(parent_level),
        Cell::from(parent_code),
        Cell::from(&node.source_type),
        Cell::from(&node.title),
        Cell::from(&node.locale),
        Cell::from((!node.locales.is_empty()).then(|| node.locales.join(" ")).as_deref()),
        Cell::from(node.currency.as_ref().map(cartage_model::Currency::as_str)),
        Cell::from(&node.base_url),
        Cell::from(node.prices_include_tax),
        Cell::from(node.enabled),
    ])
}

/// The tree of stored rows.
pub(super) fn tree(rows: &[DocumentRow]) -> Result<ScopeTree> {
    let nodes = rows
        .iter()
        .map(|row| serde_json::from_str(&row.document))
        .collect::<Result<Vec<ScopeNode>, _>>()?;
    ScopeTree::new(nodes).map_err(|error| {
        let path = format!("tables/{}", SCOPE.name);
        Damage::Different { path, why: error.to_string() }.into()
    })
}
