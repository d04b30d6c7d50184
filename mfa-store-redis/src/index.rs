//! Indexes: sorted sets of names, in the order of their bytes.

use futures_util::future::join_all;
use mfa_core::store::{Cursor, Page, StoreError, Stored};
use redis::cmd;

use crate::RedisStore;
use crate::error::RedisError;
use crate::hash::Fields;

impl RedisStore {
    pub(crate) async fn add_entry(&self, index: &str, entry: &str) -> Result<(), RedisError> {
        let command = cmd("ZADD").arg(index).arg(0).arg(entry).to_owned();
        self.connection.write::<u32>(command).await.map(drop)
    }

    pub(crate) async fn remove_entry(&self, index: &str, entry: &str) -> Result<(), RedisError> {
        self.connection.call::<u32>(&cmd("ZREM").arg(index).arg(entry).to_owned()).await.map(drop)
    }

    /// A page of the records that an index names. `key` gives the key of an entry's record, and `read` reads
    /// the record; `None` if the entry no longer names it.
    pub(crate) async fn page_of<T>(
        &self,
        index: &str,
        after: Option<&Cursor>,
        limit: usize,
        names: &[&'static str],
        key: impl Fn(&str) -> String,
        read: impl Fn(&str, &Fields<'_>) -> Result<Option<Stored<T>>, RedisError>,
    ) -> Result<Page<T>, StoreError> {
        // A cursor is a whole entry, because another entry with the same id may follow.
        let min = after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.as_str()));
        let range = cmd("ZRANGEBYLEX").arg(index).arg(min).arg("+").arg("LIMIT").arg(0).arg(limit).to_owned();
        let entries: Vec<String> = self.connection.call(&range).await?;
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
        page.next = entries.last().filter(|_| full).map(|entry| Cursor::after(entry.clone()));
        Ok(page)
    }
}

fn id(entry: &str) -> &str {
    entry.split_once(':').map_or(entry, |(id, _)| id)
}
