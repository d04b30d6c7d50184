//! The rules of [`RecordStore`](mfa_core::store::RecordStore), for every kind of record.

use std::collections::HashSet;

use mfa_core::store::{Expect, Listing, Page, StoreError, Stored, Stores};

use crate::kit::sample::{Kind, at_once, consumer};

async fn get<K: Kind>(stores: &Stores, owner: &str, n: u32) -> Option<Stored<K>> {
    K::store(stores).get(&consumer(owner), K::sample(n, owner, 0).id()).await.unwrap()
}

async fn delete<K: Kind>(stores: &Stores, owner: &str, n: u32) -> bool {
    K::store(stores).delete(&consumer(owner), K::sample(n, owner, 0).id()).await.unwrap()
}

/// Rules 4 and 6.
pub async fn what_is_read_is_what_was_saved<K: Kind>(stores: &Stores) {
    assert_eq!(get::<K>(stores, "ann", 1).await, None);

    let record = K::sample(1, "ann", 0);
    let revision = K::store(stores).save(&record, Expect::Absent).await.unwrap();
    assert_eq!(get::<K>(stores, "ann", 1).await, Some(Stored { record, revision }));

    let record = K::sample(1, "ann", 1);
    let revision = K::store(stores).save(&record, Expect::At(revision)).await.unwrap();
    assert_eq!(get::<K>(stores, "ann", 1).await, Some(Stored { record, revision }));
}

/// Rule 1, for the same consumer and for another.
pub async fn creating_twice_is_refused<K: Kind>(stores: &Stores) {
    K::store(stores).save(&K::sample(1, "ann", 0), Expect::Absent).await.unwrap();

    for owner in ["ann", "bob"] {
        let refused = K::store(stores).save(&K::sample(1, owner, 1), Expect::Absent).await;
        assert!(matches!(refused, Err(StoreError::AlreadyExists)), "{owner}: {refused:?}");
    }
    assert_eq!(get::<K>(stores, "ann", 1).await.unwrap().record, K::sample(1, "ann", 0));
    assert_eq!(get::<K>(stores, "bob", 1).await, None);
}

/// Rule 2.
pub async fn a_stale_revision_is_a_conflict<K: Kind>(stores: &Stores) {
    let stale = K::store(stores).save(&K::sample(1, "ann", 0), Expect::Absent).await.unwrap();
    K::store(stores).save(&K::sample(1, "ann", 1), Expect::At(stale)).await.unwrap();

    let refused = K::store(stores).save(&K::sample(1, "ann", 2), Expect::At(stale)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(get::<K>(stores, "ann", 1).await.unwrap().record, K::sample(1, "ann", 1));
}

/// Rule 2, in parallel.
pub async fn one_of_many_parallel_saves_wins<K: Kind>(stores: &Stores) {
    let revision = K::store(stores).save(&K::sample(1, "ann", 0), Expect::Absent).await.unwrap();

    let outcomes =
        at_once((1..=32).map(|change| {
            let stores = stores.clone();
            async move {
                (change, K::store(&stores).save(&K::sample(1, "ann", change), Expect::At(revision)).await)
            }
        }))
        .await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| outcome.is_ok());
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, lost)| matches!(lost, Err(StoreError::Conflict))), "{lost:?}");
    assert_eq!(get::<K>(stores, "ann", 1).await.unwrap().record, K::sample(1, "ann", won[0].0));
}

/// Rules 2 and 3: no consumer reads, replaces or deletes another's record.
pub async fn another_consumers_record_is_not_there<K: Kind>(stores: &Stores) {
    let record = K::sample(1, "ann", 0);
    let revision = K::store(stores).save(&record, Expect::Absent).await.unwrap();

    assert_eq!(get::<K>(stores, "bob", 1).await, None);
    assert!(!delete::<K>(stores, "bob", 1).await);
    let refused = K::store(stores).save(&K::sample(1, "bob", 1), Expect::At(revision)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let page = K::store(stores).page_by_consumer(&consumer("bob"), None, 10, Listing::Exact).await.unwrap();
    assert_eq!(page.items, []);
    assert_eq!(get::<K>(stores, "ann", 1).await, Some(Stored { record, revision }));
}

/// Rule 4.
pub async fn deleting_is_exact_and_final<K: Kind>(stores: &Stores) {
    for n in 1..=3 {
        K::store(stores).save(&K::sample(n, "ann", 0), Expect::Absent).await.unwrap();
    }
    assert!(delete::<K>(stores, "ann", 2).await);
    assert!(!delete::<K>(stores, "ann", 2).await);
    assert_eq!(get::<K>(stores, "ann", 2).await, None);
    assert!(get::<K>(stores, "ann", 1).await.is_some() && get::<K>(stores, "ann", 3).await.is_some());
}

/// Rule 2: a save does not bring back a record that was deleted since it was read. Of two deletes, one
/// deletes.
pub async fn a_save_after_a_delete_is_a_conflict<K: Kind>(stores: &Stores) {
    for n in 0..8 {
        let revision = K::store(stores).save(&K::sample(n, "ann", 0), Expect::Absent).await.unwrap();
        let (left, right) = (stores.clone(), stores.clone());
        let saving =
            tokio::spawn(
                async move { K::store(&left).save(&K::sample(n, "ann", 1), Expect::At(revision)).await },
            );
        let deleting = tokio::spawn(async move { delete::<K>(&right, "ann", n).await });
        let (saved, deleted) = (saving.await.unwrap(), deleting.await.unwrap());

        assert!(deleted);
        assert!(matches!(saved, Ok(_) | Err(StoreError::Conflict)), "{saved:?}");
        assert_eq!(get::<K>(stores, "ann", n).await, None);
        let late = K::store(stores).save(&K::sample(n, "ann", 2), Expect::At(revision)).await;
        assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    }
}

/// Rule 2: a record that was deleted and made again has another revision than before.
pub async fn a_revision_is_never_given_out_twice<K: Kind>(stores: &Stores) {
    let old = K::store(stores).save(&K::sample(1, "ann", 0), Expect::Absent).await.unwrap();
    assert!(delete::<K>(stores, "ann", 1).await);
    K::store(stores).save(&K::sample(1, "ann", 1), Expect::Absent).await.unwrap();
    let stale = K::store(stores).save(&K::sample(1, "ann", 2), Expect::At(old)).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(get::<K>(stores, "ann", 1).await.unwrap().record, K::sample(1, "ann", 1));
}

/// Rule 5, with 2,500 records among those of others.
pub async fn pages_hold_every_record_once<K: Kind>(stores: &Stores) {
    const RECORDS: u32 = 2_500;
    let lanes = at_once((0..16).map(|lane| {
        let stores = stores.clone();
        async move {
            for n in (lane..RECORDS).step_by(16) {
                K::store(&stores).save(&K::sample(n, "ann", 0), Expect::Absent).await.unwrap();
                if n % 10 == 0 {
                    K::store(&stores).save(&K::sample(RECORDS + n, "bob", 0), Expect::Absent).await.unwrap();
                }
            }
        }
    }));
    assert_eq!(lanes.await.len(), 16);

    let (owner, mut seen, mut ids, mut after) = (consumer("ann"), 0, HashSet::new(), None);
    loop {
        let page = K::store(stores).page_by_consumer(&owner, after.as_ref(), 250, Listing::Exact).await;
        let page: Page<K> = page.unwrap();
        assert!(page.items.len() <= 250);
        seen += page.items.len();
        ids.extend(page.items.iter().map(|stored| stored.record.id().to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, RECORDS as usize);
    assert_eq!(ids, (0..RECORDS).map(|n| K::sample(n, "ann", 0).id().to_string()).collect());
}
