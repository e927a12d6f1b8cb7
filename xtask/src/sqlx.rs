//! `cargo xtask sqlx`: the metadata of our queries, so that a build needs no database.
//!
//! A scratch database gets the migrations; then the compiler expands every query against it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use cartage_postgres::test;

/// How to run it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only compare: fails when `.sqlx/` is not what the queries and migrations say.
    #[arg(long)]
    check: bool,
}

/// File names and their contents.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes or checks `.sqlx/`.
pub(crate) async fn run(root: &Path, options: &Options) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let made = scratch.path().join("sqlx");
    fs::create_dir(&made)?;
    expand(root, scratch.path(), &made).await?;
    let committed = root.join(".sqlx");
    let (old, new) = (read(&committed)?, read(&made)?);
    let changes = changes(&old, &new);
    if changes.is_empty() {
        println!("sqlx: the metadata of {} queries is up to date", new.len());
        return Ok(());
    }
    for change in &changes {
        println!("sqlx: {change}");
    }
    if options.check {
        bail!(".sqlx/ is not up to date: run `cargo xtask sqlx` and commit it");
    }
    fs::create_dir_all(&committed)?;
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(committed.join(name))?;
    }
    for (name, content) in &new {
        fs::write(committed.join(name), content)?;
    }
    println!("sqlx: the metadata of {} queries is written", new.len());
    Ok(())
}

/// Compiles the server against a database with our schema; sqlx writes into `made`.
async fn expand(root: &Path, scratch: &Path, made: &Path) -> Result<()> {
    let database = test::database("xtask_sqlx").await?;
    let server = test::server().await?;
    for file in migrations(&root.join("migrations"))? {
        server.apply(&database.name, &file).await?;
    }
    // Unchanged sources would not be compiled again, and their queries would be missing.
    for file in sources(&root.join("server"))? {
        let file = File::options().append(true).open(&file)?;
        file.set_modified(SystemTime::now())?;
    }
    let mut check = crate::cargo();
    check.args(["check", "--locked", "--package", "cartage-server", "--all-targets"]);
    check.current_dir(root).env("DATABASE_URL", &database.url).env("SQLX_OFFLINE", "false");
    check.env("SQLX_OFFLINE_DIR", made).env("SQLX_TMP", scratch);
    let status = tokio::task::spawn_blocking(move || check.status()).await??;
    ensure!(status.success(), "the server does not compile against its schema");
    Ok(())
}

/// Returns the forward migrations in their order.
fn migrations(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut numbered = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".sql") || name.ends_with(".down.sql") {
            continue;
        }
        let number = name.split('_').next().unwrap_or_default().parse::<u64>();
        numbered
            .push((number.with_context(|| format!("{name} does not begin with a number"))?, path));
    }
    numbered.sort();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// Returns the roots of the crate's targets.
fn sources(server: &Path) -> Result<Vec<PathBuf>> {
    let mut roots = vec![server.join("src/lib.rs"), server.join("src/main.rs")];
    for folder in ["tests", "examples", "benches"] {
        let Ok(entries) = fs::read_dir(server.join(folder)) else { continue };
        for entry in entries {
            let path = entry?.path();
            roots.push(path.join("main.rs"));
            roots.push(path);
        }
    }
    roots.retain(|path| path.is_file() && path.extension().is_some_and(|it| it == "rs"));
    Ok(roots)
}

fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(files)
}

fn changes(old: &Files, new: &Files) -> Vec<String> {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let mut changes: Vec<String> = gone.map(|name| format!("{name} is of no query")).collect();
    for (name, content) in new {
        match old.get(name) {
            None => changes.push(format!("{name} is missing")),
            Some(known) if known != content => changes.push(format!("{name} differs")),
            Some(_) => {}
        }
    }
    changes
}
