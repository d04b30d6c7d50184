//! Listing in pages.

use uuid::Uuid;

use super::Stored;

/// Where a page ended: the id of its last record. Opaque to callers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor behind the record with this id.
    pub const fn after(id: String) -> Self {
        Self(id)
    }

    /// The id to continue behind.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id to continue behind, where ids are UUIDs.
    pub fn as_uuid(&self) -> Option<Uuid> {
        self.0.parse().ok()
    }
}

/// How sure a listing must be.
#[expect(
    clippy::exhaustive_enums,
    reason = "a listing may be a moment behind or not; there is no third case"
)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listing {
    /// May lack what was written a moment ago.
    Fast,
    /// Holds every record whose write was acknowledged before the page was asked for.
    Exact,
}

/// Some records, and where to continue.
#[expect(clippy::exhaustive_structs, reason = "adapters build pages")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The records, each with its revision.
    pub items: Vec<Stored<T>>,
    /// Ids of records that are there but cannot be read: one of them does not hide the others.
    pub damaged: Vec<String>,
    /// Where the next page starts; `None` after the last one. A page may be empty and yet not the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// How many records a page holds unless there is reason for another number.
    pub const LIMIT: usize = 250;
}
