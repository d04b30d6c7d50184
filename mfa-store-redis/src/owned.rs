//! What both kinds of records with an owner have in common.

use mfa_core::ConsumerId;
use mfa_core::store::{Cursor, Expect, Page, Revision, StoreError, Stored};
use redis::Cmd;

use crate::RedisStore;
use crate::error::RedisError;
use crate::record::{Changes, Fields, text};
use crate::script::DELETE;

impl RedisStore {
    /// Reads a record of the consumer's.
    pub(crate) async fn get_owned<T>(
        &self,
        kind: &str,
        consumer: &ConsumerId,
        id: &str,
        names: &'static [&'static str],
        read: fn(&Fields) -> Result<Stored<T>, RedisError>,
    ) -> Result<Option<Stored<T>>, StoreError> {
        let Some(fields) = self.fields(&self.keys.owned(kind, id), names).await? else { return Ok(None) };
        if text(&fields, "consumer")? != consumer.as_str() {
            return Ok(None);
        }
        Ok(Some(read(&fields)?))
    }

    /// Writes a record; a new one gets its entry in the consumer's index first.
    pub(crate) async fn save_owned(
        &self,
        kind: &str,
        consumer: &ConsumerId,
        id: &str,
        expect: Expect,
        changes: &Changes,
    ) -> Result<Revision, StoreError> {
        let (key, fresh) = (self.keys.owned(kind, id), Self::fresh_revision()?);
        if expect != Expect::Absent {
            return self.save_fields(&key, fresh, expect, Some(consumer), changes).await;
        }
        let (index, entry) = (self.keys.index(kind, consumer), format!("{id}:{}", fresh.number()));
        self.add_entry(&index, &entry).await?;
        let saved = self.save_fields(&key, fresh, expect, Some(consumer), changes).await;
        if matches!(saved, Err(StoreError::AlreadyExists)) {
            self.drop_entry(&index, &entry).await;
        }
        saved
    }

    /// Deletes a record if it is the consumer's; says whether there was one.
    pub(crate) async fn delete_owned(
        &self,
        kind: &str,
        consumer: &ConsumerId,
        id: &str,
    ) -> Result<bool, StoreError> {
        let key = self.keys.owned(kind, id);
        let owner = |command: &mut Cmd| {
            command.arg(consumer.as_str());
        };
        let deleted: Option<String> = self.run(&DELETE, &key, owner).await?;
        let Some(incarnation) = deleted else { return Ok(false) };
        self.drop_entry(&self.keys.index(kind, consumer), &format!("{id}:{incarnation}")).await;
        Ok(true)
    }

    /// A page of one consumer's records.
    pub(crate) async fn page_owned<T>(
        &self,
        kind: &str,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        names: &'static [&'static str],
        read: fn(&Fields) -> Result<Stored<T>, RedisError>,
    ) -> Result<Page<T>, StoreError> {
        let key = |id: &str| self.keys.owned(kind, id);
        let index = self.keys.index(kind, consumer);
        self.page_of(&index, after, limit, names, key, |entry, fields| {
            let incarnation = entry.split_once(':').map(|(_, incarnation)| incarnation);
            let named = Some(text(fields, "incarnation")?) == incarnation
                && text(fields, "consumer")? == consumer.as_str();
            if named { read(fields).map(Some) } else { Ok(None) }
        })
        .await
    }

    /// Removes an entry that names nothing. If that fails it stays, and readers skip it.
    async fn drop_entry(&self, index: &str, entry: &str) {
        if let Err(error) = self.remove_entry(index, entry).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "an index entry was left behind");
        }
    }
}
