//! Authenticator data, WebAuthn L3 §6.1.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use minicbor::Decoder;

use super::Refusal;

/// The flags byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flags(u8);

impl Flags {
    /// UP: somebody was present.
    pub const fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// UV: the user was verified.
    pub const fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// BE: the key may be backed up.
    pub const fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// BS: the key is backed up.
    pub const fn backup_state(self) -> bool {
        self.0 & 0x10 != 0
    }

    const fn attested_data(self) -> bool {
        self.0 & 0x40 != 0
    }

    const fn extensions(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// The parsed data that the authenticator signed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the RP ID (or of a legacy AppID).
    pub rp_id_hash: [u8; 32],
    /// The flags.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
    /// The new credential, at registration.
    pub attested: Option<AttestedCredential<'a>>,
}

/// Attested credential data, §6.5.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AttestedCredential<'a> {
    /// The model of the authenticator.
    pub aaguid: [u8; 16],
    /// The credential ID.
    pub credential_id: &'a [u8],
    /// The public key, as a COSE key.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Parses the bytes. None may be left over.
    ///
    /// # Errors
    ///
    /// [`Refusal::AuthenticatorData`] if they are malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        Self::read(bytes).ok_or(Refusal::AuthenticatorData)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>()?;
        let flags = Flags(*flags);

        let mut attested = None;
        if flags.attested_data() {
            let (aaguid, tail) = rest.split_first_chunk::<16>()?;
            let (length, tail) = tail.split_first_chunk::<2>()?;
            let (credential_id, tail) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
            let (public_key, tail) = split_cbor(tail)?;
            attested = Some(AttestedCredential { aaguid: *aaguid, credential_id, public_key });
            rest = tail;
        }
        if flags.extensions() {
            // §6.1: a CBOR map. We request none of its content, so we do not judge it (§7.2 step 23).
            let mut decoder = Decoder::new(rest);
            decoder.map().ok()?;
            rest = split_cbor(rest)?.1;
        }
        let data =
            Self { rp_id_hash: *rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), attested };
        rest.is_empty().then_some(data)
    }
}

/// The first CBOR item, and what follows it. The decoder skips in a loop, so nesting costs no stack.
pub(super) fn split_cbor(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut decoder = Decoder::new(bytes);
    decoder.skip().ok()?;
    bytes.split_at_checked(decoder.position())
}
