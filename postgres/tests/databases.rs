//! Databases for tests: fresh, cloned from a template that is made once, dropped afterwards.

use std::sync::atomic::{AtomicU32, Ordering};

use cartage_postgres::{Error, test};

#[tokio::test]
async fn two_tests_do_not_see_each_other() {
    let (one, two) = tokio::join!(test::database("one"), test::database("two"));
    let (one, two) = (one.unwrap(), two.unwrap());
    one.query("create table only_here (a int)").await.unwrap();
    let known = "select count(*) from pg_class where relname = 'only_here'";
    assert_eq!(one.query(known).await.unwrap(), "1");
    assert_eq!(two.query(known).await.unwrap(), "0");
}

#[tokio::test]
async fn a_template_is_filled_once_and_cloned() {
    static FILLED: AtomicU32 = AtomicU32::new(0);
    async fn fill(url: String) -> Result<(), Error> {
        FILLED.fetch_add(1, Ordering::SeqCst);
        let name = url.rsplit('/').next().unwrap();
        let server = test::server().await?;
        server.query(name, "create table shop as select 'first' as name").await.map(|_| ())
    }
    let clones = futures_of(5, || test::database_from_template("once", fill)).await;
    assert_eq!(FILLED.load(Ordering::SeqCst), 1);
    clones[0].query("insert into shop values ('second')").await.unwrap();
    assert_eq!(clones[0].query("select count(*) from shop").await.unwrap(), "2");
    assert_eq!(clones[4].query("select count(*) from shop").await.unwrap(), "1");
}

async fn futures_of<T: Send + 'static, F>(count: u32, make: impl Fn() -> F) -> Vec<T>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..count {
        set.spawn(make());
    }
    set.join_all().await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_failed_template_says_why_and_is_tried_again() {
    let failed = test::database_from_template("fails", async |_| Err::<(), _>("no schema today"));
    let error = failed.await.unwrap_err();
    assert!(error.to_string().contains("no schema today"), "{error}");
    let made = test::database_from_template("fails", async |_| Ok::<(), Error>(())).await;
    made.unwrap();
}

#[tokio::test]
async fn a_dropped_test_database_is_dropped() {
    let database = test::database("gone").await.unwrap();
    let name = database.name.clone();
    drop(database);
    let server = test::server().await.unwrap();
    let known = format!("select count(*) from pg_database where datname = '{name}'");
    for _ in 0..200 {
        if server.query("postgres", &known).await.unwrap() == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{name} is still there");
}
