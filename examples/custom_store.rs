//! Your own store: three small ports with one rule, that each write has a condition. Here each table is a
//! `BTreeMap` behind a mutex. Replace it with your database, and follow the comments.
//!
//! The tests at the end run `mfa-store-conformance`, the suite that every store of this repository passes. An
//! adapter that passes it is correct:
//!
//! ```sh
//! cargo run -p mfa-examples --example custom_store     # enrols on it
//! cargo test -p mfa-examples --example custom_store    # the suite
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use mfa_core::api_key::ApiKey;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyStore, CeremonyId, CeremonyState, CeremonyStore, Cursor, Expect, Listing,
    MAX_LIFETIME, Page, Record, RecordStore, Revision, Row, StoreError, Stored, Stores,
};
use mfa_core::totp::{TotpError, TotpOptions};
use mfa_core::{ConsumerId, Mfa};

#[tokio::main]
async fn main() -> Result<()> {
    let mfa = Mfa::builder(Stores::of(TreeStore::default())).build();
    let key = mfa.create_api_key("dev@example.com").await?;
    let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
    let consumer = mfa.authenticate(&key, &secret).await?;
    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo@example.com")).await?;
    let refused = consumer.totp().verify(enrolled.id, "no code").await;
    ensure!(matches!(refused, Err(TotpError::NotAccepted)), "a wrong code was not refused: {refused:?}");
    println!("a store of our own: enrolled, refused a wrong code");
    Ok(())
}

#[derive(Debug, Default)]
struct TreeStore {
    api_keys: Table<ApiKeyRecord>,
    records: Table<Row>,
    ceremonies: Mutex<Ceremonies>,
}

type Ceremonies = BTreeMap<[u8; 32], (Sealed<CeremonyState>, UnixTime)>;

/// What API keys and records share.
trait Owned: Clone {
    /// Whether a write may change its consumer.
    const MOVES: bool;
    fn consumer(&self) -> &ConsumerId;
}

#[derive(Debug)]
struct Table<T>(Mutex<Rows<T>>);

#[derive(Debug)]
struct Rows<T> {
    by_id: BTreeMap<String, Stored<T>>,
    /// Counts every write, so that no revision is given out twice, even for a record that was deleted and
    /// made again. In a database, use a sequence.
    writes: u64,
}

impl<T: Owned> Table<T> {
    fn rows(&self) -> MutexGuard<'_, Rows<T>> {
        // A poisoned lock is usable: no change below can be interrupted half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<Stored<T>> {
        self.rows().by_id.get(id).cloned()
    }

    /// Checks and writes under one lock. In SQL, use one `INSERT … ON CONFLICT DO NOTHING`, or one `UPDATE …
    /// WHERE id = $1 AND revision = $2 AND consumer = $3`. Never use a `SELECT` followed by an `UPDATE`.
    fn save(&self, id: String, record: &T, expect: Expect) -> Result<Revision, StoreError> {
        let mut rows = self.rows();
        match (expect, rows.by_id.get(&id)) {
            (Expect::Absent, None) => {}
            (Expect::Absent, Some(_)) => return Err(StoreError::AlreadyExists),
            (Expect::At(read), Some(Stored { record: found, revision }))
                if *revision == read && (T::MOVES || found.consumer() == record.consumer()) => {}
            (Expect::At(_), _) => return Err(StoreError::Conflict),
        }
        rows.writes += 1;
        let revision = Revision::from_stored(rows.writes);
        rows.by_id.insert(id, Stored { record: record.clone(), revision });
        Ok(revision)
    }

    /// Another consumer's record is reported as not found.
    fn delete(&self, id: &str, consumer: &ConsumerId) -> bool {
        let rows = &mut self.rows().by_id;
        let own = rows.get(id).is_some_and(|stored| stored.record.consumer() == consumer);
        own && rows.remove(id).is_some()
    }

    /// Ordered by id, after the cursor. So concurrent writes neither hide a record nor show one twice, as
    /// they would with an `OFFSET`.
    fn page(
        &self,
        prefix: &str,
        consumer: Option<&ConsumerId>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Page<T> {
        let from = after.map_or(Unbounded, |after| Excluded(after.as_str()));
        let rows = self.rows();
        let mut wanted = rows
            .by_id
            .range::<str, _>((from, Unbounded))
            .take_while(|(id, _)| id.starts_with(prefix))
            .filter(|(_, stored)| consumer.is_none_or(|owner| stored.record.consumer() == owner));
        let (ids, items): (Vec<_>, _) =
            wanted.by_ref().take(limit).map(|(id, stored)| (id, stored.clone())).unzip();
        let next = wanted.next().and(ids.last()).map(|last| Cursor::after((*last).clone()));
        Page { items, damaged: Vec::new(), next }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Mutex::new(Rows { by_id: BTreeMap::new(), writes: 0 }))
    }
}

impl Owned for ApiKeyRecord {
    /// A rotation joins a new key to a consumer.
    const MOVES: bool = true;
    fn consumer(&self) -> &ConsumerId {
        &self.consumer
    }
}

#[async_trait]
impl ApiKeyStore for TreeStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        Ok(self.api_keys.get(key.as_str()))
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        self.api_keys.save(record.key.as_str().to_owned(), record, expect)
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        Ok(self.api_keys.page("", None, after, limit))
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        Ok(self.api_keys.page("", Some(consumer), after, limit))
    }
}

impl Owned for Row {
    const MOVES: bool = false;
    fn consumer(&self) -> &ConsumerId {
        &self.consumer
    }
}

/// Every kind of record at once: a store keeps rows and does not know what they mean. Here all kinds share
/// one table, by kind and id. In SQL, each kind has a table with the columns that `R::SHAPE` names.
#[async_trait]
impl<R: Record> RecordStore<R> for TreeStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let found = self.records.get(&key::<R>(id)).filter(|stored| stored.record.consumer == *consumer);
        found.map(read).transpose()
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        self.records.save(key::<R>(record.id()), &record.to_row(), expect)
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        Ok(self.records.delete(&key::<R>(id), consumer))
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing, // every listing of ours is exact
    ) -> Result<Page<R>, StoreError> {
        let kind = format!("{}:", R::SHAPE.kind.as_str());
        let after = after.map_or(kind.clone(), |after| after.as_str().to_owned());
        let page = self.records.page(&kind, Some(consumer), Some(&Cursor::after(after)), limit);
        let items = page.items.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { items, damaged: page.damaged, next: page.next })
    }
}

fn key<R: Record>(id: R::Id) -> String {
    format!("{}:{id}", R::SHAPE.kind.as_str())
}

/// Everything saved here can be read. A database may have been changed by hand.
fn read<R: Record>(stored: Stored<Row>) -> Result<Stored<R>, StoreError> {
    stored.to_record().map_err(|error| StoreError::Damaged { backend: "tree", what: error.0 })
}

#[async_trait]
impl CeremonyStore for TreeStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        let mut ceremonies = self.ceremonies.lock().unwrap_or_else(PoisonError::into_inner);
        if ceremonies.contains_key(&id.0) {
            return Err(StoreError::AlreadyExists);
        }
        // Some are never finished. In a database, delete them with an index on the time.
        ceremonies.retain(|_, (_, other)| expires_at.since(*other) < MAX_LIFETIME);
        ceremonies.insert(id.0, (state, expires_at));
        Ok(())
    }

    /// Removed and returned in one step, as with `DELETE … RETURNING`. Of two responses to one challenge, one
    /// is judged.
    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let taken = self.ceremonies.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.0);
        Ok(taken.filter(|(_, expires_at)| now < *expires_at).map(|(state, _)| state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fresh() -> Option<(Stores, ())> {
        Some((Stores::of(TreeStore::default()), ()))
    }

    mfa_store_conformance::store_conformance!(crate::tests::fresh);
}
