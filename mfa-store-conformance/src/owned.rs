//! The rules that [`TotpStore`](mfa_core::store::TotpStore) and [`UserStore`](mfa_core::store::UserStore) share:
//! records that belong to a consumer.

use std::collections::HashSet;
use std::fmt::Debug;

use async_trait::async_trait;
use mfa_core::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, Stores, TotpRecord, UserId, UserRecord,
};
use mfa_core::totp::TotpId;

use crate::sample::{at_once, consumer, totp, user, uuid};

/// One of the two ports, so that each rule is written once.
#[async_trait]
pub trait Owned: 'static {
    /// Its records.
    type Record: Clone + Debug + Eq + Send + Sync;

    /// Record number `n` of `owner`; `change` makes different contents of the same record.
    fn record(n: u32, owner: &str, change: u8) -> Self::Record;
    /// The number of a record.
    fn number(record: &Self::Record) -> u32;
    /// `get` of record `n`.
    async fn get(stores: &Stores, owner: &str, n: u32) -> Option<Stored<Self::Record>>;
    /// `save`.
    async fn save(stores: &Stores, record: &Self::Record, expect: Expect) -> Result<Revision, StoreError>;
    /// `delete` of record `n`.
    async fn delete(stores: &Stores, owner: &str, n: u32) -> bool;
    /// `page_by_consumer`.
    async fn page(stores: &Stores, owner: &str, after: Option<&Cursor>, limit: usize) -> Page<Self::Record>;
}

/// The port for TOTP authenticators.
#[derive(Debug)]
#[non_exhaustive]
pub struct Totp;

/// The port for users.
#[derive(Debug)]
#[non_exhaustive]
pub struct Users;

#[async_trait]
impl Owned for Totp {
    type Record = TotpRecord;

    fn record(n: u32, owner: &str, change: u8) -> TotpRecord {
        TotpRecord { secret: crate::sample::bytes(change), ..totp(n, owner) }
    }

    fn number(record: &TotpRecord) -> u32 {
        record.failures
    }

    async fn get(stores: &Stores, owner: &str, n: u32) -> Option<Stored<TotpRecord>> {
        stores.totp.get(&consumer(owner), TotpId(uuid(n))).await.unwrap()
    }

    async fn save(stores: &Stores, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        stores.totp.save(record, expect).await
    }

    async fn delete(stores: &Stores, owner: &str, n: u32) -> bool {
        stores.totp.delete(&consumer(owner), TotpId(uuid(n))).await.unwrap()
    }

    async fn page(stores: &Stores, owner: &str, after: Option<&Cursor>, limit: usize) -> Page<TotpRecord> {
        stores.totp.page_by_consumer(&consumer(owner), after, limit, Listing::Exact).await.unwrap()
    }
}

#[async_trait]
impl Owned for Users {
    type Record = UserRecord;

    fn record(n: u32, owner: &str, change: u8) -> UserRecord {
        UserRecord { credentials: Some(crate::sample::bytes(change)), ..user(n, owner) }
    }

    fn number(record: &UserRecord) -> u32 {
        let number = record.u2f_key_handle.as_ref().unwrap().as_bytes();
        u32::from_be_bytes(number.try_into().unwrap())
    }

    async fn get(stores: &Stores, owner: &str, n: u32) -> Option<Stored<UserRecord>> {
        stores.users.get(&consumer(owner), UserId(uuid(n))).await.unwrap()
    }

    async fn save(stores: &Stores, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        stores.users.save(record, expect).await
    }

    async fn delete(stores: &Stores, owner: &str, n: u32) -> bool {
        stores.users.delete(&consumer(owner), UserId(uuid(n))).await.unwrap()
    }

    async fn page(stores: &Stores, owner: &str, after: Option<&Cursor>, limit: usize) -> Page<UserRecord> {
        stores.users.page_by_consumer(&consumer(owner), after, limit, Listing::Exact).await.unwrap()
    }
}

/// Rules 4 and 6.
pub async fn what_is_read_is_what_was_saved<K: Owned>(stores: &Stores) {
    assert_eq!(K::get(stores, "ann", 1).await, None);

    let record = K::record(1, "ann", 0);
    let revision = K::save(stores, &record, Expect::Absent).await.unwrap();
    assert_eq!(K::get(stores, "ann", 1).await, Some(Stored { record, revision }));

    let record = K::record(1, "ann", 1);
    let revision = K::save(stores, &record, Expect::At(revision)).await.unwrap();
    assert_eq!(K::get(stores, "ann", 1).await, Some(Stored { record, revision }));
}

/// Rule 1, for the same consumer and for another.
pub async fn creating_twice_is_refused<K: Owned>(stores: &Stores) {
    K::save(stores, &K::record(1, "ann", 0), Expect::Absent).await.unwrap();

    for owner in ["ann", "bob"] {
        let refused = K::save(stores, &K::record(1, owner, 1), Expect::Absent).await;
        assert!(matches!(refused, Err(StoreError::AlreadyExists)), "{owner}: {refused:?}");
    }
    assert_eq!(K::get(stores, "ann", 1).await.unwrap().record, K::record(1, "ann", 0));
    assert_eq!(K::get(stores, "bob", 1).await, None);
}

/// Rule 2.
pub async fn a_stale_revision_is_a_conflict<K: Owned>(stores: &Stores) {
    let stale = K::save(stores, &K::record(1, "ann", 0), Expect::Absent).await.unwrap();
    K::save(stores, &K::record(1, "ann", 1), Expect::At(stale)).await.unwrap();

    let refused = K::save(stores, &K::record(1, "ann", 2), Expect::At(stale)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(K::get(stores, "ann", 1).await.unwrap().record, K::record(1, "ann", 1));
}

/// Rule 2, in parallel.
pub async fn one_of_many_parallel_saves_wins<K: Owned>(stores: &Stores) {
    let revision = K::save(stores, &K::record(1, "ann", 0), Expect::Absent).await.unwrap();

    let outcomes = at_once((1..=32).map(|change| {
        let stores = stores.clone();
        async move { (change, K::save(&stores, &K::record(1, "ann", change), Expect::At(revision)).await) }
    }))
    .await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| outcome.is_ok());
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, lost)| matches!(lost, Err(StoreError::Conflict))), "{lost:?}");
    assert_eq!(K::get(stores, "ann", 1).await.unwrap().record, K::record(1, "ann", won[0].0));
}

/// Rules 2 and 3: nobody reads, replaces or deletes another's record.
pub async fn another_consumers_record_is_not_there<K: Owned>(stores: &Stores) {
    let record = K::record(1, "ann", 0);
    let revision = K::save(stores, &record, Expect::Absent).await.unwrap();

    assert_eq!(K::get(stores, "bob", 1).await, None);
    assert!(!K::delete(stores, "bob", 1).await);
    let refused = K::save(stores, &K::record(1, "bob", 1), Expect::At(revision)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(K::page(stores, "bob", None, 10).await.items, []);
    assert_eq!(K::get(stores, "ann", 1).await, Some(Stored { record, revision }));
}

/// Rule 4.
pub async fn deleting_is_exact_and_final<K: Owned>(stores: &Stores) {
    for n in 1..=3 {
        K::save(stores, &K::record(n, "ann", 0), Expect::Absent).await.unwrap();
    }
    assert!(K::delete(stores, "ann", 2).await);
    assert!(!K::delete(stores, "ann", 2).await);
    assert_eq!(K::get(stores, "ann", 2).await, None);
    assert!(K::get(stores, "ann", 1).await.is_some() && K::get(stores, "ann", 3).await.is_some());
}

/// Rule 2: what was deleted does not come back by a save that read it before; of two deletes one deletes.
pub async fn a_save_after_a_delete_is_a_conflict<K: Owned>(stores: &Stores) {
    for n in 0..8 {
        let revision = K::save(stores, &K::record(n, "ann", 0), Expect::Absent).await.unwrap();
        let (left, right) = (stores.clone(), stores.clone());
        let saving =
            tokio::spawn(async move { K::save(&left, &K::record(n, "ann", 1), Expect::At(revision)).await });
        let deleting = tokio::spawn(async move { K::delete(&right, "ann", n).await });
        let (saved, deleted) = (saving.await.unwrap(), deleting.await.unwrap());

        assert!(deleted);
        assert!(matches!(saved, Ok(_) | Err(StoreError::Conflict)), "{saved:?}");
        assert_eq!(K::get(stores, "ann", n).await, None);
        let late = K::save(stores, &K::record(n, "ann", 2), Expect::At(revision)).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    }
}

/// Rule 2: a record that was deleted and made again is another one to whoever read the first.
pub async fn a_revision_is_never_given_out_twice<K: Owned>(stores: &Stores) {
    let old = K::save(stores, &K::record(1, "ann", 0), Expect::Absent).await.unwrap();
    assert!(K::delete(stores, "ann", 1).await);
    K::save(stores, &K::record(1, "ann", 1), Expect::Absent).await.unwrap();
    let stale = K::save(stores, &K::record(1, "ann", 2), Expect::At(old)).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(K::get(stores, "ann", 1).await.unwrap().record, K::record(1, "ann", 1));
}

/// Rule 5, over 2,500 records between those of others.
pub async fn pages_hold_every_record_once<K: Owned>(stores: &Stores) {
    const RECORDS: u32 = 2_500;
    let lanes = at_once((0..16).map(|lane| {
        let stores = stores.clone();
        async move {
            for n in (lane..RECORDS).step_by(16) {
                K::save(&stores, &K::record(n, "ann", 0), Expect::Absent).await.unwrap();
                if n % 10 == 0 {
                    K::save(&stores, &K::record(RECORDS + n, "bob", 0), Expect::Absent).await.unwrap();
                }
            }
        }
    }));
    assert_eq!(lanes.await.len(), 16);

    let (mut seen, mut numbers, mut after) = (0, HashSet::new(), None);
    loop {
        let page = K::page(stores, "ann", after.as_ref(), 250).await;
        assert!(page.items.len() <= 250);
        seen += page.items.len();
        numbers.extend(page.items.iter().map(|stored| K::number(&stored.record)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, RECORDS as usize);
    assert_eq!(numbers, (0..RECORDS).collect());
}
