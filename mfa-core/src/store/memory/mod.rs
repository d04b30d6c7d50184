//! A store in memory, for tests and examples. Its content is gone with the process, and other processes
//! cannot share it.

mod api_key;
mod ceremony;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{
    ApiKeyRecord, CeremonyId, CeremonyState, Cursor, Expect, Page, Revision, Row, StoreError, Stored, Stores,
    UnreadableField,
};
use crate::api_key::ApiKey;
use crate::clock::UnixTime;
use crate::envelope::{RecordKind, Sealed};

/// A store in memory. Clones share their content.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    api_keys: BTreeMap<ApiKey, Stored<ApiKeyRecord>>,
    records: BTreeMap<(RecordKind, Uuid), Stored<Row>>,
    ceremonies: HashMap<CeremonyId, (Sealed<CeremonyState>, UnixTime)>,
    created: u64,
}

impl Tables {
    /// A revision that was never given out, so that none repeats when a record is deleted and made again.
    fn fresh_revision(&mut self) -> Revision {
        // A record's revisions count up from here. None is written 2^32 times.
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

/// The write rule of every port. A new record starts at revision `fresh`, which no record had before. `owned`
/// tells whether the stored and the new record have one owner.
fn save<K: Ord, T>(
    table: &mut BTreeMap<K, Stored<T>>,
    id: K,
    record: T,
    expect: Expect,
    fresh: Revision,
    owned: impl FnOnce(&T, &T) -> bool,
) -> Result<Revision, StoreError> {
    let revision = match (expect, table.get(&id)) {
        (Expect::Absent, None) => fresh,
        (Expect::Absent, Some(_)) => return Err(StoreError::AlreadyExists),
        (Expect::At(at), Some(stored)) if stored.revision == at && owned(&stored.record, &record) => {
            at.next()
        }
        (Expect::At(_), _) => return Err(StoreError::Conflict),
    };
    table.insert(id, Stored { record, revision });
    Ok(revision)
}

/// The paging rule of every port: the first `limit` of the wanted entries, and the last one's name if there
/// are more.
fn page<'a, K: 'a, V: 'a, T>(
    mut wanted: impl Iterator<Item = (&'a K, &'a Stored<V>)>,
    limit: usize,
    name: impl Fn(&K) -> String,
    read: impl Fn(&Stored<V>) -> Result<Stored<T>, UnreadableField>,
) -> Page<T> {
    let mut page = Page { items: Vec::new(), damaged: Vec::new(), next: None };
    let mut last = None;
    for (id, stored) in wanted.by_ref().take(limit) {
        last = Some(id);
        match read(stored) {
            Ok(stored) => page.items.push(stored),
            Err(UnreadableField(_)) => page.damaged.push(name(id)),
        }
    }
    page.next = wanted.next().and(last).map(|id| Cursor::after(name(id)));
    page
}

fn damaged(UnreadableField(what): UnreadableField) -> StoreError {
    StoreError::Damaged { backend: "memory", what }
}
