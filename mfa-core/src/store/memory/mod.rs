//! Everything in memory, for tests and examples: gone with the process, and not for several processes.

mod api_key;
mod ceremony;
mod totp;
mod user;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    ApiKeyRecord, CeremonyId, CeremonyState, Cursor, Expect, Page, Revision, StoreError, Stored, Stores,
    TotpRecord, UserId, UserRecord,
};
use crate::api_key::ApiKey;
use crate::clock::UnixTime;
use crate::envelope::Sealed;
use crate::totp::TotpId;

/// A store in memory. Clones share their content.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    api_keys: BTreeMap<ApiKey, Stored<ApiKeyRecord>>,
    totp: BTreeMap<TotpId, Stored<TotpRecord>>,
    users: BTreeMap<UserId, Stored<UserRecord>>,
    ceremonies: HashMap<CeremonyId, (Sealed<CeremonyState>, UnixTime)>,
    created: u64,
}

impl Tables {
    /// A revision that was never given out, so that none comes back when a record is deleted and made again.
    fn fresh_revision(&mut self) -> Revision {
        // Records count on from where they begin; none is written 2^32 times.
        self.created += 1;
        Revision::from_stored(self.created << 32)
    }
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A poisoned lock is usable: no change to a table can be interrupted half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<MemoryStore> for Stores {
    fn from(store: MemoryStore) -> Self {
        Self::of(store)
    }
}

/// The write rule of every port. A record begins at revision `fresh`, which no record had before. `owned` tells whether the stored record belongs to the writer.
fn save<K: Ord, T>(
    table: &mut BTreeMap<K, Stored<T>>,
    id: K,
    record: T,
    expect: Expect,
    fresh: Revision,
    owned: impl FnOnce(&T) -> bool,
) -> Result<Revision, StoreError> {
    let revision = match (expect, table.get(&id)) {
        (Expect::Absent, None) => fresh,
        (Expect::Absent, Some(_)) => return Err(StoreError::AlreadyExists),
        (Expect::At(revision), Some(stored)) if stored.revision == revision && owned(&stored.record) => {
            revision.next()
        }
        (Expect::At(_), _) => return Err(StoreError::Conflict),
    };
    table.insert(id, Stored { record, revision });
    Ok(revision)
}

/// The paging rule of every port: ordered by id, behind `after`.
fn page<K: Ord, T: Clone>(
    table: &BTreeMap<K, Stored<T>>,
    after: Option<&Cursor>,
    limit: usize,
    name: impl Fn(&K) -> String,
    wanted: impl Fn(&T) -> bool,
) -> Page<T> {
    let behind = |key: &K| after.is_none_or(|after| name(key).as_str() > after.as_str());
    let mut matching = table.iter().filter(|(key, stored)| behind(key) && wanted(&stored.record));
    let mut last = None;
    let mut items = Vec::new();
    for (key, stored) in matching.by_ref().take(limit) {
        last = Some(key);
        items.push(stored.clone());
    }
    let next = matching.next().and(last).map(|key| Cursor::after(name(key)));
    Page { items, damaged: Vec::new(), next }
}
