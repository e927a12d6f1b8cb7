//! The wire contract of Cartage: package `cartage.v1`, generated from the files in `proto/`.
//!
//! Knows nothing of the other crates. The comments of the protos are the documentation of the API
//! and appear here on the generated types.

/// The proto packages under their own names.
pub mod cartage {
    /// Version 1 of the API.
    #[allow(
        missing_docs,
        unreachable_pub,
        rustdoc::all,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated; its comments are written for all languages, not for rustdoc"
    )]
    pub mod v1 {
        tonic::include_proto!("cartage.v1");
    }
}

pub use cartage::v1;

/// The encoded `FileDescriptorSet` of `cartage.v1` with all it imports and its comments, for the
/// reflection services.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// The `domain` of every `google.rpc.ErrorInfo` this service sends.
pub const ERROR_DOMAIN: &str = "api.cartage";

impl v1::ErrorReason {
    /// The word that stands as `reason` in `google.rpc.ErrorInfo`: the name of the value without its
    /// prefix, such as `ETAG_MISMATCH`.
    #[must_use]
    pub fn as_reason(self) -> &'static str {
        unprefixed(self.as_str_name(), "ERROR_REASON_")
    }

    /// The value of a `reason` of `google.rpc.ErrorInfo`; none for one this crate does not know.
    #[must_use]
    pub fn from_reason(reason: &str) -> Option<Self> {
        Self::from_str_name(&format!("ERROR_REASON_{reason}"))
    }
}

impl v1::Precondition {
    /// The word that stands as `type` of a violation in `google.rpc.PreconditionFailure`.
    #[must_use]
    pub fn as_type(self) -> &'static str {
        unprefixed(self.as_str_name(), "PRECONDITION_")
    }
}

impl v1::FieldViolationReason {
    /// The word that stands as `reason` of a violation in `google.rpc.BadRequest`.
    #[must_use]
    pub fn as_reason(self) -> &'static str {
        unprefixed(self.as_str_name(), "FIELD_VIOLATION_REASON_")
    }
}

fn unprefixed(name: &'static str, prefix: &str) -> &'static str {
    name.strip_prefix(prefix).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use prost::Message as _;

    use super::*;

    fn reasons() -> BTreeSet<String> {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let file = set.file.iter().find(|file| file.name() == "cartage/v1/errors.proto").unwrap();
        let reasons = &file.enum_type.iter().find(|e| e.name() == "ErrorReason").unwrap().value;
        reasons
            .iter()
            .filter(|value| value.number() != 0)
            .map(|value| value.name().strip_prefix("ERROR_REASON_").unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_error_reason_fits_error_info_and_has_a_page() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
        let pages: BTreeSet<String> = std::fs::read_dir(docs)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|stem| stem != "README")
            .collect();
        let reasons = reasons();
        assert_eq!(reasons, pages);
        for reason in &reasons {
            assert!(reason.len() <= 63, "{reason} is too long for ErrorInfo");
            let value = v1::ErrorReason::from_reason(reason).unwrap();
            assert_eq!(value.as_reason(), reason);
        }
    }

    #[test]
    fn the_descriptor_set_holds_every_service_and_the_comments() {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let ours = || set.file.iter().filter(|file| file.package() == "cartage.v1");
        assert_eq!(ours().map(|file| file.service.len()).sum::<usize>(), 11);
        assert!(ours().all(|file| file.source_code_info.is_some()));
        assert!(set.file.iter().any(|file| file.name() == "google/protobuf/struct.proto"));
    }

    /// The comments are the reference of the API: nothing of it may be without one.
    #[test]
    fn everything_in_the_contract_has_a_comment() {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let (mut seen, mut bare) = (0, Vec::new());
        for file in set.file.iter().filter(|file| file.package() == "cartage.v1") {
            let said: BTreeSet<&[i32]> = file
                .source_code_info
                .iter()
                .flat_map(|info| &info.location)
                .filter(|at| at.leading_comments.as_ref().is_some_and(|it| !it.trim().is_empty()))
                .map(|at| at.path.as_slice())
                .collect();
            for (path, name) in elements(file) {
                seen += 1;
                if !said.contains(path.as_slice()) {
                    bare.push(format!("{} {name}", file.name()));
                }
            }
        }
        assert!(seen > 700, "{seen} elements");
        assert!(bare.is_empty(), "{} without a comment: {bare:#?}", bare.len());
    }

    /// Every service, method, message, field, enum and value of a file, with its path in the
    /// descriptor: the numbers are those of the fields of descriptor.proto.
    fn elements(file: &prost_types::FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
        let mut all = Vec::new();
        for (i, service) in (0..).zip(&file.service) {
            all.push((vec![6, i], service.name().to_owned()));
            for (k, method) in (0..).zip(&service.method) {
                all.push((vec![6, i, 2, k], format!("{}.{}", service.name(), method.name())));
            }
        }
        for (i, message) in (0..).zip(&file.message_type) {
            message_elements(message, &[4, i], message.name(), &mut all);
        }
        for (i, kind) in (0..).zip(&file.enum_type) {
            enum_elements(kind, &[5, i], kind.name(), &mut all);
        }
        all
    }

    fn message_elements(
        message: &prost_types::DescriptorProto,
        path: &[i32],
        name: &str,
        all: &mut Vec<(Vec<i32>, String)>,
    ) {
        // The entries of maps are made by the compiler.
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        all.push((path.to_vec(), name.to_owned()));
        all.extend(own_fields(message, path, name));
        for (i, below) in (0..).zip(&message.nested_type) {
            let path = [path, &[3, i]].concat();
            message_elements(below, &path, &format!("{name}.{}", below.name()), all);
        }
        for (i, kind) in (0..).zip(&message.enum_type) {
            let path = [path, &[4, i]].concat();
            enum_elements(kind, &path, &format!("{name}.{}", kind.name()), all);
        }
    }

    /// The fields of a message, those of its oneofs among them.
    fn own_fields(
        message: &prost_types::DescriptorProto,
        path: &[i32],
        name: &str,
    ) -> Vec<(Vec<i32>, String)> {
        let place = |i| [path, &[2, i]].concat();
        let fields = (0..).zip(&message.field);
        fields.map(|(i, field)| (place(i), format!("{name}.{}", field.name()))).collect()
    }

    /// The fields of a message and of those within it.
    fn all_fields(
        message: &prost_types::DescriptorProto,
        path: &[i32],
        name: &str,
    ) -> Vec<(Vec<i32>, String)> {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return Vec::new();
        }
        let mut all = own_fields(message, path, name);
        for (i, below) in (0..).zip(&message.nested_type) {
            let path = [path, &[3, i]].concat();
            all.extend(all_fields(below, &path, &format!("{name}.{}", below.name())));
        }
        all
    }

    /// Who sets a field, and when, is its first word (AIP-203); where several are true, such as for
    /// what is sent once and never returned, more may follow.
    #[test]
    fn every_field_begins_with_its_behaviour() {
        const WORDS: [&str; 6] =
            ["Required.", "Optional.", "Output only.", "Input only.", "Immutable.", "Identifier."];
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let (mut seen, mut without) = (0, Vec::new());
        for file in set.file.iter().filter(|file| file.package() == "cartage.v1") {
            let said: std::collections::BTreeMap<&[i32], &str> = file
                .source_code_info
                .iter()
                .flat_map(|info| &info.location)
                .map(|at| (at.path.as_slice(), at.leading_comments().trim()))
                .collect();
            for (i, message) in (0..).zip(&file.message_type) {
                for (path, name) in all_fields(message, &[4, i], message.name()) {
                    seen += 1;
                    let comment = said.get(path.as_slice()).copied().unwrap_or_default();
                    if !WORDS.iter().any(|word| comment.starts_with(word)) {
                        without.push(name);
                    }
                }
            }
        }
        assert!(seen > 500, "{seen} fields");
        assert!(without.is_empty(), "without a word of AIP-203: {without:#?}");
    }

    fn enum_elements(
        kind: &prost_types::EnumDescriptorProto,
        path: &[i32],
        name: &str,
        all: &mut Vec<(Vec<i32>, String)>,
    ) {
        all.push((path.to_vec(), name.to_owned()));
        for (i, value) in (0..).zip(&kind.value) {
            all.push(([path, &[2, i]].concat(), format!("{name}.{}", value.name())));
        }
    }

    /// `WriteUploadChunk` is idempotent by offset, `Validate`, `Preview` and `Check` change nothing.
    #[test]
    fn every_mutating_request_has_a_request_id() {
        let reading = [
            "Get",
            "List",
            "Watch",
            "Validate",
            "Preview",
            "Check",
            "Export",
            "Find",
            "WriteUploadChunk",
        ];
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        for file in set.file.iter().filter(|file| file.package() == "cartage.v1") {
            for method in file.service.iter().flat_map(|service| &service.method) {
                let request = format!("{}Request", method.name());
                assert_eq!(method.input_type(), format!(".cartage.v1.{request}"));
                let message = file.message_type.iter().find(|m| m.name() == request).unwrap();
                let has = message.field.iter().any(|field| field.name() == "request_id");
                let reads = reading.iter().any(|prefix| method.name().starts_with(prefix));
                assert_eq!(has, !reads, "{}", method.name());
            }
        }
    }
}
