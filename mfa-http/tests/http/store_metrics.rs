//! `/metrics` counts each call of a store once, by store, operation and outcome, and shows the connections.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use mfa_core::Mfa;
use mfa_core::clock::UnixTime;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{CeremonyId, Expect, Listing, StoreError, Stores, UserId};
use mfa_core::totp::TotpId;
use mfa_http::{AdminKey, App, StoreMetrics, router, store};
use mfa_store_conformance::kit::faults::FaultyStores;
use mfa_store_conformance::kit::sample;
use tower::ServiceExt as _;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Every operation of every port.
const OPERATIONS: [(&str, &str); 14] = [
    ("api_keys", "get"),
    ("api_keys", "save"),
    ("api_keys", "page"),
    ("api_keys", "page_by_consumer"),
    ("totp", "get"),
    ("totp", "save"),
    ("totp", "delete"),
    ("totp", "page_by_consumer"),
    ("users", "get"),
    ("users", "save"),
    ("users", "delete"),
    ("users", "page_by_consumer"),
    ("ceremonies", "put"),
    ("ceremonies", "take"),
];

async fn call(stores: &Stores, store: &str, operation: &str) -> Result<(), StoreError> {
    let Stores { api_keys, totp, users, ceremonies } = stores;
    let (owner, id) = (sample::consumer("owner"), sample::uuid(1));
    let (key, ceremony) = (sample::api_key("key", "owner"), CeremonyId([1; 32]));
    match (store, operation) {
        ("api_keys", "get") => api_keys.get(&key.key).await.map(drop),
        ("api_keys", "save") => api_keys.save(&key, Expect::Absent).await.map(drop),
        ("api_keys", "page") => api_keys.page(None, 1).await.map(drop),
        ("api_keys", "page_by_consumer") => api_keys.page_by_consumer(&owner, None, 1).await.map(drop),
        ("totp", "get") => totp.get(&owner, TotpId(id)).await.map(drop),
        ("totp", "save") => totp.save(&sample::totp(1, "owner"), Expect::Absent).await.map(drop),
        ("totp", "delete") => totp.delete(&owner, TotpId(id)).await.map(drop),
        ("totp", "page_by_consumer") => totp.page_by_consumer(&owner, None, 1, Listing::Fast).await.map(drop),
        ("users", "get") => users.get(&owner, UserId(id)).await.map(drop),
        ("users", "save") => users.save(&sample::user(1, "owner"), Expect::Absent).await.map(drop),
        ("users", "delete") => users.delete(&owner, UserId(id)).await.map(drop),
        ("users", "page_by_consumer") => {
            users.page_by_consumer(&owner, None, 1, Listing::Fast).await.map(drop)
        }
        ("ceremonies", "put") => {
            ceremonies.put(ceremony, sample::bytes(1), NOW.after(Duration::from_secs(60))).await
        }
        ("ceremonies", "take") => ceremonies.take(ceremony, NOW).await.map(drop),
        other => panic!("{other:?}"),
    }
}

fn service(metrics: &StoreMetrics) -> Router {
    let mfa = Mfa::builder(MemoryStore::default()).build();
    router(App::new(mfa, AdminKey::of_nobody()).store_metrics(metrics))
}

async fn text(service: &Router) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = service.clone().oneshot(request).await.unwrap();
    String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// Every series of the stores, and its value.
fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| line.starts_with("mfa_http_store_"));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn each_operation_and_outcome_is_counted_once() {
    let (metrics, faulty) = (StoreMetrics::default(), FaultyStores::new(MemoryStore::default().into()));
    let stores = metrics.observe(faulty.stores());
    let service = service(&metrics);
    let damaged = StoreError::Damaged { backend: "faulty", what: "record" };
    let outcomes = [
        ("ok", None),
        ("conflict", Some(StoreError::Conflict)),
        ("refused", Some(StoreError::AlreadyExists)),
        ("failed", Some(damaged)),
        ("abandoned", None),
    ];
    for (store, operation) in OPERATIONS {
        for (outcome, error) in &outcomes {
            let before = series(&text(&service).await);
            let calls = faulty.calls();
            let work = call(&stores, store, operation);
            match (*outcome, error) {
                ("ok", _) => work.await.unwrap(),
                ("abandoned", _) => {
                    faulty.meanwhile(0, std::future::pending());
                    // The first poll reaches the store, which does not answer.
                    assert!(tokio::time::timeout(Duration::ZERO, work).await.is_err());
                }
                (_, error) => {
                    faulty.refuse(error.clone().unwrap());
                    work.await.unwrap_err();
                }
            }
            assert_eq!(faulty.calls(), calls + 1, "{store} {operation} {outcome}");

            let after = series(&text(&service).await);
            assert!(before.keys().eq(after.keys()), "no series appears with a call");
            let counts = |name: &str| name.contains("_calls_total") || name.contains("_seconds_count");
            let changed: Vec<_> = after
                .iter()
                .filter(|(name, count)| counts(name) && before[*name] != **count)
                .map(|(name, count)| (name.clone(), count - before[name]))
                .collect();
            let count = format!(
                r#"mfa_http_store_calls_total{{store="{store}",operation="{operation}",outcome="{outcome}"}}"#
            );
            let time = format!(
                r#"mfa_http_store_call_duration_seconds_count{{store="{store}",operation="{operation}"}}"#
            );
            assert_eq!(changed, [(time, 1.0), (count, 1.0)]);
        }
    }
    // The series are these and no others: an operation that this test does not know would be left at 0.
    let end = series(&text(&service).await);
    let calls: Vec<_> =
        end.into_iter().filter(|(name, _)| name.starts_with("mfa_http_store_calls_total")).collect();
    assert_eq!(calls.len(), OPERATIONS.len() * outcomes.len());
    assert!(calls.iter().all(|(_, count)| *count == 1.0), "{calls:?}");
}

/// Every series is there before the first call, so no name of a caller's becomes a label.
#[tokio::test]
async fn labels_are_names_of_our_own() {
    let metrics = StoreMetrics::default();
    let service = service(&metrics);
    assert!(series(&text(&service).await).is_empty());
    let mfa = Mfa::builder(metrics.observe(MemoryStore::default().into())).build();
    let idle = series(&text(&service).await);
    let key = mfa.create_api_key("canary@example.com").await.unwrap();
    mfa.activate_api_key(&key, "canary@example.com").await.unwrap();
    let used = text(&service).await;
    assert!(series(&used).keys().eq(idle.keys()), "{used}");
    for name in ["canary", key.as_str()] {
        assert!(!used.contains(name), "{name} is in {used}");
    }
}

/// The pools of both settings, as they are when somebody asks.
#[tokio::test]
async fn pools_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name| format!("sqlite://{}", folder.path().join(name).display());
    let opened = store::open(&url("mfa.db"), Some(&url("ceremonies.db")), true).await.unwrap();
    let (metrics, stores) = (StoreMetrics::new(opened.pools), opened.stores);
    call(&stores, "api_keys", "get").await.unwrap();
    let text = text(&service(&metrics)).await;
    let shown = series(&text);
    assert_eq!(shown[r#"mfa_http_store_pool_size{pool="store"}"#], 1.0);
    assert_eq!(shown[r#"mfa_http_store_pool_size{pool="ceremony_store"}"#], 0.0);
    for gauge in ["idle", "waiting"] {
        assert!(shown.contains_key(&*format!(r#"mfa_http_store_pool_{gauge}{{pool="store"}}"#)), "{text}");
    }
    promtool(&text);
}

/// Prometheus's own linter. It reads the older text format, which differs from `OpenMetrics` in the head of counters: there
/// their names end in `_total` too.
fn promtool(text: &str) {
    let counters = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
    let older = counters.fold(text.to_owned(), |text, counter| {
        ["HELP", "TYPE"].iter().fold(text, |text, head| {
            text.replace(&format!("# {head} {counter} "), &format!("# {head} {counter}_total "))
        })
    });
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let missing = |error| format!("promtool, from Debian's package prometheus: {error}");
    let mut promtool = command.spawn().map_err(missing).unwrap();
    promtool.stdin.take().unwrap().write_all(older.as_bytes()).unwrap();
    let answer = promtool.wait_with_output().unwrap();
    let said = String::from_utf8([answer.stdout, answer.stderr].concat()).unwrap();
    assert!(answer.status.success() && said.is_empty(), "{said}\n{older}");
}
