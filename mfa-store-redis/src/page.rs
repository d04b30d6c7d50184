//! Pages of the records that an index names.

use futures_util::future::join_all;
use mfa_core::store::{Cursor, Page, StoreError, Stored};

use crate::RedisStore;
use crate::error::RedisError;
use crate::hash::Fields;
use crate::index::id_and_incarnation;

impl RedisStore {
    /// The page of these entries. `key` gives the key of an entry's record, and `read` reads the record;
    /// `None` if the entry no longer names it.
    pub(crate) async fn page_of<T>(
        &self,
        entries: Vec<String>,
        limit: usize,
        names: &[&'static str],
        key: impl Fn(&str) -> String,
        read: impl Fn(&str, &Fields<'_>) -> Result<Option<Stored<T>>, RedisError>,
    ) -> Result<Page<T>, StoreError> {
        let id = |entry| id_and_incarnation(entry).0;
        let keys: Vec<String> = entries.iter().map(|entry| key(id(entry))).collect();
        let records = join_all(keys.iter().map(|key| self.fields(key, names))).await;

        let mut page = Page { items: Vec::with_capacity(entries.len()), damaged: Vec::new(), next: None };
        for (entry, fields) in entries.iter().zip(records) {
            let Some(fields) = fields? else { continue };
            match read(entry, &fields) {
                Ok(stored) => page.items.extend(stored),
                Err(RedisError::Field(_)) => page.damaged.push(id(entry).to_owned()),
                Err(error) => return Err(error.into()),
            }
        }
        let full = entries.len() >= limit;
        // A cursor is a whole entry, because another entry with the same id may follow.
        page.next = entries.into_iter().next_back().filter(|_| full).map(Cursor::after);
        Ok(page)
    }
}
