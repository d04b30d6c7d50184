//! Compares records with indexes, both ways.

use futures_util::future::{join_all, try_join_all};
use mfa_core::envelope::RecordKind;

use crate::RedisStore;
use crate::error::RedisError;
use crate::hash::optional_text;
use crate::index::{Index, entry, id_and_incarnation};

const NAMES: &[&str] = &["consumer", "incarnation"];

/// A record, as its entry in an index names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) consumer: String,
    pub(crate) incarnation: String,
}

impl Named {
    pub(crate) fn entry(&self) -> String {
        entry(&self.id, &self.incarnation)
    }
}

impl RedisStore {
    /// The record at a key; `None` if there is none, or none with an owner.
    async fn named(&self, kind: RecordKind, id: &str) -> Result<Option<Named>, RedisError> {
        let fields = match self.fields(&self.keys.record(kind, id), NAMES).await {
            Ok(Some(fields)) => fields,
            Ok(None) => return Ok(None),
            // It is no record of ours.
            Err(RedisError::Call(error)) if error.code() == Some("WRONGTYPE") => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = |name| optional_text(&fields, name).ok().flatten().unwrap_or_default().to_owned();
        let named = Named { id: id.to_owned(), consumer: text("consumer"), incarnation: text("incarnation") };
        Ok(Some(named).filter(|named| !named.consumer.is_empty()))
    }

    /// Those of the records at `keys` that their index lacks; of one consumer, or of all.
    pub(crate) async fn lost(
        &self,
        kind: RecordKind,
        consumer: Option<&str>,
        keys: &[String],
    ) -> Result<Vec<Named>, RedisError> {
        let prefix = self.keys.record(kind, "");
        let ids: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix(&prefix)).collect();
        let named = try_join_all(ids.iter().map(|id| self.named(kind, id))).await?;
        let belongs = |named: &Named| consumer.is_none_or(|consumer| named.consumer == consumer);
        let named: Vec<Named> = named.into_iter().flatten().filter(belongs).collect();
        let lost = join_all(named.iter().map(|named| self.is_lost(kind, named))).await;
        let lost = named.into_iter().zip(lost).map(|(named, lost)| Ok((named, lost?)));
        let lost: Result<Vec<_>, RedisError> = lost.collect();
        Ok(lost?.into_iter().filter(|(_, lost)| *lost).map(|(named, _)| named).collect())
    }

    async fn is_lost(&self, kind: RecordKind, named: &Named) -> Result<bool, RedisError> {
        if self.has_entry(&Index::new(&self.keys, kind, &named.consumer), &named.entry()).await? {
            return Ok(false);
        }
        // The record may have been deleted between the two looks.
        Ok(self.named(kind, &named.id).await?.as_ref() == Some(named))
    }

    /// The API keys at `keys` that an index lacks, each with that index.
    pub(crate) async fn lost_api_keys(&self, keys: &[String]) -> Result<Vec<(String, String)>, RedisError> {
        let prefix = self.keys.record(RecordKind::ApiKey, "");
        let mut lost = Vec::new();
        for value in keys.iter().filter_map(|key| key.strip_prefix(&prefix)) {
            let Some(named) = self.named(RecordKind::ApiKey, value).await? else { continue };
            for index in [self.keys.all_api_keys(), self.keys.api_keys_of(&named.consumer)] {
                if !self.has_member(&index, value).await? {
                    lost.push((value.to_owned(), index));
                }
            }
        }
        Ok(lost)
    }

    /// The entries of a part of an index, or of the whole, that name no record.
    pub(crate) async fn stale(
        &self,
        kind: RecordKind,
        index: &Index<'_>,
        set: &str,
    ) -> Result<Vec<String>, RedisError> {
        let (mut stale, mut after) = (Vec::new(), String::new());
        loop {
            let entries = self.members(set, &after, 500).await?;
            let Some(last) = entries.last() else { return Ok(stale) };
            after.clone_from(last);
            let live = try_join_all(entries.iter().map(|entry| self.is_live(kind, index, entry))).await?;
            stale.extend(entries.into_iter().zip(live).filter(|(_, live)| !live).map(|(entry, _)| entry));
        }
    }

    /// Whether an entry names a record.
    pub(crate) async fn is_live(
        &self,
        kind: RecordKind,
        index: &Index<'_>,
        entry: &str,
    ) -> Result<bool, RedisError> {
        let (id, incarnation) = id_and_incarnation(entry);
        let named = self.named(kind, id).await?;
        Ok(named.is_some_and(|named| named.consumer == index.consumer && named.incarnation == incarnation))
    }
}
