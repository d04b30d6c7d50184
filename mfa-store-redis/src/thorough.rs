//! The end of a thorough listing: records that the index has lost, found by reading all of them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use mfa_core::ConsumerId;
use mfa_core::store::{Cursor, Page, Record, StoreError};
use redis::cmd;

use crate::RedisStore;
use crate::connection::Node;
use crate::error::RedisError;
use crate::record::{names, read};
use crate::scan::Scan;

/// A page ends after so many records of any consumer, or so many calls of `SCAN`, so that each is quick.
const RECORDS: usize = 2_000;
const CALLS: u32 = 20;

/// Where the listing continues.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// A hash of the servers that the other numbers are about. After a change, they mean nothing.
    servers: u64,
    node: usize,
    cursor: u64,
}

impl Place {
    pub(crate) const START: Self = Self { servers: 0, node: 0, cursor: 0 };
    /// No id begins with it.
    const PREFIX: &'static str = "scan:";

    /// The place in a cursor; `None` if that is an entry of an index.
    pub(crate) fn of_cursor(cursor: &str) -> Option<Self> {
        let mut numbers = cursor.strip_prefix(Self::PREFIX)?.split(':').map(str::parse::<u64>);
        let numbers = [(); 3].map(|()| numbers.next()?.ok());
        let place = match numbers {
            [Some(servers), Some(node), Some(cursor)] => {
                usize::try_from(node).map_or(Self::START, |node| Self { servers, node, cursor })
            }
            // It begins again.
            _ => Self::START,
        };
        Some(place)
    }

    pub(crate) fn cursor(self) -> Cursor {
        let Self { servers, node, cursor } = self;
        Cursor::after(format!("{}{servers}:{node}:{cursor}", Self::PREFIX))
    }
}

impl RedisStore {
    pub(crate) async fn page_of_lost<R: Record>(
        &self,
        consumer: &ConsumerId,
        place: Place,
    ) -> Result<Page<R>, StoreError> {
        let (nodes, servers) = self.servers().await?;
        let place = if place.servers == servers { place } else { Place { servers, ..Place::START } };
        let (kind, names) = (R::SHAPE.kind, names(R::SHAPE));
        let mut scan = Scan::new(&self.connection, &nodes, &self.keys.record(kind, ""));
        scan.place = Some((place.node, place.cursor));
        let mut page = Page { items: Vec::new(), damaged: Vec::new(), next: None };
        let (mut records, mut calls) = (0, 0);
        while let Some(keys) = scan.next().await? {
            (records, calls) = (records + keys.len(), calls + 1);
            for lost in self.lost(kind, Some(consumer.as_str()), &keys).await? {
                let key = self.keys.record(kind, &lost.id);
                let Some(fields) = self.fields(&key, &names).await? else { continue };
                match read(&fields) {
                    Ok(stored) => page.items.push(stored),
                    Err(RedisError::Field(_)) => page.damaged.push(lost.id),
                    Err(error) => return Err(error.into()),
                }
            }
            if !page.items.is_empty() || !page.damaged.is_empty() || records >= RECORDS || calls >= CALLS {
                break;
            }
        }
        page.next = scan.place.map(|(node, cursor)| Place { servers, node, cursor }.cursor());
        Ok(page)
    }

    /// The primaries, and a hash that changes when one restarts or is replaced, or when slots move.
    async fn servers(&self) -> Result<(Vec<Node>, u64), RedisError> {
        let mut nodes = self.connection.on_primaries::<String>(cmd("INFO").arg("server").to_owned()).await?;
        nodes.sort_unstable();
        let mut hasher = DefaultHasher::new();
        for (node, report) in &nodes {
            (node, report.lines().find(|line| line.starts_with("run_id:"))).hash(&mut hasher);
        }
        if nodes.iter().any(|(node, _)| node.is_some()) {
            let mut reports =
                self.connection.on_primaries::<String>(cmd("CLUSTER").arg("NODES").to_owned()).await?;
            reports.sort_unstable();
            for (_, report) in &reports {
                // `[SLOT->-NODE]` and `[SLOT-<-NODE]`, each on a node's own line.
                if report.contains(" [") {
                    return Err(RedisError::SlotsMove);
                }
                let mut owners: Vec<_> = report.lines().filter_map(slots).collect();
                owners.sort_unstable();
                owners.hash(&mut hasher);
            }
        }
        Ok((nodes.into_iter().map(|(node, _)| node).collect(), hasher.finish()))
    }
}

/// A primary's id and slots, of a line of `CLUSTER NODES`.
fn slots(line: &str) -> Option<(&str, Vec<&str>)> {
    let mut fields = line.split(' ');
    let (id, flags) = (fields.next()?, fields.nth(1)?);
    flags.contains("master").then(|| (id, fields.skip(5).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_cursor() {
        let place = Place { servers: u64::MAX, node: 3, cursor: 17 };
        assert_eq!(Place::of_cursor(place.cursor().as_str()), Some(place));
        assert_eq!(Place::of_cursor("scan:nonsense"), Some(Place::START));
        assert_eq!(Place::of_cursor("6f1d2c9e-43ab-4f0e-9c39-6b1de1a8c001:7"), None);
    }

    #[test]
    fn slots_of_primaries_are_read() {
        let line = "07c3 127.0.0.1:30004@31004,host myself,master - 0 1426238317239 4 connected 0-5460 7000";
        assert_eq!(slots(line), Some(("07c3", vec!["0-5460", "7000"])));
        assert_eq!(slots("e7d1 127.0.0.1:30001@31001 slave 07c3 0 1426238317239 4 connected"), None);
    }
}
