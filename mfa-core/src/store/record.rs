//! The port for records of every kind that belong to a consumer.

use std::fmt::{Debug, Display};

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    Cursor, Expect, Listing, Page, Revision, Row, Shape, StoreError, Stored, TotpRecord, UnreadableField,
    UserRecord,
};
use crate::id::ConsumerId;

/// The kinds of record with an owner, in the order of a rotation's pass. Stores keep a table for each.
pub const SHAPES: [&Shape; 2] = [TotpRecord::SHAPE, UserRecord::SHAPE];

mod sealed {
    #[expect(unnameable_types, reason = "the kinds of record are those of this crate")]
    pub trait Kind {}

    impl Kind for super::TotpRecord {}
    impl Kind for super::UserRecord {}
}

/// A kind of record. It converts to a [`Row`] and back, so that stores need not know it.
pub trait Record: sealed::Kind + Clone + Debug + Send + Sync + 'static {
    /// The record's id. `Display` gives the canonical form of its UUID.
    type Id: Copy + Display + Into<Uuid> + Send + Sync + 'static;

    /// The record's fields.
    const SHAPE: &'static Shape;

    /// The record's id.
    fn id(&self) -> Self::Id;

    /// The consumer that owns it.
    fn consumer(&self) -> &ConsumerId;

    /// Converts the record to a row.
    fn to_row(&self) -> Row;

    /// Reads a record from `row`.
    ///
    /// # Errors
    ///
    /// [`UnreadableField`] if a required field is missing, or a field is out of range.
    fn from_row(row: &Row) -> Result<Self, UnreadableField>;
}

/// Keeps the records of one kind. Adapters implement it for every kind at once.
///
/// # Contract
///
/// 1. `save` with [`Expect::Absent`] creates. If any consumer has that id, it is
///    [`StoreError::AlreadyExists`].
/// 2. `save` with [`Expect::At`] replaces. If the record is gone, at another revision or owned by another
///    consumer, it is [`StoreError::Conflict`]. Of any number of concurrent saves at one revision, exactly
///    one wins.
/// 3. `get` and `delete` report another consumer's record as not found.
/// 4. Every later `get` sees a successful write, in this process and in others.
/// 5. Following `page_by_consumer`'s cursor to the end returns each record that exists for the whole listing exactly
///    once, and no other consumer's.
/// 6. `get` returns what was saved, byte for byte.
#[async_trait]
pub trait RecordStore<R: Record>: Debug + Send + Sync + 'static {
    /// The record, read with strong consistency.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError>;

    /// Writes `record` if the stored one is as expected, and returns its new revision.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`], [`StoreError::Conflict`], [`StoreError::Unavailable`].
    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError>;

    /// Deletes the record, and returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError>;

    /// Up to `limit` records of one consumer, after the cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<R>, StoreError>;
}

impl Stored<Row> {
    /// The record that this row holds.
    ///
    /// # Errors
    ///
    /// Those of [`Record::from_row`].
    pub fn to_record<R: Record>(&self) -> Result<Stored<R>, UnreadableField> {
        Ok(Stored { record: R::from_row(&self.record)?, revision: self.revision })
    }
}
