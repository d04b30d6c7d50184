//! Rows, the form in which stores hold records. Stores do not know what rows mean.

use uuid::Uuid;

use crate::envelope::{DataKeyId, RecordKind, Sealed};
use crate::id::ConsumerId;

/// The fields of a kind of record, in the order in which a store keeps them.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a kind, its sealed fields and its open ones; nothing else")]
pub struct Shape {
    /// The kind; it names the table.
    pub kind: RecordKind,
    /// The names of its sealed fields.
    pub sealed: &'static [&'static str],
    /// The names of its open fields, and what each holds. A time is an integer in milliseconds since 1970,
    /// and its name ends in `_at`.
    pub open: &'static [(&'static str, Holds)],
}

impl Shape {
    /// The names of all fields, the sealed ones first.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.sealed.iter().copied().chain(self.open.iter().map(|(name, _)| *name))
    }
}

/// What an open field holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "stores keep numbers and bytes")]
pub enum Holds {
    /// A whole number that is not negative.
    Integer,
    /// Bytes.
    Bytes,
}

/// The value of an open field.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "stores keep numbers and bytes")]
pub enum Open {
    /// A whole number.
    Integer(u64),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A field from a store cannot be read: it is missing, out of range or of another type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("field {0} cannot be read")]
#[expect(clippy::exhaustive_structs, reason = "a field, by its name")]
pub struct UnreadableField(pub &'static str);

/// One record: an id, an owner and the fields that are not empty.
///
/// ```
/// use mfa_core::ConsumerId;
/// use mfa_core::store::{Record, Row, TotpRecord, UnreadableField};
/// use uuid::Uuid;
///
/// let consumer = ConsumerId::of_first_key(&"f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse()?);
/// let row = Row::new(Uuid::nil(), consumer).with_bytes("secret", vec![1; 40]);
/// let record = TotpRecord::from_row(&row)?;
/// assert_eq!(record.to_row(), row.with_integer("failures", Some(0)));
///
/// let empty = Row::new(record.id.0, record.consumer);
/// assert_eq!(TotpRecord::from_row(&empty), Err(UnreadableField("secret")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "adapters build rows")]
pub struct Row {
    /// The record's id.
    pub id: Uuid,
    /// The consumer that owns it.
    pub consumer: ConsumerId,
    /// Ciphertexts, by the names of their fields.
    pub sealed: Vec<(&'static str, Vec<u8>)>,
    /// Values that a store compares or counts, by the names of their fields.
    pub open: Vec<(&'static str, Open)>,
}

impl Row {
    /// A row without fields.
    pub const fn new(id: Uuid, consumer: ConsumerId) -> Self {
        Self { id, consumer, sealed: Vec::new(), open: Vec::new() }
    }

    /// The row with a sealed field, unless `value` is `None`.
    #[must_use]
    pub fn with_sealed<T>(self, name: &'static str, value: Option<&Sealed<T>>) -> Self {
        match value {
            Some(sealed) => self.with_bytes(name, sealed.as_bytes().to_vec()),
            None => self,
        }
    }

    /// The row with a sealed field in the bytes that a store returned.
    #[must_use]
    pub fn with_bytes(mut self, name: &'static str, sealed: Vec<u8>) -> Self {
        self.sealed.push((name, sealed));
        self
    }

    /// The row with an open number, unless `value` is `None`.
    #[must_use]
    pub fn with_integer(mut self, name: &'static str, value: Option<u64>) -> Self {
        self.open.extend(value.map(|number| (name, Open::Integer(number))));
        self
    }

    /// A sealed field, if it is not empty.
    pub fn sealed(&self, name: &str) -> Option<&[u8]> {
        find(&self.sealed, name).map(Vec::as_slice)
    }

    /// An open field, if it is not empty.
    pub fn open(&self, name: &str) -> Option<&Open> {
        find(&self.open, name)
    }

    /// A sealed field with the type of its plaintext.
    pub fn sealed_as<T>(&self, name: &str) -> Option<Sealed<T>> {
        self.sealed(name).map(|bytes| Sealed::from_stored(bytes.to_vec()))
    }

    /// Reads an open number.
    ///
    /// # Errors
    ///
    /// [`UnreadableField`] if the field holds bytes or a number outside `T`'s range.
    pub fn integer<T: TryFrom<u64>>(&self, name: &'static str) -> Result<Option<T>, UnreadableField> {
        match self.open(name) {
            None => Ok(None),
            Some(Open::Integer(number)) => (*number).try_into().map(Some).map_err(|_| UnreadableField(name)),
            Some(Open::Bytes(_)) => Err(UnreadableField(name)),
        }
    }

    /// Whether every sealed field is under this data key.
    pub fn is_under(&self, data_key: DataKeyId) -> bool {
        self.sealed.iter().all(|(_, bytes)| DataKeyId::of_sealed(bytes) == Some(data_key))
    }
}

fn find<'a, T>(fields: &'a [(&'static str, T)], name: &str) -> Option<&'a T> {
    fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}
