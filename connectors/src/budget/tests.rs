//! The budget against the sandbox's limiters, in a time that only the test moves.

use std::sync::atomic::{AtomicU64, Ordering};

use cartage_sandbox::limiter::{self, Count, Limit, Limiter, Voice};
use proptest::prelude::*;

use super::*;
use crate::http::{HeaderMap, HeaderName, HeaderValue};

const DIALECTS: &[Dialect] =
    &[Dialect::RateLimit, Dialect::TimeReset, Dialect::CallLimit { drain_s: 20 }, Dialect::Cost];

/// One state for several processes, each exchange of which takes a while.
#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    begin: Instant,
    exchanges: Arc<AtomicU64>,
    takes: Duration,
}

impl Shared {
    fn new(takes_ms: u64) -> Self {
        let (state, exchanges) = Default::default();
        let takes = Duration::from_millis(takes_ms);
        Self { state, begin: Instant::now(), exchanges, takes }
    }

    fn now(&self) -> i64 {
        1_000_000 + i64::try_from(self.begin.elapsed().as_millis()).unwrap()
    }
}

#[async_trait]
impl Ledger for Shared {
    async fn exchange(&self, reports: &[Report], wish: Wish) -> Result<Grant, LedgerError> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.takes / 2).await;
        let now = self.now();
        let grant = self.state.lock().unwrap().exchange(now, &notes(reports, now), wish);
        // It goes through the form it has in a database.
        let kept = serde_json::to_string(&*self.state.lock().unwrap()).unwrap();
        *self.state.lock().unwrap() = serde_json::from_str(&kept).unwrap();
        tokio::time::sleep(self.takes / 2).await;
        Ok(grant)
    }
}

/// A shop that is nothing but its limit.
#[derive(Clone)]
struct Shop {
    limiter: Arc<Mutex<Limiter>>,
    begin: Instant,
}

impl Shop {
    fn new(limit: Limit) -> Self {
        Self { limiter: Arc::new(Mutex::new(Limiter::new(limit))), begin: Instant::now() }
    }

    fn answer(&self, is_write: bool) -> Heard {
        let mut limiter = self.limiter.lock().unwrap();
        let left = limiter.judge(self.begin.elapsed(), is_write);
        let headers: HeaderMap = limiter::headers(limiter.limit(), &left)
            .into_iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())
            })
            .collect();
        let body = limiter::extension(limiter.limit(), &left);
        let body = body.map(|extension| serde_json::json!({ "extensions": extension }));
        let said = read(DIALECTS, &headers, body.as_ref());
        if left.taken {
            return Heard::Answered(said);
        }
        let wait = retry_after(&headers, "2026-11-27T12:00:00Z".parse().unwrap());
        let retry_after_ms = wait.map(|wait| i64::try_from(wait.as_millis()).unwrap());
        Heard::Refused { said, retry_after_ms }
    }

    fn count(&self) -> Count {
        self.limiter.lock().unwrap().count()
    }
}

/// Lets processes with some workers each call the shop for a time, as fast as they may.
async fn load(
    shop: &Shop,
    budgets: &[Arc<Budget>],
    workers: usize,
    latency_ms: u64,
    time: Duration,
) {
    let end = Instant::now() + time;
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..workers * budgets.len() {
        let (shop, budget) = (shop.clone(), Arc::clone(&budgets[worker % budgets.len()]));
        tasks.spawn(async move {
            let mut turn = worker as u64;
            while Instant::now() < end {
                turn += 1;
                let is_write = !turn.is_multiple_of(3);
                let call = if is_write { "write" } else { "read" };
                let permit = match tokio::time::timeout_at(end, budget.permit(call)).await {
                    Ok(Ok(permit)) => permit,
                    Ok(Err(Denied::Later(wait))) => {
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    Ok(Err(denied)) => panic!("{denied:?}"),
                    Err(_) => return,
                };
                tokio::time::sleep(Duration::from_millis(1 + turn * 7 % 13)).await;
                let heard = shop.answer(is_write);
                tokio::time::sleep(Duration::from_millis(latency_ms + turn * 5 % 11)).await;
                permit.note(heard);
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test)
}

/// What two processes make of a limit in two minutes.
fn two_processes(limit: Limit, workers: usize, latency_ms: u64, takes_ms: u64) -> (Count, u64) {
    in_virtual_time(async {
        let shared = Shared::new(takes_ms);
        let budgets: Vec<Arc<Budget>> =
            (0..2).map(|_| Arc::new(Budget::new(Box::new(shared.clone())))).collect();
        let shop = Shop::new(limit);
        load(&shop, &budgets, workers, latency_ms, Duration::from_secs(120)).await;
        (shop.count(), shared.exchanges.load(Ordering::Relaxed))
    })
}

fn bucket(capacity: u32, restore_per_s: u32) -> limiter::Shape {
    limiter::Shape::Bucket { capacity, restore_per_s }
}

fn window(calls: u32, window_ms: u32) -> limiter::Shape {
    limiter::Shape::Window { calls, window_ms }
}

fn assert_used_well(count: Count, what: &str) {
    assert!(count.used * 100 >= count.offered * 95, "{what}: {count:?}");
    assert!(count.refused * 1_000 <= count.taken, "{what}: {count:?}");
}

#[test]
fn published_budgets_are_used_and_kept() {
    let cost = |read_cost, write_cost, shape| Limit {
        read_cost,
        write_cost,
        ..Limit::new(shape, Voice::Cost)
    };
    let cases = [
        cost(2, 10, bucket(2_000, 100)),
        cost(1, 10, bucket(1_000, 50)),
        Limit::new(bucket(40, 2), Voice::CallLimit),
        Limit::new(bucket(400, 20), Voice::RateLimit),
        Limit::new(window(150, 30_000), Voice::TimeReset),
        Limit::new(window(450, 30_000), Voice::TimeReset),
        Limit::new(window(120, 60_000), Voice::RateLimit),
        Limit::new(window(100, 5_000), Voice::TimeReset),
    ];
    for limit in cases {
        let (count, exchanges) = two_processes(limit, 8, 40, 4);
        assert_used_well(count, &format!("{limit:?}"));
        // Far fewer exchanges than calls, where there are many calls.
        assert!(exchanges < 2_500, "{limit:?}: {exchanges} exchanges for {} calls", count.taken);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_published_budget_is_used_and_kept(
        rate in 5_u32..80,
        seconds in 10_u32..40,
        write_cost in 1_u32..12,
        is_bucket: bool,
        workers in 6_usize..12,
        latency_ms in 5_u64..120,
        takes_ms in 2_u64..20,
    ) {
        let limit = if is_bucket {
            let shape = bucket(rate * 20 * write_cost / 4, rate * write_cost / 4 + 1);
            Limit { write_cost, ..Limit::new(shape, Voice::Cost) }
        } else {
            Limit::new(window(rate * seconds, seconds * 1_000), Voice::TimeReset)
        };
        let (count, _) = two_processes(limit, workers, latency_ms, takes_ms);
        // The workers may be slower than the budget; refused they are never.
        let most = u64::try_from(2 * workers).unwrap() * 120_000 / (latency_ms + 12);
        prop_assert!(count.refused * 1_000 <= count.taken, "{limit:?}: {count:?}");
        if count.taken * 10 < most * 7 {
            prop_assert!(count.used * 100 >= count.offered * 95, "{limit:?}: {count:?}");
        }
    }
}

#[test]
fn refusals_without_a_word_lower_the_pace_and_it_comes_back() {
    in_virtual_time(async {
        let budget = [Arc::new(Budget::alone())];
        let shop = Shop::new(Limit::new(bucket(20, 20), Voice::Silent));
        load(&shop, &budget, 8, 20, Duration::from_secs(120)).await;
        let count = shop.count();
        assert!(count.refused * 50 <= count.taken, "{count:?}");
        assert!(count.used * 2 >= count.offered, "{count:?}");
    });
}

#[test]
fn patience_that_is_asked_for_is_given() {
    in_virtual_time(async {
        let budget = Arc::new(Budget::alone());
        let permit = budget.permit("write").await.unwrap();
        permit.note(Heard::Refused { said: None, retry_after_ms: Some(7_000) });
        let begun = Instant::now();
        let permit = budget.permit("write").await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(7), "{:?}", begun.elapsed());
        assert!(permit.waited());
        permit.note(Heard::Refused { said: None, retry_after_ms: Some(3_600_000) });
        // Nobody is made to wait an hour without being asked.
        let Err(Denied::Later(wait)) = budget.permit("write").await else { panic!("a permit") };
        assert!(wait > Duration::from_secs(3_590), "{wait:?}");
    });
}

#[test]
fn a_circuit_opens_and_one_call_closes_it() {
    in_virtual_time(async {
        let shared = Shared::new(2);
        let budgets: Vec<Arc<Budget>> =
            (0..2).map(|_| Arc::new(Budget::new(Box::new(shared.clone())))).collect();
        let mut failed = 0;
        let open = loop {
            match budgets[failed % 2].permit("read").await {
                Ok(permit) => permit.note(Heard::Failed),
                Err(Denied::Open(wait)) => break wait,
                Err(other) => panic!("{other:?}"),
            }
            failed += 1;
        };
        // The last failure of the other process may not be heard of yet.
        assert!((12..=13).contains(&failed), "{failed}");
        // Both processes know, and a probe that fails opens it for longer.
        for budget in &budgets {
            assert!(matches!(budget.permit("read").await, Err(Denied::Open(_))));
        }
        tokio::time::sleep(open).await;
        budgets[1].permit("read").await.unwrap().note(Heard::Failed);
        let Err(Denied::Open(longer)) = budgets[1].permit("read").await else { panic!("closed") };
        assert!(longer > open, "{longer:?} after {open:?}");
        tokio::time::sleep(longer).await;
        let probe = budgets[0].permit("read").await.unwrap();
        let other = Arc::clone(&budgets[1]);
        let waiting = tokio::spawn(async move { other.permit("read").await.map(drop) });
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!waiting.is_finished(), "one call alone goes through a half-open circuit");
        probe.note(Heard::Answered(None));
        drop(budgets[0].permit("read").await.unwrap());
        waiting.await.unwrap().unwrap();
    });
}

#[test]
fn a_failure_among_answers_opens_nothing() {
    in_virtual_time(async {
        let budget = Arc::new(Budget::alone());
        for turn in 0..200 {
            let heard = if turn % 3 == 0 { Heard::Answered(None) } else { Heard::Failed };
            budget.permit("read").await.unwrap().note(heard);
        }
    });
}

#[test]
fn what_was_not_heard_of_for_long_is_forgotten() {
    let said = Said::Window {
        calls: 10,
        remaining: 0,
        reset: Duration::from_secs(3),
        window: Some(Duration::from_secs(30)),
    };
    let mut state = State::default();
    let note = Note { at: 1_000, call: "read", heard: Heard::Answered(Some(said)) };
    let wish = Wish { calls: 1, call: "read", back: None };
    assert_eq!(state.exchange(1_000, &[note], wish), Grant::Wait(3_000));
    assert!(matches!(state.exchange(4_000, &[], wish), Grant::Slice { .. }));
    assert_eq!(state.shape(), Shape::Window { calls: 10, window_ms: 30_000 });
    state.exchange(4_000 + 11 * 60_000, &[], wish);
    assert_eq!(state.shape(), Shape::Unknown);
}

/// A ledger that fails sometimes, and remembers what it was told.
#[derive(Clone, Default)]
struct Failing {
    told: Arc<Mutex<Vec<usize>>>,
    fails: Arc<AtomicU64>,
}

#[async_trait]
impl Ledger for Failing {
    async fn exchange(&self, reports: &[Report], _: Wish) -> Result<Grant, LedgerError> {
        self.told.lock().unwrap().push(reports.len());
        let fails = self.fails.load(Ordering::Relaxed);
        if fails > 0 {
            self.fails.store(fails - 1, Ordering::Relaxed);
            return Err(LedgerError("away".to_owned()));
        }
        let costs = std::collections::BTreeMap::default();
        Ok(Grant::Slice { id: 1, points: Some(10_000), valid_ms: 1_000, costs })
    }
}

#[test]
fn what_a_shop_said_is_told_again_where_the_ledger_was_away() {
    in_virtual_time(async {
        let ledger = Failing::default();
        let budget = Arc::new(Budget::new(Box::new(ledger.clone())));
        let permit = budget.permit("write").await.unwrap();
        let (said, retry_after_ms) = (None, Some(1_000));
        permit.note(Heard::Refused { said, retry_after_ms });
        ledger.fails.store(1, Ordering::Relaxed);
        let denied = budget.permit("write").await.err();
        assert!(matches!(denied, Some(Denied::Ledger(_))), "{denied:?}");
        budget.permit("write").await.unwrap();
        assert_eq!(*ledger.told.lock().unwrap(), [0, 1, 1]);
    });
}

#[test]
fn a_slow_ledger_makes_calls_slow_and_no_more() {
    in_virtual_time(async {
        // Every exchange takes longer than what it grants is good for.
        let shared = Shared::new(20_000);
        let budget = Arc::new(Budget::new(Box::new(shared.clone())));
        for _ in 0..3 {
            let permit = budget.permit("write").await.unwrap();
            permit.note(Heard::Answered(None));
        }
        assert!(shared.exchanges.load(Ordering::Relaxed) <= 6, "one or two for each call");
    });
}
