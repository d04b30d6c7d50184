//! `memory://`

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Area, Report, Scope};
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{StoreError, Stores};

use super::backend::{Backend, Opened};

pub(super) struct Memory;

#[async_trait]
impl Backend for Memory {
    async fn open(&self, _url: &str, _migrate: bool) -> Result<Opened<Stores>, StoreError> {
        Ok((MemoryStore::default().into(), None))
    }

    async fn inspect(&self, _url: &str, _scope: Scope, now: UnixTime) -> Report {
        let mut report = Report::new(now);
        report.note(Area::Reachable, "lives inside one server: a ceremony must end where it began");
        report
    }
}
