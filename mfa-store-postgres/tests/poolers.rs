//! PostgreSQL behind PgBouncer. A pooler in transaction mode can run a statement as another one, so it is
//! refused unless the URL says that it is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::store::{Expect, StoreError, Stores};
use mfa_core::totp::TimeStep;
use mfa_store_conformance::kit::sample;
use mfa_store_postgres::PostgresStore;
use mfa_test_servers::OwnServer;

/// A server, and PgBouncer with at most four connections to it.
struct Pooled {
    _server: OwnServer,
    pooler: OwnServer,
}

impl Pooled {
    fn start(mode: &str) -> Option<Self> {
        let server = OwnServer::start("postgres", &["-c", "fsync=off"])?;
        let port = server.address.port().to_string();
        let pooler = OwnServer::start("pgbouncer", &[&port, mode])?;
        Some(Self { _server: server, pooler })
    }

    fn url(&self, settings: &str) -> String {
        format!("postgres://mfa@{}/postgres?{settings}", self.pooler.address)
    }
}

/// R74: the pool of PgBouncer is used as it may be. What it hands from one client to another is refused.
#[tokio::test(flavor = "multi_thread")]
async fn transaction_pooling_is_refused_unless_it_is_announced() {
    let Some(pooled) = Pooled::start("transaction") else { return };
    let refused = PostgresStore::open(&pooled.url("")).await.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(
        cause,
        "a pooler in transaction mode is between this program and PostgreSQL; add pooler=transaction to the URL, or \
         connect directly or in session mode"
    );
    PostgresStore::open(&pooled.url("pooler=transaction")).await.unwrap();
    let refused = PostgresStore::open_existing(&pooled.url("")).await.unwrap_err();
    assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), cause);
    PostgresStore::open_existing(&pooled.url("pooler=transaction")).await.unwrap();
}

/// R74: no read runs as a delete, and no answer is another statement's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn behind_transaction_pooling_no_answer_is_wrong_and_no_record_is_lost() {
    let Some(pooled) = Pooled::start("transaction") else { return };
    mixed_load(&pooled.url("pooler=transaction")).await;
}

/// Session pooling is a connection of one's own, and needs no setting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn session_pooling_is_like_no_pooling() {
    let Some(pooled) = Pooled::start("session") else { return };
    // Two stores share the pooler's four connections.
    mixed_load(&pooled.url("max_connections=2")).await;
}

/// 16 tasks make 3,000 calls through two stores: half read records that nothing changes, and the others
/// create, change, read and delete their own.
async fn mixed_load(url: &str) {
    const TASKS: u32 = 16;
    let stores: Vec<Stores> =
        [PostgresStore::open(url).await.unwrap(), PostgresStore::open(url).await.unwrap()]
            .map(Stores::from)
            .into();
    for n in 0..200 {
        stores[0].totp.save(&sample::totp(n, "ann"), Expect::Absent).await.unwrap();
    }
    let done = sample::at_once((0..TASKS).map(|task| {
        let stores = stores[task as usize % 2].clone();
        async move { Client { stores, task, calls: 0, failed: 0, wrong: Vec::new() }.run(190).await }
    }))
    .await;

    let calls: u32 = done.iter().map(|client| client.calls).sum();
    let failed: u32 = done.iter().map(|client| client.failed).sum();
    let mut wrong: Vec<String> = done.into_iter().flat_map(|client| client.wrong).collect();
    for n in 0..200 {
        let record = sample::totp(n, "ann");
        let kept = stores[1].totp.get(&record.consumer, record.id).await.unwrap();
        if kept.is_none_or(|kept| kept.record != record) {
            wrong.push(format!("lost: {n}"));
        }
    }
    assert!(calls >= 3_000, "{calls}");
    assert!(
        wrong.is_empty(),
        "{} wrong of {calls} ({failed} failed): {:?}",
        wrong.len(),
        &wrong[..5.min(wrong.len())]
    );
    assert!(failed * 100 <= calls, "{failed} of {calls} calls failed");
}

struct Client {
    stores: Stores,
    task: u32,
    calls: u32,
    failed: u32,
    wrong: Vec<String>,
}

impl Client {
    async fn run(mut self, calls: u32) -> Self {
        for round in 0.. {
            if self.calls >= calls {
                break;
            }
            self.round(round).await;
        }
        self
    }

    async fn round(&mut self, round: u32) {
        let mut record = sample::totp(1_000 * (self.task + 1) + round, "bob");
        let read_only = sample::totp((self.task * 31 + round) % 200, "ann");
        let totp = std::sync::Arc::clone(&self.stores.totp);
        for _ in 0..4 {
            let read = totp.get(&read_only.consumer, read_only.id).await;
            self.judge("read", read, |found| found.as_ref().is_some_and(|found| found.record == read_only));
        }
        let created = totp.save(&record, Expect::Absent).await;
        let Some(revision) = self.judge("create", created, |_| true) else { return };
        record.last_accepted_step = Some(TimeStep::from_stored(u64::from(round)));
        let next = revision.next();
        let validated = totp.save(&record, Expect::At(revision)).await;
        if self.judge("validate", validated, |revision| *revision == next).is_none() {
            return;
        }
        let read = totp.get(&record.consumer, record.id).await;
        self.judge("read back", read, |found| found.as_ref().is_some_and(|found| found.record == record));
        let deleted = totp.delete(&record.consumer, record.id).await;
        self.judge("delete", deleted, |deleted| *deleted);
    }

    /// Notes a failure or a wrong answer.
    fn judge<T: std::fmt::Debug>(
        &mut self,
        call: &str,
        answer: Result<T, StoreError>,
        right: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        self.calls += 1;
        match answer {
            Ok(answer) if right(&answer) => return Some(answer),
            Ok(answer) => self.wrong.push(format!("{call}: {answer:?}")),
            Err(StoreError::Unavailable { .. }) => self.failed += 1,
            Err(error) => self.wrong.push(format!("{call}: {error}")),
        }
        None
    }
}
