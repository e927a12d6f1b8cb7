//! What must hold in a database of ours at any moment, whatever happened before: one checker, which
//! every test of a fault ends with.
//!
//! Its numbers are those by which the invariants are named: I1 nothing acknowledged is lost; I2 one
//! resource per request id; I3 one object per source record and role; I4 every record of a run has
//! one outcome, and the sums are right; I5 events without gaps, as they were told; I6 states follow
//! the tables of the engine; I7 nothing is written under a stale term of a lease; I10 accounts are
//! apart; I11 after a rollback the shop is as before, but for the conflicts that are listed; I12
//! nothing is active that nobody will go on with. I8 and I9 are about logs of activity and webhooks,
//! of which there are none.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cartage_engine::{
    migration::{self, MigrationEvent, MigrationState},
    run::{RunEvent, RunState},
};
use prost::Message;
use serde_json::{Value, json};
use sqlx::{Acquire, Connection, Executor, PgConnection, Row};

use crate::{
    shop::{Contents, SET_UP, USED},
    streams_record::Recording,
    support::{Server, soon},
    walk::Walk,
};

/// Something that a caller was told was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) request_id: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// What is known besides the database.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The state of the simulated shop that LIVE runs wrote to.
    pub(crate) shop: Option<Value>,
    /// What callers were told.
    pub(crate) made: Vec<Made>,
    /// What streams told: the stream (the name of the account or migration), the sequence, the uid.
    pub(crate) told: Vec<(String, i64, String)>,
    /// How long a lease is, where workers are there to take up what is due.
    pub(crate) lease: Option<Duration>,
    /// What a shop held around a rollback.
    pub(crate) taken_back: Option<TakenBack>,
}

/// What a shop held around a rollback.
#[derive(Clone, Debug, Default)]
pub(crate) struct TakenBack {
    /// Before the runs that were taken back.
    pub(crate) before: Contents,
    /// Between the last of them and the rollback; nothing where that was not looked at.
    pub(crate) amid: Contents,
    pub(crate) after: Contents,
    /// Paths of what people made, changed or deleted themselves, and which no list has to name.
    pub(crate) others: BTreeSet<String>,
}

impl Evidence {
    /// Notes what a recording told.
    pub(crate) fn heard(&mut self, stream: &str, recording: &Recording) {
        let told = recording.events();
        self.told.extend(told.map(|it| (stream.to_owned(), it.sequence, it.uid.clone())));
    }
}

/// Checks everything in a database, given the URL of its superuser.
pub(crate) async fn hold(url: &str, evidence: &Evidence) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let breaches = breaches(&mut connection, evidence).await;
    assert!(breaches.is_empty(), "{breaches:#?}");
    connection.close().await.unwrap();
}

/// Everything that does not hold.
pub(crate) async fn breaches(connection: &mut PgConnection, evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    for (number, sql) in QUERIES {
        found.extend(texts(connection, sql).await.into_iter().map(|it| format!("{number}: {it}")));
    }
    acknowledged(connection, evidence, &mut found).await;
    requests(connection, &mut found).await;
    if let Some(shop) = &evidence.shop {
        objects(connection, shop, &mut found).await;
    }
    told(connection, evidence, &mut found).await;
    if let Some(taken_back) = &evidence.taken_back {
        restored(connection, taken_back, &mut found).await;
    }
    states(connection, &mut found).await;
    accounts(connection, &mut found).await;
    stranded(connection, evidence.lease, &mut found).await;
    found
}

/// What SQL alone can find. Each row is a breach.
const QUERIES: &[(&str, &str)] = &[
    (
        "I3",
        "select format('%s %s: %s is the %s of %s', target, kind, target_id, role,
            string_agg(distinct record_source_id, ', '))
        from record_link link
        where kind in ('product', 'customer', 'order') and source_id = record_source_id
            and not exists (
                select from run_record record
                where record.account_id = link.account_id and record.run like link.migration || '/%'
                    and record.kind = link.kind and record.source_id = link.record_source_id
                    and record.outcome = 'merged'
            )
        group by account_id, migration, target, kind, role, target_id
        having count(distinct record_source_id) > 1",
    ),
    (
        "I4",
        "with counted as (
            select account_id, run, kind, count(*) as rows,
                count(*) filter (where outcome = 'unknown') as unknown
            from run_record group by account_id, run, kind
        ), wanted as (
            select account_id, name as run, state, body, key as kind, value::bigint as total
            from resource, jsonb_each_text(coalesce(nullif(body -> 'totals', 'null'), '{}'))
            where type = 'run'
        )
        select format('%s %s, %s: %s rows of %s, %s unknown', run, state, kind, coalesce(rows, 0), total, unknown)
        from wanted left join counted using (account_id, run, kind)
        where coalesce(rows, 0) > total
            or state in ('SUCCEEDED', 'AWAITING_ACCEPTANCE') and coalesce(rows, 0) <> total
            or state = 'SUCCEEDED' and unknown > 0 and body -> 'acceptance' = 'null'
        union all
        select format('%s: %s is not in scope and has %s rows', run, kind, rows)
        from counted join resource on (resource.account_id, name) = (counted.account_id, run)
        where rows > 0 and body -> 'totals' <> 'null' and not body -> 'totals' ? kind",
    ),
    (
        "I4",
        "with counted as (
            select account_id, run, kind, outcome, count(*) as rows
            from run_record group by account_id, run, kind, outcome
        ), said as (
            select account_id, name as run, by_kind.key as kind, by_outcome.key as outcome, by_outcome.value::bigint as rows
            from resource,
                jsonb_each(coalesce(nullif(body -> 'accounting' -> 'kinds', 'null'), '{}')) as by_kind,
                jsonb_each_text(by_kind.value -> 'outcomes') as by_outcome
            where type = 'run' and state = 'SUCCEEDED'
        )
        select format('%s, %s: the run says %s %s, the ledger %s', said.run, said.kind, said.rows, said.outcome,
            coalesce(counted.rows, 0))
        from said left join counted using (account_id, run, kind, outcome)
        where said.rows <> coalesce(counted.rows, 0)",
    ),
    (
        "I4",
        "select format('%s: %s %s is %s and has no link', record.run, record.kind, record.source_id, record.outcome)
        from run_record record
        join resource run on (run.account_id, run.name) = (record.account_id, record.run)
        where record.outcome in ('migrated', 'changed') and run.body ->> 'kind' <> 'rollback'
            and coalesce(run.body ->> 'rolled_back_by', '') = '' and record.effect <> 'deleted'
            and not exists (
                -- A later run deleted what the source no longer has.
                select from run_record later join resource other on (other.account_id, other.name) = (later.account_id, later.run)
                where later.account_id = record.account_id and other.parent = run.parent
                    and later.kind = record.kind and later.source_id = record.source_id
                    and later.effect = 'deleted' and later.finish_time > record.finish_time
            )
            and not exists (
            select from record_link link
            where link.account_id = record.account_id and link.migration = run.parent
                and link.target = case run.body ->> 'kind'
                    when 'test' then run.name else run.body ->> 'target_connection' end
                and link.kind = record.kind and link.record_source_id = record.source_id
                and link.role <> 'partial'
        )",
    ),
    (
        "I5",
        "select format('%s %s: %s events from %s to %s, and the head is %s', head.account_id,
            head.stream, count(uid), min(event.sequence), max(event.sequence), head.sequence)
        from event_head head left join event using (account_id, stream)
        group by head.account_id, head.stream, head.sequence
        having count(uid) <> head.sequence or min(event.sequence) <> 1
            or max(event.sequence) <> head.sequence or count(distinct uid) <> count(uid)
        union all
        select format('%s %s has events and no head', account_id, stream)
        from event left join event_head head using (account_id, stream)
        where head.sequence is null",
    ),
    (
        "I6",
        "with told as (
            select account_id, resource, state, row_number() over (
                partition by account_id, resource order by sequence desc) as back
            from event where state is not null
        )
        select format('%s is %s, and its last event says %s', name, resource.state, told.state)
        from resource join told on (told.account_id, told.resource, back) = (resource.account_id, name, 1)
        where type in ('run', 'migration') and told.state <> resource.state",
    ),
    (
        "I7",
        "select format('%s %s %s, call %s: intended under %s, %s under %s', run, kind, source_id, ordinal, epoch,
            state, result_epoch)
        from external_call
        where result_epoch < epoch
            -- One that was looked for in vain and forgotten has none.
            or state not in ('intended', 'void') and result_epoch is null
            or greatest(epoch, result_epoch) > (select last_value from job_epoch)
        union all
        select format('%s: an intent under %s after one under %s', run, epoch, before) from (
            select run, epoch, max(epoch) over (
                partition by account_id, run order by intend_time
                range between unbounded preceding and current row) as before
            from external_call
        ) as intents where before > epoch
        union all
        select format('%s: a result under %s after one under %s', run, result_epoch, before) from (
            select run, result_epoch, max(result_epoch) over (
                partition by account_id, run order by result_time
                range between unbounded preceding and current row) as before
            from external_call where result_time is not null
        ) as results where before > result_epoch",
    ),
    (
        "I10",
        "select format('%s is in the account %s', name, account_id) from (
            select account_id, name from resource
            union all select account_id, resource from event
            union all select account_id, resource from job
            union all select account_id, run from run_record
            union all select account_id, migration from record_link
            union all select account_id, run from external_call
            union all select account_id, report from discrepancy
            union all select account_id, audit from finding
        ) as named where name <> 'accounts/' || account_id
            and name not like 'accounts/' || account_id || '/%'",
    ),
];

async fn texts(connection: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|row| row.get(0)).collect()
}

/// I1 and I2: what callers were told of is there, and one request id is one resource.
async fn acknowledged(connection: &mut PgConnection, evidence: &Evidence, found: &mut Vec<String>) {
    let mut by_request: BTreeMap<&str, &str> = BTreeMap::new();
    for made in &evidence.made {
        let query = sqlx::query("select uid::text from resource where name = $1").bind(&made.name);
        let row = query.fetch_optional(&mut *connection).await.unwrap();
        match row.map(|row| row.get::<String, _>(0)) {
            Some(uid) if uid == made.uid => {}
            other => found.push(format!("I1: {made:?} was acknowledged, and is {other:?}")),
        }
        if *by_request.entry(&made.request_id).or_insert(&made.uid) != made.uid {
            found.push(format!("I2: two resources were told of as of {}", made.request_id));
        }
    }
}

/// What every resource of the contract begins with.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// I1 and I2, by the answers that are kept: each made a resource that is there, or was deleted, and
/// no two of them made the same one.
async fn requests(connection: &mut PgConnection, found: &mut Vec<String>) {
    let sql = "select method, request_id::text, response from request_log
        where method like 'Create%' order by create_time";
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await.unwrap();
    let mut known = BTreeSet::new();
    for row in rows {
        let (method, id): (String, String) = (row.get(0), row.get(1));
        let named = Named::decode(row.get::<Vec<u8>, _>(2).as_slice()).unwrap();
        let sql = "select exists (select from resource where name = $1),
            exists (select from event where resource = $1 and type like '%.deleted')";
        let row = sqlx::query(sql).bind(&named.name).fetch_one(&mut *connection).await.unwrap();
        let (is_there, deleted): (bool, bool) = (row.get(0), row.get(1));
        if !is_there && !deleted {
            found.push(format!("I1: {method} {id} made {}, which is gone", named.name));
        }
        if !known.insert(named.name.clone()) && !deleted {
            found.push(format!("I2: {method} {id} made {} once more", named.name));
        }
    }
}

/// I3, as the shop sees it: no key twice, and nothing of a run that succeeded without its link.
async fn objects(connection: &mut PgConnection, shop: &Value, found: &mut Vec<String>) {
    if shop["duplicates"] != json!({}) {
        found.push(format!("I3: the shop has {}", shop["duplicates"]));
    }
    let sql = "select exists (
            select from resource where type = 'run' and body ->> 'kind' = 'live' and state <> 'SUCCEEDED'
        )";
    let unfinished: bool = sqlx::query(sql).fetch_one(&mut *connection).await.unwrap().get(0);
    if unfinished {
        return;
    }
    let sql = "select distinct target_id from record_link";
    let linked: BTreeSet<String> = texts(connection, sql).await.into_iter().collect();
    for kind in ["products", "customers", "orders"] {
        for (key, ids) in shop["keys"][kind].as_object().into_iter().flatten() {
            let ids = ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap());
            let lost = ids.filter(|id| key.starts_with("cartage:") && !linked.contains(*id));
            found.extend(lost.map(|id| format!("I3: {id} stands in the shop for {key}, unlinked")));
        }
    }
}

/// I5, as readers saw it: what was told stands there.
async fn told(connection: &mut PgConnection, evidence: &Evidence, found: &mut Vec<String>) {
    let sql = "select account_id, stream, sequence, uid::text from event";
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    let mut stands = BTreeMap::new();
    for row in rows {
        let (account, stream): (String, String) = (row.get(0), row.get(1));
        let stream = if stream.is_empty() { format!("accounts/{account}") } else { stream };
        stands.insert((stream, row.get::<i64, _>(2)), row.get::<String, _>(3));
    }
    for (stream, sequence, uid) in &evidence.told {
        let there = stands.get(&(stream.clone(), *sequence));
        if there != Some(uid) {
            found.push(format!("I5: {stream} told {uid} as {sequence}, where {there:?} stands"));
        }
    }
}

/// I11: the shop holds what it held before the runs that were taken back, but for objects that the
/// rollback lists as conflicts; those it left as they were, and it changed nothing that it left.
async fn restored(connection: &mut PgConnection, seen: &TakenBack, found: &mut Vec<String>) {
    let sql = "select distinct link.target_id from record_link link
        join run_record record on (record.account_id, record.kind, record.source_id)
            = (link.account_id, link.kind, link.record_source_id)
        join resource run on (run.account_id, run.name, run.parent)
            = (record.account_id, record.run, link.migration)
        where run.type = 'run' and run.body ->> 'kind' = 'rollback'
            and record.outcome in ('quarantined', 'unknown')";
    let listed: BTreeSet<String> = texts(connection, sql).await.into_iter().collect();
    let TakenBack { before, amid, after, others } = seen;
    let names = |path: &str| path.rsplit('/').next().is_some_and(|id| listed.contains(id));
    // With a product stays the stock of its variants.
    let products = after.iter().filter(|(path, _)| names(path) || others.contains(*path));
    let skus: Vec<&Value> = products
        .flat_map(|(_, product)| product["variants"].as_array().into_iter().flatten())
        .map(|variant| &variant["sku"])
        .filter(|sku| sku.is_string())
        .collect();
    let stock = |path: &str| {
        path.starts_with("inventory-items/")
            && after.get(path).is_some_and(|item| skus.contains(&&item["sku"]))
    };
    let is_listed = |path: &str| names(path) || stock(path);
    let looked_at = before.contains_key(USED);
    let used = after.get(USED).and_then(Value::as_array);
    // What was set up stays with what uses it; what was there before stays in any case.
    let may_stand = |path: &str| {
        let Some((list, id)) = path.split_once('/') else { return false };
        let is_used = used.is_some_and(|used| used.iter().any(|it| it == id));
        SET_UP.contains(&list) && !before.contains_key(path) && (is_used || !looked_at)
    };
    for path in before.keys().chain(after.keys()).filter(|it| *it != USED).collect::<BTreeSet<_>>()
    {
        let (was, is) = (before.get(path), after.get(path));
        if was != is && !is_listed(path) && !others.contains(path) && !may_stand(path) {
            found.push(format!("I11: {path} was {was:?} before, is {is:?}, and no list names it"));
        }
    }
    let whole = |path: &str| path != USED && !others.contains(path);
    for (path, was) in amid.iter().filter(|(path, _)| whole(path)) {
        match after.get(path) {
            Some(is) if is != was => {
                found.push(format!("I11: a rollback made {is} of {path}, which was {was}"));
            }
            None if is_listed(path) => {
                found.push(format!("I11: {path} is listed as a conflict, and is gone"));
            }
            _ => {}
        }
    }
}

fn leads(of: &str, from: &str, to: &str) -> bool {
    if of == "run" {
        let (Some(from), to) = (RunState::parse(from), RunState::parse(to)) else { return false };
        return RunEvent::ALL.iter().any(|event| from.next(*event).is_ok_and(|next| next == to));
    }
    let (Some(from), to) = (MigrationState::parse(from), MigrationState::parse(to)) else {
        return false;
    };
    MigrationEvent::ALL.iter().any(|event| migration::next(from, *event).ok() == to)
}

/// I6: every change of state that was told is in the engine's table, and begins where the one before
/// ended.
async fn states(connection: &mut PgConnection, found: &mut Vec<String>) {
    let sql = "select split_part(type, '.', 1), resource, previous_state, state from event
        where state is not null and split_part(type, '.', 1) in ('run', 'migration')
        order by account_id, resource, sequence";
    let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for row in rows {
        let (of, name): (String, String) = (row.get(0), row.get(1));
        let (from, to): (Option<String>, String) = (row.get(2), row.get(3));
        let before = last.insert(name.clone(), to.clone());
        let Some(from) = from else { continue };
        if before.as_ref().is_some_and(|before| *before != from) {
            found.push(format!("I6: {name} went on from {from}, and was {before:?}"));
        }
        if !leads(&of, &from, &to) {
            found.push(format!("I6: {name} went from {from} to {to}"));
        }
    }
}

/// I10: as the application an account sees its own rows, and without an account nobody sees any.
async fn accounts(connection: &mut PgConnection, found: &mut Vec<String>) {
    let sql = "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
            and a.attname = 'account_id'";
    let tables = texts(connection, sql).await;
    let all = texts(connection, "select account_id from account").await;
    let mut tx = Acquire::begin(&mut *connection).await.unwrap();
    tx.execute("set local role cartage_application").await.unwrap();
    for account in all.iter().map(String::as_str).chain([""]) {
        let set = "select set_config('cartage.account', $1, true)";
        sqlx::query(set).bind(account).execute(&mut *tx).await.unwrap();
        for table in &tables {
            let sql = format!("select count(*) from {table} where account_id <> '{account}'");
            let sql = sqlx::AssertSqlSafe(sql);
            let count: i64 = sqlx::query(sql).fetch_one(&mut *tx).await.unwrap().get(0);
            if count > 0 {
                found.push(format!("I10: {account:?} sees {count} rows of others in {table}"));
            }
        }
    }
    tx.rollback().await.unwrap();
}

/// I12: what ends by itself has a job, and no job that is due is left alone.
async fn stranded(connection: &mut PgConnection, lease: Option<Duration>, found: &mut Vec<String>) {
    // A run that is taken back has no job: the run that does so has one, or waits for a person.
    let sql = "select type, name, state, (
            select state from resource taker
            where (taker.account_id, taker.name) = (resource.account_id, resource.body ->> 'rolled_back_by')
        ) from resource left join job
            on (job.account_id, job.resource) = (resource.account_id, name)
        where job.resource is null and delete_time is null";
    for row in sqlx::query(sql).fetch_all(&mut *connection).await.unwrap() {
        let (of, name, state): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let taker: Option<String> = row.get(3);
        let is_open = |state: &str| RunState::parse(state).is_some_and(RunState::is_open);
        let active = match of.as_str() {
            "run" if state == "ROLLING_BACK" => !taker.as_deref().is_some_and(is_open),
            "run" => RunState::parse(&state).is_some_and(RunState::is_active),
            "connection" => state == "VERIFYING",
            "snapshot" | "audit" => matches!(&*state, "PENDING" | "RUNNING" | "CANCELLING"),
            "restore_test" | "verification_report" => matches!(&*state, "PENDING" | "RUNNING"),
            _ => false,
        };
        if active {
            found.push(format!("I12: {name} is {state}, and nobody will go on with it"));
        }
    }
    let Some(lease) = lease else { return };
    let sql =
        "select format('I12: %s has been due since %s, and nobody takes it', resource, run_at)
        from job where greatest(run_at, lease_until, holder_until)
            < clock_timestamp() - make_interval(secs => $1)";
    let query = sqlx::query(sql).bind((lease * 2).as_secs_f64());
    let rows = query.fetch_all(connection).await.unwrap();
    found.extend(rows.iter().map(|row| row.get::<String, _>(0)));
}

/// The checker itself: each invariant broken in the database, or in what was seen of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_invariant_is_seen() {
    let server = Server::start().await;
    let (walk, _files) = Walk::handful(&server, "one,One,,Acme,1\ntwo,Two,,Acme,2\n").await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    server
        .client("other")
        .await
        .call(crate::support::connection("other", "shop", crate::support::sandbox()))
        .await
        .unwrap();
    let source = walk.client.call(v1_get(&walk.source)).await.unwrap();
    let sound = || Evidence {
        shop: Some(walk.shop.state("cartage_key")),
        made: vec![Made {
            request_id: "r".to_owned(),
            name: source.name.clone(),
            uid: source.uid.clone(),
        }],
        lease: Some(Duration::from_secs(6)),
        ..Evidence::default()
    };
    soon(hold(&server.database.url, &sound())).await;

    let mut owner = PgConnection::connect(&server.database.url).await.unwrap();
    let connection = &mut owner;
    let migration = &walk.migration;
    // What foreign keys and checks keep from happening is broken as well.
    for (number, sql) in [
        ("I1", format!("delete from resource where name = '{}'", walk.source)),
        (
            "I2",
            "insert into request_log select account_id, method, gen_random_uuid(), fingerprint, response
            from request_log where method = 'CreateRun'"
                .to_owned(),
        ),
        ("I3", "update record_link set target_id = 'same' where role = 'product'".to_owned()),
        ("I3", "update record_link set target_id = target_id || 'x'".to_owned()),
        ("I4", "delete from run_record where source_id = 'one'".to_owned()),
        ("I4", "update run_record set outcome = 'unknown' where source_id = 'one'".to_owned()),
        ("I4", "update run_record set outcome = 'excluded' where source_id = 'one'".to_owned()),
        ("I4", "update run_record set kind = 'order' where source_id = 'one'".to_owned()),
        ("I4", "delete from record_link where record_source_id = 'one'".to_owned()),
        ("I5", format!("delete from event where stream = '{migration}' and sequence = 2")),
        ("I5", format!("update event_head set sequence = sequence + 1 where stream = '{migration}'")),
        ("I5", format!("delete from event_head where stream = '{migration}'")),
        (
            "I6",
            "update event set previous_state = 'SUCCEEDED' where type = 'run.state_changed' and state = 'RUNNING'"
                .to_owned(),
        ),
        ("I6", "update resource set state = 'CANCELLED' where type = 'run'".to_owned()),
        ("I6", "update event set previous_state = 'DELETED' where type = 'migration.state_changed'".to_owned()),
        ("I7", "update external_call set result_epoch = epoch - 1 where source_id = 'one'".to_owned()),
        ("I7", "update external_call set result_epoch = null where source_id = 'one'".to_owned()),
        (
            "I7",
            "update external_call set epoch = 0 where intend_time = (select max(intend_time) from external_call)"
                .to_owned(),
        ),
        ("I7", "update external_call set result_epoch = 1000000 where source_id = 'one'".to_owned()),
        ("I10", "create policy leak on event to cartage_application using (true)".to_owned()),
        ("I10", "update event set resource = 'accounts/other/connections/shop' where account_id = 'acme'".to_owned()),
        ("I12", "update resource set state = 'RUNNING' where type = 'run'".to_owned()),
        ("I12", "update resource set state = 'VERIFYING' where type = 'connection'".to_owned()),
        (
            "I12",
            format!(
                "insert into job (account_id, resource, queue, run_at) values ('acme', '{}', 'none', now() - interval '1 hour')",
                run.name
            ),
        ),
    ] {
        let mut tx = Acquire::begin(&mut *connection).await.unwrap();
        tx.execute("set local session_replication_role = replica").await.unwrap();
        let changed = sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(&mut *tx).await.unwrap();
        assert!(changed.rows_affected() > 0 || sql.starts_with("create"), "{sql} changes nothing");
        let found = breaches(&mut tx, &sound()).await;
        let seen = found.iter().any(|it| it.starts_with(&format!("{number}:")));
        assert!(seen, "{number} is broken by {sql}, and this is seen: {found:#?}");
        tx.rollback().await.unwrap();
    }
    let lost = Made { uid: walk.migration.clone(), ..sound().made.remove(0) };
    let twice = Evidence { made: vec![sound().made.remove(0), lost], ..sound() };
    let mut doubled = sound();
    doubled.shop.as_mut().unwrap()["duplicates"] = json!({ "products": { "key": ["a", "b"] } });
    let untrue = (walk.migration.clone(), 1, "another".to_owned());
    let untold = Evidence { told: vec![untrue], ..sound() };
    let one = |title: &str| Contents::from([("products/prod_1".to_owned(), json!(title))]);
    let around = |before: Contents, amid: Contents, after: Contents| {
        let taken_back = TakenBack { before, amid, after, ..TakenBack::default() };
        Evidence { taken_back: Some(taken_back), ..sound() }
    };
    let left = around(Contents::new(), Contents::new(), one("a"));
    let lost = around(one("a"), one("a"), Contents::new());
    let touched = around(one("b"), one("a"), one("b"));
    for (evidence, numbers) in [
        (twice, ["I1", "I2"].as_slice()),
        (doubled, &["I3"]),
        (untold, &["I5"]),
        (left, &["I11"]),
        (lost, &["I11"]),
        (touched, &["I11"]),
    ] {
        let found = breaches(connection, &evidence).await;
        let seen: BTreeSet<&str> = found.iter().map(|it| it.split(':').next().unwrap()).collect();
        assert_eq!(seen, numbers.iter().copied().collect(), "{found:#?}");
    }
    assert_eq!(breaches(connection, &sound()).await, [""; 0]);
}

fn v1_get(name: &str) -> cartage_client::v1::GetConnectionRequest {
    cartage_client::v1::GetConnectionRequest { name: name.to_owned() }
}
