//! The outcome of re-encrypting one record.

/// What happened to a record that a rotation was to re-seal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reencrypted {
    /// This call rewrote it.
    ByUs,
    /// It was under the newest data key already.
    BeforeUs,
    /// It no longer exists.
    Gone,
}
