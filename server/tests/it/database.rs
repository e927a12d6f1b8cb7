//! What the server asks of a database that is not its own: an owner with few rights is enough, and
//! roles with too many are refused.

use std::{fs, os::unix::fs::PermissionsExt};

use cartage_postgres::{Postgres, Settings};
use cartage_server::{error::Result, store::Store};

/// A PostgreSQL of this test's own: roles belong to a whole server, not to a database.
async fn postgres() -> (tempfile::TempDir, Postgres) {
    let folder = tempfile::tempdir().unwrap();
    // Started by root, it runs as somebody else, who must get here.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let settings =
        Settings { max_connections: 100, ..Settings::scratch(folder.path().join("data")) };
    let postgres = cartage_postgres::start(settings).await.unwrap();
    (folder, postgres)
}

/// Makes a role that may do this, and a database of its own; gives its URL of the database.
async fn owner(postgres: &Postgres, name: &str, rights: &str) -> String {
    let role = format!("create role {name} login password 'secret' {rights}");
    postgres.query("postgres", &role).await.unwrap();
    let database = format!("create database {name} owner {name}");
    postgres.query("postgres", &database).await.unwrap();
    postgres.url_as(name, "secret", name)
}

/// Opens a store, writes and reads in it as an account, and asks as the system.
async fn used(url: &str) -> Result<()> {
    let store = Store::open(url).await?;
    let mut tx = store.begin("acme").await?;
    tx.account_ensure().await?;
    tx.commit().await?;
    assert_eq!(store.accounts("", 10).await?, ["acme"]);
    assert!(store.job_claim("worker", 5.0).await?.is_none());
    store.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_may_make_roles_or_was_granted_them_is_enough() {
    let (_folder, postgres) = postgres().await;
    let maker = owner(&postgres, "maker", "createrole").await;
    used(&maker).await.unwrap();
    used(&maker).await.unwrap();

    let modest = owner(&postgres, "modest", "").await;
    let error = used(&modest).await.unwrap_err();
    assert!(error.chain().contains("cartage_application"), "{}", error.chain());
    let grant = "grant cartage_application, cartage_system to modest";
    postgres.query("postgres", grant).await.unwrap();
    used(&modest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_that_row_level_security_does_not_bind_are_refused() {
    let (_folder, postgres) = postgres().await;
    let url = owner(&postgres, "maker", "createrole").await;
    used(&url).await.unwrap();
    for role in ["cartage_application", "cartage_system"] {
        for (give, take, power) in [
            ("alter role ROLE superuser", "alter role ROLE nosuperuser", "is a superuser"),
            ("alter role ROLE bypassrls", "alter role ROLE nobypassrls", "bypasses"),
            ("alter table secret owner to ROLE", "alter table secret owner to maker", "owns"),
            (
                "create role boss; alter table secret owner to boss; grant boss to ROLE",
                "alter table secret owner to maker; drop role boss",
                "owns",
            ),
        ] {
            let [give, take] = [give, take].map(|sql| sql.replace("ROLE", role));
            postgres.query("maker", &give).await.unwrap();
            let error = Store::open(&url).await.unwrap_err();
            assert!(error.message.contains(role), "{give}: {}", error.message);
            assert!(error.message.contains(power), "{give}: {}", error.message);
            postgres.query("maker", &take).await.unwrap();
        }
    }
    used(&url).await.unwrap();
}
