//! How a record came to be under the newest data key.

/// What became of a record that a rotation was to seal anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reencrypted {
    /// This call rewrote it.
    ByUs,
    /// It was under the newest data key already.
    BeforeUs,
    /// It no longer exists.
    Gone,
}
