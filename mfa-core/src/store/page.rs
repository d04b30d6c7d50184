//! Pages of a listing.

use uuid::Uuid;

use super::Stored;

/// Where a page ended: the id of its last record. Opaque to callers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor after the record with this id.
    pub const fn after(id: String) -> Self {
        Self(id)
    }

    /// The id to continue after.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id to continue after, as a UUID.
    pub fn as_uuid(&self) -> Option<Uuid> {
        self.0.parse().ok()
    }
}

/// How complete a listing must be.
#[expect(
    clippy::exhaustive_enums,
    reason = "what a listing may miss: recent writes, what an index lost, nothing"
)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listing {
    /// May lack recent writes.
    Fast,
    /// Holds every record whose write was acknowledged before the page was requested.
    Exact,
    /// The same, and trusts no index: it also finds records that an index lost. It may read the whole store,
    /// and a page may hold more records than the limit.
    Thorough,
}

/// Some records, and where to continue.
#[expect(clippy::exhaustive_structs, reason = "adapters build pages")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The records, each with its revision.
    pub items: Vec<Stored<T>>,
    /// Ids of records that exist but cannot be read. They do not hide the others.
    pub damaged: Vec<String>,
    /// Where the next page starts; `None` after the last. An empty page need not be the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The usual number of records on a page.
    pub const LIMIT: usize = 250;
}
