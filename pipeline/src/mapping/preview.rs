//! Trying a mapping out on a few records, without a target.

use cartage_model::{FieldSpec, Kind, Mapped};
use serde::Serialize;
use serde_json::Value;

use super::{
    mask::Mask,
    run::{CompiledMapping, Failure, MapOutcome},
};

/// What a mapping would make of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewOutcome {
    /// It would stand in the target like this.
    Mapped(Mapped),
    /// It would be left out by the named rule.
    Excluded(String),
    /// The mapping fails on it.
    Failed(Failure),
    /// The target would not take it.
    Refused(Failure),
}

/// One record of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewRow {
    /// Its id in the source.
    pub source_id: String,
    /// The canonical record.
    pub document: Value,
    /// What would become of it.
    pub outcome: PreviewOutcome,
}

/// Maps and fits at most `limit` records. `fit` is the target's own; with a mask, the record, its
/// result and its id are masked after they were worked on.
pub fn preview(
    compiled: &CompiledMapping,
    kind: Kind,
    documents: impl IntoIterator<Item = (String, Value)>,
    fit: impl Fn(Mapped) -> Result<Mapped, Failure>,
    mask: Option<(&Mask, &[FieldSpec])>,
    limit: usize,
) -> Vec<PreviewRow> {
    documents
        .into_iter()
        .take(limit)
        .map(|(mut source_id, mut document)| {
            let mut outcome = match compiled.map(kind, &source_id, &document) {
                MapOutcome::Mapped(mapped) => match fit(mapped) {
                    Ok(fitted) => PreviewOutcome::Mapped(fitted),
                    Err(refusal) => PreviewOutcome::Refused(refusal),
                },
                MapOutcome::Excluded { rule } => PreviewOutcome::Excluded(rule),
                MapOutcome::Failed(failure) => PreviewOutcome::Failed(failure),
            };
            if let Some((mask, specs)) = mask {
                mask.mask_document(kind, &mut document);
                source_id = mask.in_text(source_id);
                if let PreviewOutcome::Mapped(mapped) = &mut outcome {
                    mask.mask(specs, mapped);
                    mapped.source_id.clone_from(&source_id);
                }
            }
            PreviewRow { source_id, document, outcome }
        })
        .collect()
}
