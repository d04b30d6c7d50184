//! Mends indexes, for an operator.

use std::fmt;
use std::time::Duration;

use futures_util::future::try_join_all;
use mfa_core::envelope::RecordKind;
use mfa_core::store::{SHAPES, StoreError};
use redis::cmd;

use crate::connection::{Connection, Node};
use crate::error::RedisError;
use crate::index::{FULL, Index};
use crate::key::Keys;
use crate::scan::Scan;
use crate::settings::Settings;
use crate::{RedisStore, durability};

/// What was mended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Repaired {
    /// Records and API keys that are in their indexes again.
    pub added: u64,
    /// Entries without a record that were removed.
    pub removed: u64,
    /// Entries that were moved out of a set that was too large.
    pub moved: u64,
}

impl fmt::Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, removed, moved } = self;
        write!(f, "{added} index entries added, {removed} without a record removed, {moved} moved")
    }
}

/// Mends the indexes of the store at `url`, beside working servers. Call it again after an error.
///
/// A writer adds an entry before its record. So an entry without a record is removed only if it still has none
/// after `patience`, which must be longer than any write takes.
///
/// # Errors
///
/// [`StoreError::Unavailable`] if the URL cannot be used or the server does not answer.
pub async fn repair(url: &str, patience: Duration) -> Result<Repaired, StoreError> {
    let settings = Settings::parse(url)?;
    let connection = Connection::open(&settings).await?;
    let reports = durability::reports(&connection).await?;
    let nodes: Vec<Node> = reports.into_iter().map(|(node, _)| node).collect();
    let store = RedisStore { connection, keys: Keys(settings.prefix) };
    let mut repaired = Repaired::default();
    let mut stale = Vec::new();
    for shape in SHAPES {
        repaired.added += store.add_lost(shape.kind, &nodes).await?;
        for prefix in [store.keys.index(shape.kind, ""), store.keys.index_parts(shape.kind)] {
            let mut scan = Scan::new(&store.connection, &nodes, &prefix);
            while let Some(sets) = scan.next().await? {
                for set in sets {
                    let Some((index, is_part)) = Index::of_set(&store.keys, shape.kind, &set) else {
                        continue;
                    };
                    if !is_part {
                        repaired.moved += store.split(&index).await?;
                    }
                    for entry in store.stale(shape.kind, &index, &set).await? {
                        stale.push((shape.kind, set.clone(), entry));
                    }
                }
            }
        }
    }
    repaired.added += store.add_lost_api_keys(&nodes).await?;
    if !stale.is_empty() {
        tokio::time::sleep(patience).await;
    }
    for entries in stale.chunks(500) {
        let swept = entries.iter().map(|(kind, set, entry)| store.sweep(*kind, set, entry));
        repaired.removed += try_join_all(swept).await?.into_iter().map(u64::from).sum::<u64>();
    }
    Ok(repaired)
}

impl RedisStore {
    async fn add_lost(&self, kind: RecordKind, nodes: &[Node]) -> Result<u64, RedisError> {
        let mut added = 0;
        let mut scan = Scan::new(&self.connection, nodes, &self.keys.record(kind, ""));
        while let Some(keys) = scan.next().await? {
            for lost in self.lost(kind, None, &keys).await? {
                self.add_entry(&Index::new(&self.keys, kind, &lost.consumer), &lost.entry()).await?;
                added += 1;
            }
        }
        Ok(added)
    }

    async fn add_lost_api_keys(&self, nodes: &[Node]) -> Result<u64, RedisError> {
        let mut added = 0;
        let mut scan = Scan::new(&self.connection, nodes, &self.keys.record(RecordKind::ApiKey, ""));
        while let Some(keys) = scan.next().await? {
            for (value, index) in self.lost_api_keys(&keys).await? {
                self.add_member(&index, &value).await?;
                added += 1;
            }
        }
        Ok(added)
    }

    /// Moves the entries of a full set to the parts of its index.
    async fn split(&self, index: &Index<'_>) -> Result<u64, RedisError> {
        let (whole, mut moved) = (index.whole(), 0);
        let size: usize = self.connection.call(cmd("ZCARD").arg(&whole)).await?;
        if size < FULL {
            return Ok(0);
        }
        // Readers look into the parts from here on.
        self.add_member(&whole, "").await?;
        loop {
            let entries = self.members(&whole, "", 500).await?;
            if entries.is_empty() {
                return Ok(moved);
            }
            moved += entries.len() as u64;
            let parts: Vec<_> = entries.iter().map(|entry| (index.part_of(entry), entry)).collect();
            try_join_all(parts.iter().map(|(part, entry)| self.add_member(part, entry))).await?;
            try_join_all(entries.iter().map(|entry| self.remove_member(&whole, entry))).await?;
        }
    }

    /// Removes an entry that still names nothing.
    async fn sweep(&self, kind: RecordKind, set: &str, entry: &str) -> Result<bool, RedisError> {
        let Some((index, _)) = Index::of_set(&self.keys, kind, set) else { return Ok(false) };
        if self.is_live(kind, &index, entry).await? {
            return Ok(false);
        }
        self.remove_member(set, entry).await?;
        // Its writer may have been slower than anybody expected.
        if self.is_live(kind, &index, entry).await? {
            self.add_member(set, entry).await?;
            return Ok(false);
        }
        Ok(true)
    }
}
