//! The rules of [`ApiKeyStore`](mfa_core::store::ApiKeyStore).

use std::collections::HashSet;
use std::sync::Arc;

use mfa_core::clock::UnixTime;
use mfa_core::store::{ApiKeyRecord, ApiKeyState, Cursor, Expect, Page, StoreError, Stores};

use crate::kit::sample::{api_key, at_once, consumer};

/// Rules 3 and 5.
pub async fn what_is_read_is_what_was_saved(stores: &Stores) {
    let record = api_key("a1", "a1");
    assert_eq!(stores.api_keys.get(&record.key).await.unwrap(), None);

    let revision = stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    let stored = stores.api_keys.get(&record.key).await.unwrap().unwrap();
    assert_eq!((stored.record, stored.revision), (record, revision));
}

/// Rule 5, for each state.
pub async fn every_state_is_kept(stores: &Stores) {
    let (activated_at, revoked_at) = (UnixTime::from_millis(5), UnixTime::from_millis(6));
    let ApiKeyState::Active { hash, .. } = api_key("a1", "a1").state else { unreachable!() };
    let states = [
        ApiKeyState::Pending,
        ApiKeyState::Active { activated_at, hash, check_tag: None, keyring: None },
        ApiKeyState::Revoked { activated_at: None, revoked_at },
        ApiKeyState::Revoked { activated_at: Some(activated_at), revoked_at },
    ];
    let unknown = states.clone().map(|state| state.named(Some("suspended".to_owned())));
    let created = api_key("a1", "a1");
    let mut revision = stores.api_keys.save(&created, Expect::Absent).await.unwrap();
    for state in states.into_iter().chain(unknown) {
        let record = ApiKeyRecord { state, ..created.clone() };
        revision = stores.api_keys.save(&record, Expect::At(revision)).await.unwrap();
        assert_eq!(stores.api_keys.get(&record.key).await.unwrap().unwrap().record, record);
    }
}

/// Rule 1.
pub async fn creating_twice_is_refused(stores: &Stores) {
    let first = api_key("a1", "a1");
    stores.api_keys.save(&first, Expect::Absent).await.unwrap();

    let second = ApiKeyRecord { state: ApiKeyState::Pending, ..first.clone() };
    let refused = stores.api_keys.save(&second, Expect::Absent).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists)), "{refused:?}");
    assert_eq!(stores.api_keys.get(&first.key).await.unwrap().unwrap().record, first);
}

/// Rule 2.
pub async fn a_stale_revision_is_a_conflict(stores: &Stores) {
    let record = api_key("a1", "a1");
    let stale = stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    let current = stores.api_keys.save(&record, Expect::At(stale)).await.unwrap();
    assert_ne!(stale, current);

    let pending = ApiKeyRecord { state: ApiKeyState::Pending, ..record.clone() };
    let refused = stores.api_keys.save(&pending, Expect::At(stale)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(stores.api_keys.get(&record.key).await.unwrap().unwrap().record, record);

    let unknown = stores.api_keys.save(&api_key("a2", "a2"), Expect::At(current)).await;
    assert!(matches!(unknown, Err(StoreError::Conflict)), "{unknown:?}");
}

/// Rule 2: a key may join another consumer.
pub async fn a_key_may_join_another_consumer(stores: &Stores) {
    let record = api_key("a2", "a2");
    let revision = stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    let joined = ApiKeyRecord { consumer: consumer("a1"), ..record };
    stores.api_keys.save(&joined, Expect::At(revision)).await.unwrap();
    assert_eq!(stores.api_keys.get(&joined.key).await.unwrap().unwrap().record, joined);
    let page = stores.api_keys.page_by_consumer(&consumer("a2"), None, 10).await.unwrap();
    assert_eq!(page.items, []);
}

/// Rule 2, in parallel.
pub async fn one_of_many_parallel_saves_wins(stores: &Stores) {
    let record = api_key("a1", "a1");
    let revision = stores.api_keys.save(&record, Expect::Absent).await.unwrap();

    let outcomes = at_once((0..32).map(|n| {
        let store = Arc::clone(&stores.api_keys);
        let record = ApiKeyRecord { email: format!("{n}@example.com"), ..record.clone() };
        async move { store.save(&record, Expect::At(revision)).await.map(|_| record) }
    }))
    .await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|lost| matches!(lost, Err(StoreError::Conflict))), "{lost:?}");
    let stored = stores.api_keys.get(&record.key).await.unwrap().unwrap().record;
    assert_eq!(Some(&stored), won[0].as_ref().ok());
}

/// Rule 4.
pub async fn pages_hold_every_key_once(stores: &Stores) {
    let records: Vec<_> = (0..37).map(|n| api_key(&format!("key-{n}"), &format!("key-{}", n % 5))).collect();
    for record in &records {
        stores.api_keys.save(record, Expect::Absent).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = stores.api_keys.page(after.as_ref(), 10).await.unwrap();
        after = collect(page, &mut seen);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 37);
    assert_eq!(names(&seen), names(&records));
}

/// Rule 4.
pub async fn pages_by_consumer_hold_its_keys_only(stores: &Stores) {
    for n in 0..37 {
        let record = api_key(&format!("key-{n}"), &format!("key-{}", n % 5));
        stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    }
    let (owner, mut seen, mut after) = (consumer("key-3"), Vec::new(), None);
    loop {
        let page = stores.api_keys.page_by_consumer(&owner, after.as_ref(), 3).await.unwrap();
        after = collect(page, &mut seen);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(names(&seen).len(), 7);
    assert!(seen.iter().all(|record| record.consumer == owner));
}

fn collect(page: Page<ApiKeyRecord>, seen: &mut Vec<ApiKeyRecord>) -> Option<Cursor> {
    seen.extend(page.items.into_iter().map(|stored| stored.record));
    page.next
}

fn names(records: &[ApiKeyRecord]) -> HashSet<&str> {
    records.iter().map(|record| record.key.as_str()).collect()
}
