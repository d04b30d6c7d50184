//! The rules of TOTP, on the in-memory store with a stopped clock.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::event::{Action, Event, EventSink};
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{Expect, Stores};
use mfa_core::totp::{
    Digits, EnrolledTotp, HashAlgorithm, MAX_FAILURES, SharedSecret, TimeStep, TotpError, TotpId, TotpOptions,
};
use mfa_core::{Consumer, Mfa};
use mfa_store_conformance::kit::service::{code_at, mfa_at, new_consumer};

/// The first second of a time step.
const STEP: UnixTime = UnixTime::from_secs(1_800_000_000);

async fn enrolled() -> (Consumer, EnrolledTotp, Arc<ManualClock>, Stores) {
    let stores = Stores::from(MemoryStore::default());
    let (mfa, clock) = mfa_at(&stores, STEP);
    let consumer = new_consumer(&mfa).await;
    let totp = consumer.totp().enroll(TotpOptions::new("Acme", "jo@example.com")).await.unwrap();
    (consumer, totp, clock, stores)
}

fn wrong(totp: &EnrolledTotp, now: UnixTime) -> &'static str {
    let near = [-30, 0, 30].map(|offset: i64| {
        code_at(&totp.secret_base32, UnixTime::from_secs(now.as_secs().saturating_add_signed(offset)))
    });
    ["000000", "000001", "000002", "000003"].into_iter().find(|code| !near.iter().any(|n| n == code)).unwrap()
}

/// R20.
#[tokio::test]
async fn a_new_secret_has_160_bits_and_is_new_each_time() {
    let (consumer, first, ..) = enrolled().await;
    let second = consumer.totp().enroll(TotpOptions::new("Acme", "jo@example.com")).await.unwrap();
    assert_eq!(data_encoding::BASE32_NOPAD.decode(first.secret_base32.as_bytes()).unwrap().len(), 20);
    assert_ne!(first.secret_base32, second.secret_base32);
    assert_ne!(first.id, second.id);
    assert_eq!(first.id.0.get_version_num(), 4);
}

/// R23: one step back, one forward, no more, to the second.
#[tokio::test]
async fn the_window_is_one_step_each_way() {
    for (offset, accepted) in
        [(-31, false), (-30, true), (-1, true), (0, true), (29, true), (59, true), (60, false)]
    {
        let (consumer, totp, clock, _) = enrolled().await;
        // A code made at the start of a step, judged `offset` later.
        let code = code_at(&totp.secret_base32, STEP);
        clock.set(UnixTime::from_secs(STEP.as_secs().saturating_add_signed(offset)));
        let outcome = consumer.totp().verify(totp.id, &code).await;
        assert_eq!(outcome.is_ok(), accepted, "{offset} s: {outcome:?}");
    }
}

/// R21: no code is accepted twice, nor an older one after a newer. R23: nor when the clock is set back.
#[tokio::test]
async fn an_accepted_step_never_comes_back() {
    let (consumer, totp, clock, _) = enrolled().await;
    let next = UnixTime::from_secs(STEP.as_secs() + 30);
    let (older, newer) = (code_at(&totp.secret_base32, STEP), code_at(&totp.secret_base32, next));
    consumer.totp().verify(totp.id, &newer).await.unwrap();

    for (now, code) in
        [(STEP, &newer), (STEP, &older), (next, &newer), (UnixTime::from_secs(STEP.as_secs() - 1), &older)]
    {
        clock.set(now);
        let replayed = consumer.totp().verify(totp.id, code).await;
        assert!(matches!(replayed, Err(TotpError::NotAccepted)), "{now:?}: {replayed:?}");
    }
    let later = UnixTime::from_secs(STEP.as_secs() + 90);
    clock.set(later);
    consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, later)).await.unwrap();
}

/// R24: malformed codes that one predecessor accepted are refused, and cost no attempt.
#[tokio::test]
async fn a_code_is_six_digits_and_nothing_else() {
    let (consumer, totp, _, _) = enrolled().await;
    let code = code_at(&totp.secret_base32, STEP);
    let tail = &code[1..];
    let lookalikes = [
        format!("{tail}x"),
        format!("{tail}."),
        format!(" {tail}"),
        format!("+{tail}"),
        format!("{code} "),
        format!("{code}00"),
        tail.to_owned(),
        String::new(),
        format!("{tail}٠"),
    ];
    for text in &lookalikes {
        let refused = consumer.totp().verify(totp.id, text).await;
        assert!(matches!(refused, Err(TotpError::NotAccepted)), "{text:?}: {refused:?}");
    }
    // Eight digits are a code, for an authenticator of eight digits: a wrong guess here.
    assert_eq!(consumer.totp().status(totp.id).await.unwrap().failures, 1);
    consumer.totp().verify(totp.id, &code).await.unwrap();
}

/// R22: the fifth failure makes the next attempt wait. Each further one doubles the wait, and a success
/// clears it.
#[tokio::test]
async fn failures_make_the_next_attempt_wait() {
    let (consumer, totp, clock, _) = enrolled().await;
    for _ in 0..5 {
        let refused = consumer.totp().verify(totp.id, wrong(&totp, STEP)).await;
        assert!(matches!(refused, Err(TotpError::NotAccepted)), "{refused:?}");
    }
    let mut now = STEP;
    for expected in [1, 2, 4, 8, 16] {
        let throttled = consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, now)).await;
        let Err(TotpError::Throttled { retry_after }) = throttled else { panic!("{throttled:?}") };
        assert_eq!(retry_after, Duration::from_secs(expected));
        clock.advance(retry_after);
        now = now.after(retry_after);
        let refused = consumer.totp().verify(totp.id, wrong(&totp, now)).await;
        assert!(matches!(refused, Err(TotpError::NotAccepted)), "{refused:?}");
    }
    clock.advance(Duration::from_secs(32));
    now = now.after(Duration::from_secs(32));
    consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, now)).await.unwrap();
    let status = consumer.totp().status(totp.id).await.unwrap();
    assert_eq!((status.failures, status.retry_after), (0, Duration::ZERO));
}

/// R22: 100 consecutive failures, however slow, disable a TOTP until its consumer resets it. A used step
/// stays used.
#[tokio::test]
async fn a_hundred_failures_disable_until_reset() {
    let (consumer, totp, clock, _) = enrolled().await;
    let used = code_at(&totp.secret_base32, STEP);
    consumer.totp().verify(totp.id, &used).await.unwrap();
    let mut now = STEP;
    for attempt in 0..MAX_FAILURES {
        clock.advance(Duration::from_secs(3600));
        now = now.after(Duration::from_secs(3600));
        let refused = consumer.totp().verify(totp.id, wrong(&totp, now)).await;
        assert!(matches!(refused, Err(TotpError::NotAccepted)), "{attempt}: {refused:?}");
    }
    clock.advance(Duration::from_secs(86_400));
    now = now.after(Duration::from_secs(86_400));
    let right = code_at(&totp.secret_base32, now);
    assert!(matches!(consumer.totp().verify(totp.id, &right).await, Err(TotpError::Disabled)));
    assert!(consumer.totp().status(totp.id).await.unwrap().disabled);

    consumer.totp().reset(totp.id).await.unwrap();
    consumer.totp().verify(totp.id, &right).await.unwrap();
    clock.set(STEP);
    assert!(matches!(consumer.totp().verify(totp.id, &used).await, Err(TotpError::NotAccepted)));
}

/// R21: a reset clears failures, but not used steps.
#[tokio::test]
async fn a_reset_does_not_bring_a_used_code_back() {
    let (consumer, totp, ..) = enrolled().await;
    let code = code_at(&totp.secret_base32, STEP);
    consumer.totp().verify(totp.id, &code).await.unwrap();
    consumer.totp().reset(totp.id).await.unwrap();
    let replayed = consumer.totp().verify(totp.id, &code).await;
    assert!(matches!(replayed, Err(TotpError::NotAccepted)), "{replayed:?}");
}

/// A failure counted while the clock ran ahead does not make anybody wait until that time.
#[tokio::test]
async fn a_clock_set_right_ends_the_waits_it_caused() {
    let (consumer, totp, clock, _) = enrolled().await;
    clock.advance(Duration::from_secs(86_400));
    for _ in 0..5 {
        let ahead = STEP.after(Duration::from_secs(86_400));
        consumer.totp().verify(totp.id, wrong(&totp, ahead)).await.unwrap_err();
    }
    clock.set(STEP);
    consumer.totp().verify(totp.id, &code_at(&totp.secret_base32, STEP)).await.unwrap();
}

/// R25.
#[tokio::test]
async fn other_hashes_lengths_and_steps_work_on_request() {
    let (consumer, _, clock, _) = enrolled().await;
    let options = TotpOptions::without_issuer("x")
        .algorithm(HashAlgorithm::Sha512)
        .digits(Digits::Eight)
        .period(Duration::from_secs(60));
    let totp = consumer.totp().enroll(options).await.unwrap();
    assert!(totp.key_uri.expose_text().ends_with("&algorithm=SHA512&digits=8&period=60"));

    let key = SecretBytes::new(data_encoding::BASE32_NOPAD.decode(totp.secret_base32.as_bytes()).unwrap());
    let secret = SharedSecret::from_key(key).with_parameters(HashAlgorithm::Sha512, Digits::Eight, 60);
    let code = secret.code_at(TimeStep::at(STEP, 60)).expose_text();
    clock.advance(Duration::from_secs(119));
    consumer.totp().verify(totp.id, &code).await.unwrap();
    let status = consumer.totp().status(totp.id).await.unwrap();
    assert_eq!((status.algorithm, status.digits), (HashAlgorithm::Sha512, Digits::Eight));

    for period in [Duration::from_secs(14), Duration::from_secs(301), Duration::from_millis(30_500)] {
        let refused = consumer.totp().enroll(TotpOptions::without_issuer("x").period(period)).await;
        assert!(matches!(refused, Err(TotpError::InvalidParameters(_))), "{period:?}");
    }
}

/// R8, R45: no changed bit, no cut and no move is judged, and nothing is written after it.
#[tokio::test]
async fn a_tampered_record_is_one_error_and_stays_as_it_is() {
    let (consumer, totp, _, stores) = enrolled().await;
    let code = code_at(&totp.secret_base32, STEP);
    let stored = stores.totp.get(consumer.id(), totp.id).await.unwrap().unwrap();
    let mut revision = stored.revision;
    let sealed = stored.record.secret.as_bytes().to_vec();

    let flipped = (0..sealed.len() * 8).map(|bit| {
        let mut bytes = sealed.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut = (0..sealed.len()).map(|len| sealed[..len].to_vec());
    let other = consumer.totp().enroll(TotpOptions::new("Acme", "al")).await.unwrap();
    let moved = stores.totp.get(consumer.id(), other.id).await.unwrap().unwrap().record.secret.into_bytes();
    for bytes in flipped.chain(cut).chain([moved]) {
        let mut tampered = stored.record.clone();
        tampered.secret = mfa_core::envelope::Sealed::from_stored(bytes);
        revision = stores.totp.save(&tampered, Expect::At(revision)).await.unwrap();

        let refused = consumer.totp().verify(totp.id, &code).await;
        assert!(matches!(refused, Err(TotpError::DoesNotOpen(_))), "{refused:?}");
        assert!(matches!(consumer.totp().reset(totp.id).await, Err(TotpError::DoesNotOpen(_))));
        let after = stores.totp.get(consumer.id(), totp.id).await.unwrap().unwrap();
        assert_eq!((after.record, after.revision), (tampered, revision));
    }
}

/// R46: another consumer's TOTP is answered like an unknown one.
#[tokio::test]
async fn another_consumers_totp_is_an_unknown_one() {
    let (consumer, totp, _, stores) = enrolled().await;
    let (mfa, _) = mfa_at(&stores, STEP);
    let stranger = new_consumer(&mfa).await;
    let unknown: TotpId = "00000000-0000-4000-8000-000000000000".parse().unwrap();
    let code = code_at(&totp.secret_base32, STEP);
    for id in [totp.id, unknown] {
        assert!(matches!(stranger.totp().verify(id, &code).await, Err(TotpError::NotAccepted)));
        assert!(matches!(stranger.totp().status(id).await, Err(TotpError::NotFound)));
        assert!(matches!(stranger.totp().reset(id).await, Err(TotpError::NotFound)));
        assert!(matches!(stranger.totp().delete(id).await, Err(TotpError::NotFound)));
    }
    consumer.totp().verify(totp.id, &code).await.unwrap();
    consumer.totp().delete(totp.id).await.unwrap();
    assert!(matches!(consumer.totp().delete(totp.id).await, Err(TotpError::NotFound)));
}

#[derive(Debug, Default)]
struct Recorded(std::sync::Mutex<Vec<Event>>);

impl EventSink for Recorded {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// R56: each attempt leaves an event with consumer, factor and outcome, and without a secret.
#[tokio::test]
async fn every_attempt_is_an_event() {
    let events = Arc::new(Recorded::default());
    let clock = Arc::new(ManualClock::at(STEP));
    let mfa = Mfa::builder(MemoryStore::default()).clock(clock).events(Arc::clone(&events) as _).build();
    let consumer = new_consumer(&mfa).await;
    let totp = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
    let code = code_at(&totp.secret_base32, STEP);
    consumer.totp().verify(totp.id, &code).await.unwrap();
    consumer.totp().verify(totp.id, &code).await.unwrap_err();
    consumer.totp().delete(totp.id).await.unwrap();

    let events = events.0.lock().unwrap();
    let actions: Vec<_> = events.iter().map(|event| event.action).collect();
    assert_eq!(
        actions,
        [
            Action::ApiKeyCreated,
            Action::ApiKeyActivated,
            Action::TotpEnrolled,
            Action::TotpAccepted,
            Action::TotpRefused,
            Action::TotpDeleted,
        ]
    );
    assert!(events[2..].iter().all(|event| event.factor == Some(totp.id.0)));
    let printed = format!("{events:?}");
    assert!(!printed.contains(consumer.id().as_str()) && !printed.contains(&code));
}
