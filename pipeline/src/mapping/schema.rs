//! What a mapping needs to know of a target: its fields per kind.

use cartage_model::{FieldSpec, FieldType, Kind};

/// The fields of a target, per kind. Any `Fn(Kind) -> &'static [FieldSpec]` is one.
pub trait Schema: Sync {
    /// The fields of a kind; empty when the target does not take it.
    fn fields(&self, kind: Kind) -> &'static [FieldSpec];
}

impl<F: Fn(Kind) -> &'static [FieldSpec] + Sync> Schema for F {
    fn fields(&self, kind: Kind) -> &'static [FieldSpec] {
        self(kind)
    }
}

/// Whether `path` lies below `above`: `a.b` and `a[]` below `a`.
pub(crate) fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
}

/// The path above the star of `metadata.*`.
pub(crate) fn wildcard_root(path: &str) -> Option<&str> {
    path.strip_suffix(".*")
}

/// Whether a target path (without indices) is one that the field describes or lies below it.
pub(crate) fn describes(spec: &FieldSpec, path: &str) -> bool {
    match wildcard_root(spec.path) {
        Some(root) => path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.')),
        None => spec.path == path || (holds_parts(spec.field_type) && is_below(path, spec.path)),
    }
}

/// Whether values of the type have parts of their own.
fn holds_parts(field_type: FieldType) -> bool {
    match field_type {
        FieldType::Object | FieldType::Any | FieldType::List | FieldType::Set => true,
        FieldType::Text
        | FieldType::Integer
        | FieldType::Decimal
        | FieldType::Boolean
        | FieldType::Instant => false,
    }
}

/// Whether filling `path` fills (part of) the field: the same path, below it, or above it.
pub(crate) fn fills(spec: &FieldSpec, path: &str) -> bool {
    describes(spec, path) || is_below(spec.path, path)
}

/// The field that describes a path best: the same path before wildcards before structures.
pub(crate) fn spec_of<'a>(specs: &'a [FieldSpec], path: &str) -> Option<&'a FieldSpec> {
    specs.iter().find(|spec| spec.path == path).or_else(|| {
        specs.iter().filter(|spec| describes(spec, path)).max_by_key(|spec| spec.path.len())
    })
}
