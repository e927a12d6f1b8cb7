//! Migrates a Shopify export into a Medusa shop, from the file to the report.
//!
//! `cargo run -p cartage-client --example migrate -- export.zip https://shop.example`, with CARTAGE_TOKEN,
//! MEDUSA_API_KEY and, where a second person must approve, CARTAGE_APPROVE_TOKEN.
#![expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]

use std::{env, error::Error, path::Path};

use cartage_client::{
    Client, report,
    road::{self, Options, Step},
    token, upload, v1,
    wait::Update,
};
use v1::{
    connection::Config, credentials::Secret, export_verification_report_request::Format,
    shopify_csv_config::Source,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    let base_url = arguments.next().ok_or("which shop?")?;
    let token = env::var("CARTAGE_TOKEN")?;
    let account = format!("accounts/{}", token::account(&token).ok_or("the token has no account")?);
    let client = Client::connect("http://127.0.0.1:7400", &token).await?;
    let approver = match env::var("CARTAGE_APPROVE_TOKEN") {
        Ok(token) => client.with_token(&token)?,
        Err(_) => client.clone(),
    };

    // The two shops: an uploaded export, and a Medusa server.
    let upload = upload::upload(&client, &account, "", Path::new(&file), |sent| {
        println!("{} of {} bytes", sent.committed, sent.total);
    });
    let source = v1::ShopifyCsvConfig {
        source: Some(Source::Upload(upload.await?.name)),
        ..Default::default()
    };
    let source = connect(&client, &account, Config::ShopifyCsv(source), None).await?;
    let medusa = Config::Medusa(v1::MedusaConfig { base_url, ..Default::default() });
    let secret = Secret::ApiKey(env::var("MEDUSA_API_KEY")?);
    let target = connect(&client, &account, medusa, Some(secret)).await?;

    // The road, with everything the target cannot hold accepted.
    let options = Options::new(&account, &source, &target);
    let walked = road::walk(&client, &approver, &options, &mut |step| match step {
        Step::Begun { stage, .. } => println!("{stage} …"),
        Step::Update { update: Update::Progress(progress), .. } => println!("  {}", progress.done),
        Step::Done { stage, summary, .. } => println!("{stage}: {summary}"),
        _ => {}
    })
    .await?;

    let page = Path::new("report.html");
    report::export_to_file(&client, &walked.report.name, Format::Html, page).await?;
    println!("passed: {}; see {}", walked.report.passed, page.display());
    Ok(())
}

async fn connect(
    client: &Client,
    account: &str,
    config: Config,
    secret: Option<Secret>,
) -> Result<String, cartage_client::Error> {
    let connection = v1::Connection {
        config: Some(config),
        credentials: secret.map(|secret| v1::Credentials { secret: Some(secret) }),
        ..Default::default()
    };
    let request = v1::CreateConnectionRequest {
        parent: account.to_owned(),
        connection: Some(connection),
        ..Default::default()
    };
    Ok(client.call(request).await?.name)
}
