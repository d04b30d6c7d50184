//! The flaws of rows, and what to do about them.

/// Why a row cannot be used, or needs attention.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub enum Flaw {
    /// A part of the row cannot be read.
    Damaged,
    /// A sealed value has a version that this program does not know.
    UnknownVersion,
    /// A sealed value is in no known format.
    Shapeless,
    /// A legacy ciphertext stands beside ours.
    MixedFormats,
    /// The legacy U2F key lacks a part.
    IncompleteU2fKey,
    /// The row names no owner.
    NoOwner,
    /// The row's owner has no API key.
    NoApiKey,
    /// Every API key of the row's owner is revoked, expired or pending.
    NoUsableKey,
    /// The row is sealed under a data key, but no usable API key of its owner has a keyring.
    NoKeyring,
    /// The hash of an API secret is of an unknown kind.
    UnknownHash,
    /// A rotation to this API key is unfinished.
    HalfRotated,
    /// The store's index has lost the row.
    NotIndexed,
}

impl Flaw {
    /// What is wrong, to end a sentence about one or more rows.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Damaged => "cannot be read",
            Self::UnknownVersion => "sealed in a version that this program does not know",
            Self::Shapeless => "sealed in no known format: cut short or changed",
            Self::MixedFormats => "a predecessor's ciphertext beside ours, which is refused",
            Self::IncompleteU2fKey => "a U2F key that lacks a part",
            Self::NoOwner => "no owner",
            Self::NoApiKey => "the owner has no API key",
            Self::NoUsableKey => "every API key of the owner is revoked, expired or pending",
            Self::NoKeyring => "sealed here, but no usable API key of the owner has a keyring",
            Self::UnknownHash => "active with a hash of an unknown kind, so no secret is right",
            Self::HalfRotated => "a rotation to it is half done",
            Self::NotIndexed => "missing from an index, so listings do not show it",
        }
    }

    /// What to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Damaged | Self::Shapeless | Self::IncompleteU2fKey => {
                "restore these rows from a backup, or delete them and have their users enrol again"
            }
            Self::UnknownVersion => "use the program that wrote them, or a newer one",
            Self::MixedFormats => {
                "find out who writes to this store besides mfa-http, and restore from a backup"
            }
            Self::NoOwner => "delete them: no API key reaches them",
            Self::NoApiKey => "restore the API key from a backup, or delete these rows",
            Self::NoUsableKey => "nothing can open these rows: delete them, and have their users enrol again",
            Self::NoKeyring => "restore the API key's row from a backup: its keyring is gone",
            Self::UnknownHash => "restore these API keys from a backup, or revoke them",
            Self::NotIndexed => "call `mfa-http doctor --repair`",
            Self::HalfRotated => "call `mfa-http api-key rotate` again, or `mfa-http api-key upgrade`",
        }
    }
}

/// All rows of one kind with one flaw.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub flaw: Flaw,
    /// The kind of the rows.
    pub kind: &'static str,
    /// The number of rows.
    pub count: u64,
    /// The beginnings of some ids of the rows, or of their owners if the flaw is the owner's.
    pub examples: Vec<String>,
    /// What to do.
    pub advice: &'static str,
}

impl Problem {
    /// The most examples that are kept.
    const EXAMPLES: usize = 5;

    pub(super) const fn new(flaw: Flaw, kind: &'static str) -> Self {
        Self { flaw, kind, count: 0, examples: Vec::new(), advice: flaw.advice() }
    }

    pub(super) fn add(&mut self, count: u64, example: String) {
        self.count += count;
        if self.examples.len() < Self::EXAMPLES && !self.examples.contains(&example) {
            self.examples.push(example);
        }
    }
}
