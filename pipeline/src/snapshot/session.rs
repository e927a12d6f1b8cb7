//! DataFusion over a snapshot: every canonical table by its name, in bounded memory.
//!
//! This module and [`crate::audit`] are all that names DataFusion's planner, so that its version
//! can move. Spilled data is sealed with a key of the session ([`super::spill`]).

use std::{path::PathBuf, sync::Arc};

use cartage_model::Kind;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray},
        datatypes::{DataType, Field, Schema, TimeUnit},
    },
    datasource::{
        MemTable,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        object_store::ObjectStoreUrl,
        runtime_env::RuntimeEnvBuilder,
    },
    prelude::{SessionConfig, SessionContext},
};

use super::{
    Manifest, Result, SealedStore,
    spill::SpillFolder,
    table_writer::schema,
    tables::{Table, all_tables},
};

/// Descriptions are long: of the usual 8,192 rows a single batch could fill the memory.
const BATCH_ROWS: usize = 1_024;
const STORE_URL: &str = "sealed://snapshot/";

/// How much a query over a snapshot may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Memory of one session.
    pub memory_bytes_max: usize,
    /// Room on disk for what does not fit.
    pub spill_bytes_max: u64,
    /// Where that is; none is the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
    /// How many parts of a query work at once.
    pub partitions: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 256 * 1024 * 1024,
            spill_bytes_max: 16 * 1024 * 1024 * 1024,
            spill_folder: None,
            partitions: 2,
        }
    }
}

/// A session with every table of the snapshot.
pub(super) async fn session(
    store: &SealedStore,
    manifest: &Manifest,
    limits: &QueryLimits,
) -> Result<SessionContext> {
    let spill = SpillFolder::new(limits.spill_folder.as_deref(), limits.spill_bytes_max)?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Custom(Arc::new(spill)))
        .with_max_temp_directory_size(limits.spill_bytes_max);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes_max)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let url = ObjectStoreUrl::parse(STORE_URL)?;
    runtime.register_object_store(url.as_ref(), Arc::new(store.clone()));
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.partitions.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false);
    // The tables are declared as plain text columns, and are read as such.
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let context = SessionContext::new_with_config_rt(config, runtime);
    for table in all_tables() {
        register(&context, manifest, table)?;
    }
    context.register_table("snapshot", Arc::new(header_table(manifest)?))?;
    Ok(context)
}

fn register(context: &SessionContext, manifest: &Manifest, table: &Table) -> Result<()> {
    let schema = schema(table);
    let kinds = table.kinds.iter().map(|kind: &Kind| Some(*kind));
    let urls = kinds
        // The table of scopes is of no kind.
        .chain([None])
        .flat_map(|kind| manifest.segments_of(kind, Some(table.name)))
        .map(|segment| ListingTableUrl::parse(format!("{STORE_URL}{}", segment.path)))
        .collect::<Result<Vec<_>, _>>()?;
    // The names of some kinds are words of SQL: written in quotes, they are names.
    let name = datafusion::common::TableReference::bare(table.name);
    if urls.is_empty() {
        context.register_table(name, Arc::new(MemTable::try_new(schema, vec![vec![]])?))?;
        return Ok(());
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    context.register_table(name, Arc::new(ListingTable::try_new(config)?))?;
    Ok(())
}

/// The table `snapshot`: one row that says where the data came from and when.
fn header_table(manifest: &Manifest) -> Result<MemTable> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Arc::new(Schema::new(vec![
        Field::new("connection", DataType::Utf8, false),
        Field::new("platform", DataType::Utf8, false),
        Field::new("created_at", time, false),
    ]));
    let header = &manifest.header;
    let created_at = TimestampMicrosecondArray::from(vec![header.created_at.timestamp_micros()])
        .with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![header.connection.as_str()])),
        Arc::new(StringArray::from(vec![header.platform.as_str()])),
        Arc::new(created_at),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(MemTable::try_new(schema, vec![vec![batch]])?)
}
