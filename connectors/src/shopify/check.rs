//! What there is to say about the files before anything is migrated.

use std::io;

use super::{Shop, files::SourceFile, index::FileCount, layout, layout::FileKind};
use crate::{Check, CheckItem};

impl Shop {
    /// Reads every file once and says what is in it.
    pub(super) fn check(&self) -> io::Result<Check> {
        let mut items = Vec::new();
        for kind in FileKind::ALL {
            let counts = &self.index(kind)?.files;
            for (file, count) in self.files.of(kind).zip(counts) {
                items.push(file_item(file, *count));
            }
            if counts.is_empty() {
                let message = format!("There is no export of {}; none will be read.", kind.noun());
                items.push(item(format!("{}_file", kind.noun()), message));
            }
        }
        for (name, why) in &self.files.others {
            items.push(item("other_file".to_owned(), format!("{name} {why} and is not read.")));
        }
        Ok(Check { shop: None, items })
    }
}

fn item(name: String, message: String) -> CheckItem {
    CheckItem { name, passed: true, message }
}

fn file_item(file: &SourceFile, count: FileCount) -> CheckItem {
    let kind = file.kind;
    let unknown: Vec<_> =
        file.header.iter().filter(|heading| !kind.knows(&kind.key(heading))).collect();
    let mut message = format!(
        "{}: {} {} in {} rows and {} columns ({} layout, {} bytes).",
        file.name,
        count.records,
        kind.noun(),
        count.rows,
        file.header.len(),
        layout::layout_name(kind, &file.header),
        file.size_bytes,
    );
    if count.broken > 0 {
        message.push_str(&format!(" {} cannot be read and will be quarantined.", count.broken));
    }
    if !unknown.is_empty() {
        message.push_str(&format!(" Columns kept as they are: {unknown:?}."));
    }
    item(format!("{}_file", kind.noun()), message)
}
