//! `cargo xtask e2e medusa`: shops are migrated into a real Medusa over gRPC, and everything in it
//! is compared with the export files by readers of the test's own.
//!
//! That the comparison sees is proven thrice: every value in the shop and in the files is broken
//! once (`breakage.rs`), every mapped field must be among them (`coverage.rs`), and a shop is
//! migrated with broken rules (`altered.rs`). That a second run writes nothing is counted by a
//! proxy in front of the shop (`proxy.rs`). At the end what was written is taken back
//! (`rollback.rs`).

mod actual;
pub(crate) mod admin;
mod altered;
mod behaviour;
mod breakage;
mod compare;
mod coverage;
mod expected;
mod facts;
mod install;
mod medusa;
mod money;
mod proxy;
mod report;
mod rollback;
mod shops;
mod table;
mod walk;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use cartage_client::Client;
use cartage_client::v1::MappingContent;

use crate::server::{self, Server};
use actual::Actual;
use admin::Admin;
use facts::Kind;
use medusa::Medusa;
use proxy::{Proxy, Writes};
use shops::Shop;
use walk::{Migrated, Way};

/// How to run it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The real shop to migrate into.
    #[arg(value_enum)]
    target: Target,
    /// Some hundreds of records of each kind instead of some dozens, and the connector's own tests
    /// against the real shop.
    #[arg(long)]
    full: bool,
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
    /// What the second runs asked of the shop besides reading.
    writes: usize,
    faults: Vec<String>,
}

/// What every shop is checked with.
struct Bench {
    client: Client,
    /// Reads the shop past the proxy.
    admin: Admin,
    /// Through which Cartage reaches the shop.
    proxy: Proxy,
    api_key: String,
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
    let bench = Bench {
        client: Client::connect(&server.uri(), &token).await?,
        admin: Admin::new(&medusa.url, &medusa.api_key)?,
        proxy: Proxy::start(&medusa.url).await?,
        api_key: medusa.api_key.clone(),
    };
    let mut shops = Vec::new();
    match shops::samples(root)? {
        Some(shop) => shops.push(shop),
        None => println!("no sample exports beside the repository: only the fixtures are migrated"),
    }
    shops.push(shops::fixtures(&scratch.join("fixtures"), options.full)?);
    let mut total = Total::default();
    let mut mapping = None;
    for shop in &shops {
        println!("shop `{}`", shop.name);
        let mut faults = Vec::new();
        mapping = bench.check(shop, &mut total, &mut faults).await?.walked.revision.content;
        total.faults.extend(faults.into_iter().map(|fault| format!("{}: {fault}", shop.name)));
    }
    if options.full {
        total.faults.extend(bench.altered(&scratch.join("altered"), mapping).await?);
    }
    for suite in behaviour::SUITES.into_iter().filter(|suite| options.full || !suite.is_long) {
        total.faults.extend(behaviour::run(root, suite, medusa).await?);
    }
    Ok(total)
}
impl Bench {
    fn way(&self, mapping: Option<MappingContent>) -> Way<'_> {
        Way { target: &self.proxy.url, api_key: &self.api_key, mapping }
    }

    /// Migrates a shop with broken rules; tells what of that was not noticed.
    async fn altered(&self, folder: &Path, mapping: Option<MappingContent>) -> Result<Vec<String>> {
        println!("a shop with broken rules");
        let shop = altered::shop(folder)?;
        let mapping = altered::mapping(&mapping.unwrap_or_default())?;
        let migrated = walk::migrate(&self.client, &shop, self.way(Some(mapping))).await?;
        let (broken, faults) = altered::check(&self.admin, &shop, &migrated).await?;
        let took = report::seconds(migrated.whole);
        println!("  {broken} rules broken in {took}, {} faults", faults.len());
        Ok(faults)
    }

    /// Migrates a shop and checks everything about it.
    async fn check(
        &self,
        shop: &Shop,
        total: &mut Total,
        faults: &mut Vec<String>,
    ) -> Result<Migrated> {
        let before = self.admin.inventory().await?;
        let migrated = walk::migrate(&self.client, shop, self.way(None)).await?;
        let wrote: usize = self.proxy.taken().values().sum();
        println!("  the shop counted {wrote} requests that may write");
        let after = self.admin.inventory().await?;
        let made = sizes(&after).into_iter().map(|(path, count)| {
            (path, count - sizes(&before).get(path).copied().unwrap_or_default())
        });
        let made: BTreeMap<&str, usize> = made.collect();
        if wrote == 0 {
            faults.push("the proxy does not see what is written".to_owned());
        }
        compared(&self.admin, shop, &migrated, &made, total, faults).await?;

        let begun = Instant::now();
        self.proxy.taken();
        let (run, ledger) = walk::again(&self.client, &migrated.walked).await?;
        let writes = self.proxy.taken();
        report::writes(&format!("second run {}", report::seconds(begun.elapsed())), &writes);
        total.writes += writes.values().sum::<usize>();
        rerun(&run, &ledger, &migrated, &writes, faults);
        if self.admin.inventory().await? != after {
            faults.push("the second run changed objects of the shop".to_owned());
        }
        faults.extend(rollback::check(&self.client, &self.admin, &migrated, &before).await?);
        Ok(migrated)
    }
}

/// A second run that had nothing to do.
fn rerun(
    run: &cartage_client::v1::Run,
    ledger: &compare::Ledger,
    migrated: &Migrated,
    writes: &Writes,
    faults: &mut Vec<String>,
) {
    let count: usize = writes.values().sum();
    if count != 0 {
        faults.push(format!("the second run made {count} requests that may write"));
    }
    if run.write_call_count != 0 {
        faults.push(format!("the second run counts {} writing calls", run.write_call_count));
    }
    let touched = compare::touched(ledger);
    if let Some(first) = touched.first() {
        faults.push(format!("the second run touched {} records, such as {first}", touched.len()));
    }
    if ledger.len() != migrated.ledger.len() {
        faults.push("the second run has another number of records".to_owned());
    }
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
    accounted(shop, migrated, expected.len(), total, faults);
    objects(&expected, &records, made, faults);

    let (money, stock) = (money::money(&expected, &records), money::stock(&expected, &records));
    report::money(&money);
    report::stock(&stock);
    let unequal = money.iter().chain(&stock).filter(|sum| !sum.is_equal()).count();
    if unequal > 0 {
        faults.push(format!("{unequal} sums of money or stock are not equal"));
    }
    if shop.kinds.contains(&Kind::Order) && (money.is_empty() || stock.is_empty()) {
        faults.push("there is no money, or no stock, to compare".to_owned());
    }
    if !migrated.walked.report.passed {
        faults.push("the server's own verification found differences".to_owned());
    }
    broken(shop, migrated, &expected, &actual, faults);
    Ok(())
}

/// Breaks every field, and asks for every mapped one.
fn broken(
    shop: &Shop,
    migrated: &Migrated,
    expected: &facts::Records,
    actual: &Actual,
    faults: &mut Vec<String>,
) {
    let begun = Instant::now();
    let target = breakage::of_target(expected, actual, &migrated.ledger);
    let source = breakage::of_source(shop, &actual.records(), &migrated.ledger);
    println!(
        "  break-check: {} fields of the shop and {} columns of the files broken in {}, {} unnoticed",
        target.broken,
        source.broken,
        report::seconds(begun.elapsed()),
        target.unnoticed.len() + source.unnoticed.len()
    );
    if shop.is_faultless {
        let mapping = migrated.walked.revision.content.clone().unwrap_or_default();
        let coverage = coverage::of(&mapping, &target, &source);
        println!(
            "  of {} mapped fields {} broken and noticed, {} cannot occur",
            coverage.mapped, coverage.broken, coverage.excepted
        );
        faults.extend(coverage.faults);
    }
    let unnoticed = target.unnoticed.into_iter().chain(source.unnoticed);
    faults.extend(unnoticed.map(|field| format!("breaking {field} is not noticed")));
}

/// The server's own books must close, and a shop without faults must arrive whole.
fn accounted(
    shop: &Shop,
    migrated: &Migrated,
    expected: usize,
    total: &mut Total,
    faults: &mut Vec<String>,
) {
    let accounting = migrated.walked.run.accounting.clone().unwrap_or_default();
    total.unaccounted += accounting.unaccounted;
    if accounting.unaccounted != 0 {
        faults.push(format!("{} records are unaccounted for", accounting.unaccounted));
    }
    if usize::try_from(accounting.total) != Ok(expected) {
        faults.push(format!("the run has {} records, the files {expected}", accounting.total));
    }
    let sums = accounting.outcomes.unwrap_or_default();
    if sums.unknown != 0 {
        faults.push(format!("{} records are unknown", sums.unknown));
    }
    if shop.is_faultless && sums.quarantined + sums.excluded + sums.merged != 0 {
        faults.push(format!(
            "nothing is wrong with any record, and {} are quarantined, {} excluded, {} merged",
            sums.quarantined, sums.excluded, sums.merged
        ));
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
