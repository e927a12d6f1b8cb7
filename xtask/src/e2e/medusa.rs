//! A Medusa server of our own: a database, migrations, a user, an API key; started on loopback and
//! stopped at the end.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cartage_postgres::Postgres;
use tokio::process::Command;

use super::admin::Admin;
use crate::server::{Process, tail};

const DATABASE: &str = "medusa";
const EMAIL: &str = "admin@cartage.test";
/// How long a chore of Medusa's, or its start, may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Read by Medusa from the folder it is started in.
const CONFIG: &str = r#"const { defineConfig } = require("@medusajs/framework/utils");

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: { ssl: false, connection: { ssl: false } },
    http: {
      storeCors: "http://localhost:8000",
      adminCors: "http://localhost:9000",
      authCors: "http://localhost:9000",
      jwtSecret: process.env.CARTAGE_SECRET,
      cookieSecret: process.env.CARTAGE_SECRET,
    },
  },
});
"#;

/// A Medusa that runs. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Medusa {
    /// Its address.
    pub(crate) url: String,
    /// A secret API key.
    pub(crate) api_key: String,
    process: Process,
    postgres: Postgres,
}

/// The folder Medusa runs in, and what its programs need to know.
struct Place<'a> {
    folder: &'a Path,
    url: String,
    secret: String,
}

impl Medusa {
    /// Starts a new shop in `folder`, with the packages of an installation.
    pub(crate) async fn start(installed: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder.join("src/api")).context("making the folder of Medusa")?;
        symlink(installed.join("node_modules"), folder.join("node_modules"))?;
        fs::write(folder.join("medusa-config.js"), CONFIG)?;
        fs::write(folder.join("package.json"), super::install::manifest())?;

        let settings =
            cartage_postgres::Settings::scratch(folder.with_file_name("medusa-postgres"));
        let postgres = cartage_postgres::start(settings).await.context("Medusa's database")?;
        postgres.ensure_database(DATABASE).await.context("Medusa's database")?;
        let secret = uuid::Uuid::new_v4().to_string();
        let place = Place { folder, url: postgres.url(DATABASE), secret };
        println!("Medusa: migrating its database …");
        place.chore("migrate", &["db:migrate"]).await?;
        let password = uuid::Uuid::new_v4().to_string();
        place.chore("user", &["user", "-e", EMAIL, "-p", &password]).await?;

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
        let log = folder.join("medusa.log");
        let file = File::create(&log)?;
        let mut command = place.command(&["start", "-H", "127.0.0.1", "-p", &port]);
        command.stdout(file.try_clone()?).stderr(file);
        let mut process = Process::spawn("Medusa", command)?;
        let url = format!("http://127.0.0.1:{port}");
        healthy(&url, &mut process, &log).await?;
        let api_key = Admin::create_key(&url, EMAIL, &password).await?;
        println!("Medusa {} runs at {url}", super::install::VERSION);
        Ok(Self { url, api_key, process, postgres })
    }

    /// Stops it and its database.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.process.stop(Duration::from_secs(30)).await?;
        self.postgres.stop().await.context("stopping Medusa's database")
    }
}

impl Place<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let cli = PathBuf::from("node_modules/@medusajs/cli/cli.js");
        let mut command = Command::new("node");
        command.arg(cli).args(arguments).current_dir(self.folder).kill_on_drop(false);
        command.env("DATABASE_URL", &self.url).env("CARTAGE_SECRET", &self.secret);
        command.env("NODE_ENV", "production").env("MEDUSA_DISABLE_TELEMETRY", "1");
        command.env("NODE_OPTIONS", "--max-old-space-size=1536").env("LOG_LEVEL", "warn");
        command
    }

    /// Runs a program of Medusa's to its end.
    async fn chore(&self, name: &'static str, arguments: &[&str]) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let mut command = self.command(arguments);
        command.kill_on_drop(true).stdin(std::process::Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let ended = tokio::time::timeout(LIMIT, command.status()).await;
        let Ok(status) = ended else { bail!("Medusa's {name} took more than {LIMIT:?}") };
        let status = status.with_context(|| format!("Medusa's {name}"))?;
        ensure!(status.success(), "Medusa's {name} failed; its log ends:\n{}", tail(&log));
        Ok(())
    }
}

async fn healthy(url: &str, process: &mut Process, log: &Path) -> Result<()> {
    let started = Instant::now();
    let client = reqwest::Client::new();
    loop {
        let answer = client.get(format!("{url}/health")).timeout(LIMIT).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        let problem = match process.is_running() {
            false => "Medusa ended while it started",
            true if started.elapsed() > LIMIT => "Medusa did not start in time",
            true => "",
        };
        ensure!(problem.is_empty(), "{problem}; its log ends:\n{}", tail(log));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
