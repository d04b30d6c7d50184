//! What the caller chooses for one answer, in the query.

use mfa_store_conformance::kit::authenticator::{BE, BS, UP, UV};
use serde::Deserialize;

/// The query. What it leaves out, the defaults of `docs/simulator.md` decide.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Choices {
    /// The page's origin.
    pub(crate) origin: Option<String>,
    /// Of a registration.
    pub(crate) algorithm: Option<Algorithm>,
    /// Of a login: a credential ID.
    pub(crate) credential: Option<String>,
    /// The answer's signature counter.
    pub(crate) counter: Option<u32>,
    user_present: Option<bool>,
    user_verified: Option<bool>,
    backup_eligible: Option<bool>,
    backed_up: Option<bool>,
}

impl Choices {
    /// `flags` with those that the caller chose.
    pub(crate) fn flags(&self, flags: u8) -> u8 {
        let chosen = [
            (UP, self.user_present),
            (UV, self.user_verified),
            (BE, self.backup_eligible),
            (BS, self.backed_up),
        ];
        chosen.into_iter().fold(flags, |flags, (bit, choice)| match choice {
            Some(true) => flags | bit,
            Some(false) => flags & !bit,
            None => flags,
        })
    }
}

/// The algorithms of the simulator's keys.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "ES512")]
    Es512,
    #[serde(rename = "EdDSA")]
    EdDsa,
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// The algorithm of a COSE identifier.
    pub(crate) fn of(identifier: i64) -> Option<Self> {
        [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa, Self::Rs256]
            .into_iter()
            .find(|algorithm| i64::from(algorithm.identifier()) == identifier)
    }

    /// Its COSE identifier.
    pub(crate) const fn identifier(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }
}
