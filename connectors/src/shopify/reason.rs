//! The reasons this connector gives, by the names they have in the API.

pub(super) const ARCHIVE_INVALID: &str = "ARCHIVE_INVALID";
pub(super) const ARCHIVE_UNSAFE_PATH: &str = "ARCHIVE_UNSAFE_PATH";
pub(super) const ARCHIVE_EXPANSION_TOO_LARGE: &str = "ARCHIVE_EXPANSION_TOO_LARGE";
pub(super) const SOURCE_CHANGED: &str = "SOURCE_CHANGED";
pub(super) const SOURCE_FILE_MISSING: &str = "SOURCE_FILE_MISSING";
pub(super) const CSV_MALFORMED: &str = "CSV_MALFORMED";
pub(super) const CSV_COLUMN_MISSING: &str = "CSV_COLUMN_MISSING";
pub(super) const CSV_COLUMN_UNKNOWN: &str = "CSV_COLUMN_UNKNOWN";
pub(super) const TEXT_ENCODING_INVALID: &str = "TEXT_ENCODING_INVALID";
pub(super) const CELL_TOO_LARGE: &str = "CELL_TOO_LARGE";
pub(super) const RECORD_TOO_LARGE: &str = "RECORD_TOO_LARGE";
pub(super) const RECORD_SPLIT: &str = "RECORD_SPLIT";
pub(super) const RECORD_DUPLICATE: &str = "RECORD_DUPLICATE";
pub(super) const FIELD_MISSING: &str = "FIELD_MISSING";
pub(super) const VALUE_INVALID: &str = "VALUE_INVALID";
pub(super) const MONEY_MALFORMED: &str = "MONEY_MALFORMED";
pub(super) const CURRENCY_INVALID: &str = "CURRENCY_INVALID";
pub(super) const ORDER_WITHOUT_LINES: &str = "ORDER_WITHOUT_LINES";
