//! One pass over all files of a kind: how many records there are, which of them repeat an id, and
//! the distinct values that become records of their own.
//!
//! Memory: 16 bytes per record, and the distinct categories, collections and tags.

use std::{collections::HashSet, io};

use super::{
    Limits,
    category_path::{ancestors, normalised},
    files::{Files, SourceFile},
    group::{Group, Groups},
    layout::FileKind,
};

/// What the pass found.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Per file of the kind: records and rows.
    pub(super) files: Vec<FileCount>,
    /// Category paths, parents before children.
    pub(super) categories: Vec<String>,
    /// Collection titles in the order of their first appearance.
    pub(super) collections: Vec<String>,
    /// Customers' tags in the order of their first appearance.
    pub(super) tags: Vec<String>,
    /// Records, by file and first byte, whose id an earlier one has.
    repeats: HashSet<(usize, u64)>,
}

/// How much a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileCount {
    pub(super) records: u64,
    pub(super) rows: u64,
    pub(super) broken: u64,
}

impl Index {
    /// Reads all files of a kind.
    pub(super) fn build(files: &Files, kind: FileKind, limits: &Limits) -> io::Result<Self> {
        let mut index = Self::default();
        let mut seen = Seen::default();
        for (place, file) in files.of(kind).enumerate() {
            let mut count = FileCount::default();
            let mut values = Values::of(file);
            let mut groups = Groups::open(file, None, limits)?;
            while let Some(group) = groups.next_group()? {
                count.records += 1;
                count.rows += group.rows.len() as u64;
                count.broken += u64::from(group.failure.is_some());
                if seen.has(&group) {
                    index.repeats.insert((place, group.start.byte));
                }
                values.note(&group, &mut seen, &mut index);
            }
            index.files.push(count);
        }
        // A stable sort: parents stand in an earlier level than their children.
        index.categories.sort_by_key(|path| ancestors(path).count());
        Ok(index)
    }

    /// Whether the record at this place repeats an earlier one's id.
    pub(super) fn repeats(&self, file: usize, byte: u64) -> bool {
        self.repeats.contains(&(file, byte))
    }

    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.files.iter().map(|count| count.records).sum()
    }
}

/// Hashes of what was met, long enough never to meet by chance.
#[derive(Default)]
struct Seen(HashSet<[u8; 16]>);

impl Seen {
    /// Whether the record's identity was met before; remembers it with its alias.
    fn has(&mut self, group: &Group) -> bool {
        let repeated = group.identity.as_ref().is_some_and(|text| !self.is_new(text));
        if let Some(alias) =
            group.alias.as_ref().filter(|alias| Some(*alias) != group.identity.as_ref())
        {
            self.is_new(alias);
        }
        repeated
    }

    fn is_new(&mut self, text: &str) -> bool {
        let mut short = [0; 16];
        for (byte, hashed) in short.iter_mut().zip(blake3::hash(text.as_bytes()).as_bytes()) {
            *byte = *hashed;
        }
        self.0.insert(short)
    }
}

/// Where the values stand that become records of their own.
struct Values {
    category: Option<usize>,
    collection: Option<usize>,
    tags: Option<usize>,
}

impl Values {
    fn of(file: &SourceFile) -> Self {
        let products = file.kind == FileKind::Products;
        let customers = file.kind == FileKind::Customers;
        Self {
            category: file.column("product category").filter(|_| products),
            collection: file.column("collection").filter(|_| products),
            tags: file.column("tags").filter(|_| customers),
        }
    }

    fn note(&mut self, group: &Group, seen: &mut Seen, index: &mut Index) {
        let first = |column: Option<usize>| {
            let mut cells = group.rows.iter().filter_map(|row| row.get(column?));
            cells.find(|cell| !cell.trim().is_empty())
        };
        let paths = first(self.category).into_iter().flat_map(|cell| {
            let path = normalised(cell);
            ancestors(&path).map(str::to_owned).chain([path.clone()]).collect::<Vec<_>>()
        });
        for path in paths.filter(|path| !path.is_empty()) {
            if seen.is_new(&format!("category:{path}")) {
                index.categories.push(path);
            }
        }
        if let Some(title) = first(self.collection).map(|cell| cell.trim())
            && seen.is_new(&format!("collection:{title}"))
        {
            index.collections.push(title.to_owned());
        }
        let tags = first(self.tags).into_iter().flat_map(|cell| cell.split(',').map(str::trim));
        for tag in tags.filter(|tag| !tag.is_empty()) {
            if seen.is_new(&format!("tag:{tag}")) {
                index.tags.push(tag.to_owned());
            }
        }
    }
}
