//! `cargo xtask e2e medusa`: two shops are migrated into a real Medusa over gRPC, and everything
//! in it is compared with the export files by readers of the test's own.

mod actual;
mod admin;
mod breakage;
mod compare;
mod expected;
mod facts;
mod install;
mod medusa;
mod money;
mod report;
mod shops;
mod table;
mod walk;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cartage_client::Client;

use crate::server::{self, Server};
use actual::Actual;
use admin::Admin;
use facts::Kind;
use medusa::Medusa;
use shops::Shop;
use walk::Migrated;

/// How to run it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The real shop to migrate into.
    #[arg(value_enum)]
    target: Target,
    /// Some hundreds of records of each kind instead of some dozens, and the break-check.
    #[arg(long)]
    full: bool,
    /// Also break every field on either side and see whether the comparison finds it.
    #[arg(long)]
    break_check: bool,
    /// A `cartage-server` that is built already.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// A platform we test against for real.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Target {
    /// Medusa 2, from npm.
    Medusa,
}

/// What came of all shops.
#[derive(Default)]
struct Total {
    equal: usize,
    in_ledger: usize,
    unaccounted: i64,
    writes: i64,
    faults: Vec<String>,
}

/// Runs the test; everything that was started is stopped, however it ends.
pub(crate) async fn run(root: &Path, options: &Options) -> Result<()> {
    let Target::Medusa = options.target;
    let scratch = tempfile::Builder::new().prefix("cartage-e2e-").tempdir()?;
    // PostgreSQL runs as somebody else where we are root, and must pass through.
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o711))?;
    tokio::select! {
        done = whole(root, scratch.path(), options) => done,
        heard = server::interrupted() => heard.and_then(|()| bail!("interrupted")),
    }
}

async fn whole(root: &Path, scratch: &Path, options: &Options) -> Result<()> {
    let installed = install::install().await?;
    let program = match &options.server {
        Some(program) => program.clone(),
        None => server::build().await?,
    };
    let medusa = Medusa::start(&installed, &scratch.join("medusa")).await?;
    let server = Server::start_program(&program, &scratch.join("cartage"), &[]).await?;
    let result = shops(root, scratch, options, &server, &medusa).await;
    if result.is_err() {
        println!("the server's log ends:\n{}", server::tail(&server.log));
    }
    let stopped = server.stop().await;
    medusa.stop().await?;
    let total = result?;
    stopped?;
    for fault in &total.faults {
        println!("FAULT: {fault}");
    }
    ensure!(total.faults.is_empty(), "end to end with Medusa: {} faults", total.faults.len());
    println!(
        "end to end with Medusa {}: {} records equal, {} in the ledger, unaccounted {}, money \
         equal, second run {} writes",
        install::VERSION,
        total.equal,
        total.in_ledger,
        total.unaccounted,
        total.writes
    );
    Ok(())
}

async fn shops(
    root: &Path,
    scratch: &Path,
    options: &Options,
    server: &Server,
    medusa: &Medusa,
) -> Result<Total> {
    let token = server.token("e2e", &["*"]).await?;
    let client = Client::connect(&server.uri(), &token).await?;
    let mut shops = Vec::new();
    match shops::samples(root)? {
        Some(shop) => shops.push(shop),
        None => println!("no sample exports beside the repository: only the fixtures are migrated"),
    }
    shops.push(shops::fixtures(&scratch.join("fixtures"), options.full)?);
    let mut total = Total::default();
    for shop in &shops {
        println!("shop `{}`", shop.name);
        let mut faults = Vec::new();
        check(&client, shop, medusa, options, &mut total, &mut faults).await?;
        total.faults.extend(faults.into_iter().map(|fault| format!("{}: {fault}", shop.name)));
    }
    Ok(total)
}

/// Migrates a shop and checks everything about it.
async fn check(
    client: &Client,
    shop: &Shop,
    medusa: &Medusa,
    options: &Options,
    total: &mut Total,
    faults: &mut Vec<String>,
) -> Result<()> {
    let admin = Admin::new(&medusa.url, &medusa.api_key)?;
    let before = admin.inventory().await?;
    let migrated = walk::migrate(client, shop, medusa).await?;
    let after = admin.inventory().await?;
    let made = sizes(&after)
        .into_iter()
        .map(|(path, count)| (path, count - sizes(&before).get(path).copied().unwrap_or_default()));
    let made: BTreeMap<&str, usize> = made.collect();
    compared(&admin, shop, &migrated, options, &made, total, faults).await?;

    let begun = Instant::now();
    let (run, ledger) = walk::again(client, &migrated.walked).await?;
    let writes = run.write_call_count;
    total.writes += writes;
    println!("  second run {}: {writes} writes", report::seconds(begun.elapsed()));
    if writes != 0 {
        faults.push(format!("the second run made {writes} writing calls"));
    }
    let touched = compare::touched(&ledger);
    if let Some(first) = touched.first() {
        faults.push(format!("the second run touched {} records, such as {first}", touched.len()));
    }
    if ledger.len() != migrated.ledger.len() {
        faults.push("the second run has another number of records".to_owned());
    }
    if admin.inventory().await? != after {
        faults.push("the second run changed objects of the shop".to_owned());
    }
    Ok(())
}

/// How many objects there are of each sort.
fn sizes(inventory: &admin::Inventory) -> BTreeMap<&'static str, usize> {
    inventory.iter().map(|(path, objects)| (*path, objects.len())).collect()
}

/// Compares the files with the shop.
async fn compared(
    admin: &Admin,
    shop: &Shop,
    migrated: &Migrated,
    options: &Options,
    made: &BTreeMap<&str, usize>,
    total: &mut Total,
    faults: &mut Vec<String>,
) -> Result<()> {
    let expected = expected::read(&shop.tables, shop.currency);
    let actual = Actual::read(admin, &migrated.targets).await.context("reading the shop")?;
    let records = actual.records();
    let comparison = compare::compare(&expected, &records, &migrated.ledger);
    report::shop(shop, migrated, &comparison);
    report::problems(&comparison.problems);
    if !comparison.problems.is_empty() {
        faults.push(format!("{} differences", comparison.problems.len()));
    }
    for kind in Kind::ALL {
        let counts = comparison.counts.get(&kind).copied().unwrap_or_default();
        total.equal += counts.equal;
        total.in_ledger += counts.in_ledger;
        if shop.kinds.contains(&kind) && counts.equal == 0 {
            faults.push(format!("no record of kind {kind} is equal"));
        }
    }
    accounted(migrated, expected.len(), total, faults);
    objects(&expected, &records, made, faults);

    let (sums, held_back) = money::sums(&expected, &records);
    report::money(&sums);
    if held_back > 0 {
        println!("  {held_back} orders are held back and not in these sums");
    }
    let unequal = sums.iter().filter(|sum| sum.source != sum.target).count();
    if unequal > 0 || shop.kinds.contains(&Kind::Order) && sums.is_empty() {
        faults.push(format!("{unequal} sums of money are not equal to the cent"));
    }
    if !migrated.walked.report.passed {
        faults.push("the server's own verification found differences".to_owned());
    }
    if options.full || options.break_check {
        let target = breakage::of_target(&expected, &actual, &migrated.ledger);
        let source = breakage::of_source(shop, &records, &migrated.ledger);
        println!(
            "  break-check: {} fields of the shop and {} columns of the files broken, {} unnoticed",
            target.broken,
            source.broken,
            target.unnoticed.len() + source.unnoticed.len()
        );
        let unnoticed = target.unnoticed.into_iter().chain(source.unnoticed);
        faults.extend(unnoticed.map(|field| format!("breaking {field} is not noticed")));
    }
    Ok(())
}

/// The server's own books must close.
fn accounted(migrated: &Migrated, expected: usize, total: &mut Total, faults: &mut Vec<String>) {
    let accounting = migrated.walked.run.accounting.clone().unwrap_or_default();
    total.unaccounted += accounting.unaccounted;
    if accounting.unaccounted != 0 {
        faults.push(format!("{} records are unaccounted for", accounting.unaccounted));
    }
    if usize::try_from(accounting.total) != Ok(expected) {
        faults.push(format!("the run has {} records, the files {expected}", accounting.total));
    }
}

/// As many objects as records, no doubles: also those our links do not know.
fn objects(
    expected: &facts::Records,
    actual: &facts::Records,
    made: &BTreeMap<&str, usize>,
    faults: &mut Vec<String>,
) {
    let of = |kind: Kind| actual.keys().filter(|id| id.0 == kind).count();
    let guests: std::collections::BTreeSet<&str> = expected
        .iter()
        .filter(|(id, facts)| actual.contains_key(*id) && facts.get("customer") == Some("guest"))
        .filter_map(|(_, facts)| facts.get("email"))
        .collect();
    for (path, wanted) in [
        ("product-categories", of(Kind::Category)),
        ("collections", of(Kind::Collection)),
        ("products", of(Kind::Product)),
        ("customer-groups", of(Kind::CustomerGroup)),
        ("customers", of(Kind::Customer) + guests.len()),
        ("orders", of(Kind::Order)),
        ("draft-orders", 0),
    ] {
        let found = made.get(path).copied().unwrap_or_default();
        if found != wanted {
            faults.push(format!("{found} new {path} are in the shop instead of {wanted}"));
        }
    }
}
