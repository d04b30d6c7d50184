//! The rules of [`CeremonyStore`](mfa_core::store::CeremonyStore).

use std::sync::Arc;

use mfa_core::clock::UnixTime;
use mfa_core::store::{CeremonyId, StoreError, Stores};

use crate::kit::sample::{at_once, bytes};

const NOW: UnixTime = UnixTime::from_secs(1_000);
const LATER: UnixTime = UnixTime::from_secs(1_300);

/// Rule 3.
pub async fn what_is_taken_is_what_was_put(stores: &Stores) {
    stores.ceremonies.put(CeremonyId([1; 32]), bytes(1), LATER).await.unwrap();
    stores.ceremonies.put(CeremonyId([2; 32]), bytes(2), LATER).await.unwrap();

    assert_eq!(stores.ceremonies.take(CeremonyId([2; 32]), NOW).await.unwrap(), Some(bytes(2)));
    assert_eq!(stores.ceremonies.take(CeremonyId([1; 32]), NOW).await.unwrap(), Some(bytes(1)));
}

/// Rule 1.
pub async fn take_is_exactly_once(stores: &Stores) {
    let id = CeremonyId([3; 32]);
    stores.ceremonies.put(id, bytes(3), LATER).await.unwrap();

    let takers = (0..32).map(|_| {
        let store = Arc::clone(&stores.ceremonies);
        async move { store.take(id, NOW).await.unwrap() }
    });
    let taken: Vec<_> = at_once(takers).await.into_iter().flatten().collect();
    assert_eq!(taken, [bytes(3)]);
    assert_eq!(stores.ceremonies.take(id, NOW).await.unwrap(), None);
}

/// Rule 2: state is gone at `expires_at`, whether or not the backend has swept it.
pub async fn take_ignores_expired_state(stores: &Stores) {
    for (n, now) in [(4, LATER), (5, LATER.after(std::time::Duration::from_millis(1)))] {
        stores.ceremonies.put(CeremonyId([n; 32]), bytes(n), LATER).await.unwrap();
        assert_eq!(stores.ceremonies.take(CeremonyId([n; 32]), now).await.unwrap(), None);
    }
    let last_moment = UnixTime::from_millis(LATER.as_millis() - 1);
    stores.ceremonies.put(CeremonyId([6; 32]), bytes(6), LATER).await.unwrap();
    assert_eq!(stores.ceremonies.take(CeremonyId([6; 32]), last_moment).await.unwrap(), Some(bytes(6)));
}

/// Rule 4.
pub async fn an_id_in_use_is_refused(stores: &Stores) {
    let id = CeremonyId([7; 32]);
    stores.ceremonies.put(id, bytes(1), LATER).await.unwrap();

    let refused = stores.ceremonies.put(id, bytes(2), LATER).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists)), "{refused:?}");
    assert_eq!(stores.ceremonies.take(id, NOW).await.unwrap(), Some(bytes(1)));
}

/// Rule 1.
pub async fn an_unknown_id_is_none(stores: &Stores) {
    assert_eq!(stores.ceremonies.take(CeremonyId([8; 32]), NOW).await.unwrap(), None);
}
