//! The index of a consumer's records of one kind: `ID:INCARNATION` of each, in the order of their bytes.
//!
//! A small index is one sorted set. When it is full, it gets a mark, the empty entry, and later entries go to
//! 256 parts by the first two digits of the id. So no consumer fills one node of a Cluster. Readers merge the
//! set and its parts, since entries from before the mark stay where they are.

use futures_util::future::{try_join, try_join_all};
use mfa_core::envelope::RecordKind;
use redis::{Cmd, cmd};

use crate::RedisStore;
use crate::error::RedisError;
use crate::key::Keys;
use crate::script::ADD_ENTRY;

/// How many entries one sorted set holds before it is split.
pub(crate) const FULL: usize = 10_000;
const PARTS: u16 = 256;

/// The keys of one index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'a> {
    keys: &'a Keys,
    kind: RecordKind,
    pub(crate) consumer: &'a str,
}

impl<'a> Index<'a> {
    pub(crate) const fn new(keys: &'a Keys, kind: RecordKind, consumer: &'a str) -> Self {
        Self { keys, kind, consumer }
    }

    /// The set that the index begins as.
    pub(crate) fn whole(&self) -> String {
        self.keys.index(self.kind, self.consumer)
    }

    /// The index that a set belongs to, and whether the set is a part of it.
    pub(crate) fn of_set(keys: &'a Keys, kind: RecordKind, set: &'a str) -> Option<(Self, bool)> {
        if let Some(consumer) = set.strip_prefix(&keys.index(kind, "")) {
            return Some((Self::new(keys, kind, consumer), false));
        }
        let (_, consumer) = set.strip_prefix(&keys.index_parts(kind))?.split_once(':')?;
        Some((Self::new(keys, kind, consumer), true))
    }

    /// The part that an entry goes to once the index is split.
    pub(crate) fn part_of(&self, entry: &str) -> String {
        self.part(part(entry))
    }

    fn part(&self, part: u16) -> String {
        self.keys.index_part(self.kind, part, self.consumer)
    }
}

/// The name of a record's entry.
pub(crate) fn entry(id: &str, incarnation: &str) -> String {
    format!("{id}:{incarnation}")
}

/// The record's id and its incarnation.
pub(crate) fn id_and_incarnation(entry: &str) -> (&str, &str) {
    entry.split_once(':').unwrap_or((entry, ""))
}

/// The number of an entry's part. An entry without an id of ours belongs to the first.
fn part(entry: &str) -> u16 {
    entry.get(..2).and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

impl RedisStore {
    pub(crate) async fn add_entry(&self, index: &Index<'_>, entry: &str) -> Result<(), RedisError> {
        let arguments = |command: &mut Cmd| {
            command.arg(entry).arg(FULL);
        };
        let added: bool = self.run(&ADD_ENTRY, &[&index.whole()], arguments).await?;
        if added { Ok(()) } else { self.add_member(&index.part_of(entry), entry).await }
    }

    pub(crate) async fn add_member(&self, set: &str, member: &str) -> Result<(), RedisError> {
        let command = cmd("ZADD").arg(set).arg(0).arg(member).to_owned();
        self.connection.write::<u32>(command).await.map(drop)
    }

    /// Removes an entry. If this fails, the entry names nothing, and readers skip it.
    pub(crate) async fn remove_entry(&self, index: &Index<'_>, entry: &str) -> Result<(), RedisError> {
        for set in [index.whole(), index.part_of(entry)] {
            if self.remove_member(&set, entry).await? {
                break;
            }
        }
        Ok(())
    }

    pub(crate) async fn remove_member(&self, set: &str, member: &str) -> Result<bool, RedisError> {
        self.connection.call(&cmd("ZREM").arg(set).arg(member).to_owned()).await
    }

    pub(crate) async fn has_entry(&self, index: &Index<'_>, entry: &str) -> Result<bool, RedisError> {
        Ok(self.has_member(&index.whole(), entry).await?
            || self.has_member(&index.part_of(entry), entry).await?)
    }

    pub(crate) async fn has_member(&self, set: &str, member: &str) -> Result<bool, RedisError> {
        let score: Option<String> = self.connection.call(cmd("ZSCORE").arg(set).arg(member)).await?;
        Ok(score.is_some())
    }

    /// The first `limit` entries after `after`, of the set and its parts.
    pub(crate) async fn entries(
        &self,
        index: &Index<'_>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, RedisError> {
        let whole = index.whole();
        let (mut entries, is_split) =
            try_join(self.members(&whole, after, limit), self.has_member(&whole, "")).await?;
        if !is_split {
            return Ok(entries);
        }
        // All entries of a part sort before those of the next. Ask more parts at once the emptier they are.
        let (mut found, mut next, mut width) = (0, part(after), 1);
        while found < limit && next < PARTS {
            let parts = next..PARTS.min(next + width);
            let sets: Vec<_> = parts.clone().map(|number| index.part(number)).collect();
            for part in try_join_all(sets.iter().map(|set| self.members(set, after, limit))).await? {
                found += part.len();
                entries.extend(part);
            }
            (next, width) = (parts.end, width * 2);
        }
        entries.sort_unstable();
        entries.dedup();
        entries.truncate(limit);
        Ok(entries)
    }

    /// The first `limit` members of a sorted set after `after`, the mark excepted.
    pub(crate) async fn members(
        &self,
        set: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, RedisError> {
        let min = format!("({after}");
        let range = cmd("ZRANGEBYLEX").arg(set).arg(min).arg("+").arg("LIMIT").arg(0).arg(limit).to_owned();
        self.connection.call(&range).await
    }
}
