//! Record ids.

use uuid::Uuid;

/// The text is not an id of the one form in which ids are given out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is a UUID in lower case with hyphens")]
pub struct InvalidId;

/// Reads a UUID in its canonical form only (RFC 9562 §4): one record, one spelling.
pub(crate) fn canonical_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
    if uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) != text {
        return Err(InvalidId);
    }
    Ok(uuid)
}
