//! What a caller says about a shop's exports: where they lie, what they leave out, and how much of
//! them is accepted.

use std::path::PathBuf;

use cartage_model::Currency;

/// Where the exports lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A folder; folders in it are looked into.
    Folder(PathBuf),
    /// A zip archive.
    Zip(PathBuf),
    /// Files one by one, each a CSV file or a zip archive; which of them is told by the content.
    Files(Vec<PathBuf>),
}

/// What the exports themselves do not say, and how much of them is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The shop's own currency, in which products are priced: their file names none.
    pub default_currency: Currency,
    /// The offset of times written without one, in seconds east of UTC.
    pub assumed_utc_offset_s: i32,
    /// How much is accepted.
    pub limits: Limits,
}

impl Settings {
    /// The usual limits, and UTC for times without an offset.
    pub const fn new(default_currency: Currency) -> Self {
        Self { default_currency, assumed_utc_offset_s: 0, limits: Limits::DEFAULT }
    }
}

/// How much is accepted. All but the archive's limits are limits of one record, which is then
/// quarantined while the rest is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest cell, in bytes.
    pub cell_size_bytes_max: u64,
    /// The largest record with all its rows, in bytes.
    pub record_size_bytes_max: u64,
    /// The most rows of one record.
    pub record_rows_max: usize,
    /// How many bytes of a file may be read again in search of whole rows behind open quotes. A
    /// file that needs more is refused: it was made to keep us busy.
    pub reread_bytes_max: u64,
    /// The most records of a page.
    pub page_records_max: usize,
    /// After this many bytes a page ends early.
    pub page_size_bytes_max: u64,
    /// The most files of a folder, an archive or a list.
    pub file_count_max: usize,
    /// How many times its own size an archive may expand to.
    pub archive_expansion_ratio_max: u64,
    /// To how many bytes an archive may expand.
    pub archive_expanded_bytes_max: u64,
}

impl Limits {
    /// The usual limits.
    pub const DEFAULT: Self = Self {
        cell_size_bytes_max: CELL_SIZE_BYTES_MAX,
        record_size_bytes_max: RECORD_SIZE_BYTES_MAX,
        record_rows_max: RECORD_ROWS_MAX,
        reread_bytes_max: REREAD_BYTES_MAX,
        page_records_max: PAGE_RECORDS_MAX,
        page_size_bytes_max: PAGE_SIZE_BYTES_MAX,
        file_count_max: FILE_COUNT_MAX,
        archive_expansion_ratio_max: ARCHIVE_EXPANSION_RATIO_MAX,
        archive_expanded_bytes_max: ARCHIVE_EXPANDED_BYTES_MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// 10 MiB: Shopify's own limit for a description is far below.
pub const CELL_SIZE_BYTES_MAX: u64 = 10 << 20;
/// 64 MiB.
pub const RECORD_SIZE_BYTES_MAX: u64 = 64 << 20;
/// A Shopify product has at most 2,048 variants; wholesale orders have some thousand lines.
pub const RECORD_ROWS_MAX: usize = 10_000;
/// 2 GiB.
pub const REREAD_BYTES_MAX: u64 = 2 << 30;
/// As many records as a snapshot's segment writer takes at once.
pub const PAGE_RECORDS_MAX: usize = 500;
/// 16 MiB.
pub const PAGE_SIZE_BYTES_MAX: u64 = 16 << 20;
/// Shopify splits big exports into some dozens of files.
pub const FILE_COUNT_MAX: usize = 1_000;
/// Real exports shrink to a tenth or a thirtieth.
pub const ARCHIVE_EXPANSION_RATIO_MAX: u64 = 100;
/// 10 GiB.
pub const ARCHIVE_EXPANDED_BYTES_MAX: u64 = 10 << 30;
