//! Turns rows into sealed Parquet segments.
//!
//! Rows gather in column builders, go to the Parquet writer by batches, and a row group is written
//! out when it has [`ROW_GROUP_ROWS`] rows or [`ROW_GROUP_BYTES`] bytes, whichever is first.

use std::sync::Arc;

use cartage_model::Kind;
use datafusion::{
    arrow::{
        array::{
            ArrayRef, BooleanBuilder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder,
            TimestampMicrosecondBuilder,
        },
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    parquet::{
        arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
        basic::{Compression, ZstdLevel},
        file::properties::{EnabledStatistics, WriterProperties},
        schema::types::ColumnPath,
    },
};
use object_store::path::Path;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    Result, Segment, SnapshotError,
    frames::Sealer,
    segment::Files,
    tables::{Cell, ColumnType, Table},
};

const ROW_GROUP_ROWS: usize = 20_000;
/// Rows with whole documents are read one page of records at a time, so their groups are smaller.
const ROOT_ROW_GROUP_ROWS: usize = 5_000;
const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;
const BATCH_ROWS: usize = 1_024;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
const DECIMAL_PRECISION: u8 = 38;
const DECIMAL_SCALE: u32 = 8;

/// The Arrow schema of a table.
pub(super) fn schema(table: &Table) -> SchemaRef {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .map(|(name, column_type)| Field::new(*name, data_type(*column_type), true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Whole => DataType::Int64,
        ColumnType::Flag => DataType::Boolean,
        ColumnType::Decimal => DataType::Decimal128(DECIMAL_PRECISION, 8),
        ColumnType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

enum ColumnBuilder {
    Text(StringBuilder),
    Whole(Int64Builder),
    Flag(BooleanBuilder),
    Decimal(Decimal128Builder),
    Time(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    fn new(column_type: ColumnType) -> Self {
        let data_type = data_type(column_type);
        match column_type {
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Whole => Self::Whole(Int64Builder::new()),
            ColumnType::Flag => Self::Flag(BooleanBuilder::new()),
            ColumnType::Decimal => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type))
            }
            ColumnType::Time => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(data_type))
            }
        }
    }

    /// Appends a value and returns about how many bytes it takes; none when the types differ.
    fn append(&mut self, cell: &Cell<'_>) -> Option<usize> {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(value)) => builder.append_option(value.as_deref()),
            (Self::Whole(builder), Cell::Whole(value)) => builder.append_option(*value),
            (Self::Flag(builder), Cell::Flag(value)) => builder.append_option(*value),
            (Self::Decimal(builder), Cell::Decimal(value)) => {
                builder.append_option(value.and_then(scaled));
            }
            (Self::Time(builder), Cell::Time(value)) => {
                builder.append_option(value.map(|time| time.timestamp_micros()));
            }
            _ => return None,
        }
        match cell {
            Cell::Text(Some(text)) => Some(text.len()),
            _ => Some(16),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Whole(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The number in units of the eighth decimal.
fn scaled(number: Decimal) -> Option<i128> {
    let rounded =
        number.round_dp_with_strategy(DECIMAL_SCALE, RoundingStrategy::MidpointNearestEven);
    let factor = 10_i128.checked_pow(DECIMAL_SCALE.checked_sub(rounded.scale())?)?;
    rounded.mantissa().checked_mul(factor)
}

struct OpenSegment {
    path: Path,
    writer: ArrowWriter<Sealer>,
    rows: u64,
}

/// Writes the segments of one table for one kind, or for the shop's scopes.
pub(super) struct TableWriter {
    files: Files,
    kind: Option<Kind>,
    table: &'static Table,
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    batch_rows: usize,
    batch_bytes: usize,
    open: Option<OpenSegment>,
    segments: Vec<Segment>,
}

impl TableWriter {
    pub(super) fn new(files: Files, kind: Option<Kind>, table: &'static Table) -> Self {
        Self {
            files,
            kind,
            table,
            schema: schema(table),
            columns: table.columns.iter().map(|(_, it)| ColumnBuilder::new(*it)).collect(),
            batch_rows: 0,
            batch_bytes: 0,
            open: None,
            segments: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, cells: &[Cell<'_>]) -> Result<()> {
        let mismatch = || SnapshotError::TableMismatch(self.table.name);
        if cells.len() != self.columns.len() {
            return Err(mismatch());
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.batch_bytes += column.append(cell).ok_or_else(mismatch)?;
        }
        self.batch_rows += 1;
        if self.batch_rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    /// How many bytes wait: sealed ones, and those of the row group in the making.
    pub(super) fn waiting_bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| {
            let in_progress = u64::try_from(open.writer.memory_size()).unwrap_or(u64::MAX);
            open.writer.inner().size_bytes().saturating_add(in_progress)
        });
        open.saturating_add(u64::try_from(self.batch_bytes).unwrap_or(u64::MAX))
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes() >= self.files.segment_bytes_max()
    }

    fn write_batch(&mut self) -> Result<()> {
        if self.batch_rows == 0 {
            return Ok(());
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let number = self.segments.len();
                let path = self.files.path(self.kind, Some(self.table.name), number);
                let options = ArrowWriterOptions::new().with_properties(properties(self.table));
                let sealer = self.files.sealer(&path)?;
                let schema = Arc::clone(&self.schema);
                let writer = ArrowWriter::try_new_with_options(sealer, schema, options)?;
                none.insert(OpenSegment { path, writer, rows: 0 })
            }
        };
        open.writer.write(&batch)?;
        open.rows += u64::try_from(self.batch_rows).unwrap_or(u64::MAX);
        if open.writer.memory_size() >= ROW_GROUP_BYTES {
            open.writer.flush()?;
        }
        self.batch_rows = 0;
        self.batch_bytes = 0;
        Ok(())
    }

    /// Ends the open segment and stores it.
    pub(super) async fn roll(&mut self) -> Result<()> {
        self.write_batch()?;
        if let Some(open) = self.open.take() {
            let file = open.writer.into_inner()?.finish()?;
            let name = Some(self.table.name);
            let segment =
                self.files.put_segment(&open.path, self.kind, name, open.rows, file).await?;
            self.segments.push(segment);
        }
        Ok(())
    }

    /// Stores what is open; returns the segments.
    pub(super) async fn finish(mut self) -> Result<Vec<Segment>> {
        self.roll().await?;
        Ok(self.segments)
    }
}

fn properties(table: &Table) -> WriterProperties {
    let rows = if table.is_root() { ROOT_ROW_GROUP_ROWS } else { ROW_GROUP_ROWS };
    let document = ColumnPath::from("document");
    let source_id = ColumnPath::from("source_id");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(rows))
        .set_column_dictionary_enabled(document.clone(), false)
        .set_column_statistics_enabled(document, EnabledStatistics::None);
    if table.is_root() {
        properties = properties
            .set_column_dictionary_enabled(source_id.clone(), false)
            .set_column_bloom_filter_enabled(source_id.clone(), true)
            .set_column_bloom_filter_max_ndv(source_id, u64::try_from(rows).unwrap_or(u64::MAX));
    }
    properties.build()
}
