//! Registration response messages, Raw Message Formats v1.2 §4.3.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use sha2::{Digest, Sha256};

use super::client_data::FINISH_ENROLLMENT;
use super::{AppId, LegacyU2fKey, U2fClientData, U2fRefusal};
use crate::webauthn::{Challenge, PublicKey, decode_any_base64};

/// A key's response to a registration request. Nothing in it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct U2fRegistrationResponse {
    client_data: Vec<u8>,
    registration_data: Vec<u8>,
}

impl U2fRegistrationResponse {
    /// Takes the two fields as clients send them, in any base64.
    ///
    /// # Errors
    ///
    /// [`U2fRefusal::Malformed`] if one is not base64.
    pub fn new(client_data: &str, registration_data: &str) -> Result<Self, U2fRefusal> {
        let decode = |text| decode_any_base64(text).ok_or(U2fRefusal::Malformed);
        Ok(Self { client_data: decode(client_data)?, registration_data: decode(registration_data)? })
    }

    pub(super) fn challenge(&self) -> Result<Challenge, U2fRefusal> {
        U2fClientData::parse(&self.client_data)?.challenge()
    }
}

/// Verifies `response` to the request with `challenge` for `app_id`, and returns the key.
///
/// # Errors
///
/// The first check that fails.
pub fn verify_u2f_registration(
    response: &U2fRegistrationResponse,
    challenge: &Challenge,
    app_id: &AppId,
) -> Result<LegacyU2fKey, U2fRefusal> {
    let client_data = U2fClientData::parse(&response.client_data)?;
    client_data.check(FINISH_ENROLLMENT, challenge, app_id)?;

    let message = Message::parse(&response.registration_data).ok_or(U2fRefusal::Malformed)?;
    let signed = [
        &[0x00],
        Sha256::digest(app_id.as_str().as_bytes()).as_slice(),
        Sha256::digest(&response.client_data).as_slice(),
        message.key_handle,
        message.public_key,
    ]
    .concat();
    let attested_by = PublicKey::parse(message.certificate_key).map_err(|_| U2fRefusal::Malformed)?;
    attested_by.verify(&signed, message.signature).map_err(|_| U2fRefusal::Signature)?;
    Ok(LegacyU2fKey {
        app_id: app_id.as_str().to_owned(),
        key_handle: message.key_handle.to_vec(),
        public_key: message.public_key.to_vec(),
    })
}

struct Message<'a> {
    public_key: &'a [u8],
    key_handle: &'a [u8],
    /// The P-256 point in the attestation certificate.
    certificate_key: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (0x05, rest) = bytes.split_first()? else { return None };
        let (public_key, rest) = rest.split_at_checked(65)?;
        let (length, rest) = rest.split_first()?;
        let (key_handle, rest) = rest.split_at_checked(usize::from(*length))?;
        let (certificate, signature) = split_der(rest)?;
        let (whole, tail) = split_der(signature)?;
        // Exactly one signature, a handle, and a point on the curve.
        let on_curve = PublicKey::parse(public_key).is_ok_and(|key| key.check().is_ok());
        (on_curve && !key_handle.is_empty() && tail.is_empty()).then_some(())?;
        let certificate_key = point_of(certificate)?;
        Some(Self { public_key, key_handle, certificate_key, signature: whole })
    }
}

/// The first DER element with its header (X.690 §8.1), and what follows it.
fn split_der(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, content) = header(bytes)?;
    bytes.split_at_checked(header.checked_add(content)?)
}

/// The content of the first DER element, and what follows it.
fn open_der(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, _) = header(bytes)?;
    let (element, rest) = split_der(bytes)?;
    Some((element.get(header..)?, rest))
}

/// The lengths of header and content.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        length @ ..=0x7f => Some((2, length.into())),
        0x81 => Some((3, usize::from(*bytes.get(2)?))),
        0x82 => {
            let length = bytes.get(2..4)?.first_chunk::<2>()?;
            Some((4, u16::from_be_bytes(*length).into()))
        }
        _ => None,
    }
}

/// The public key of an X.509 certificate (RFC 5280 §4.1). Nothing else is read: we do not chain certificates
/// to roots, and some of Yubico's break DER in the unused bits of their signature (R29).
fn point_of(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = open_der(certificate)?;
    let (mut fields, _) = open_der(certificate)?;
    // The version is optional, tagged [0]; then serial number, algorithm, issuer, validity, subject.
    if fields.first() == Some(&0xa0) {
        fields = split_der(fields)?.1;
    }
    for _ in 0..5 {
        fields = split_der(fields)?.1;
    }
    let (key_info, _) = open_der(fields)?;
    let (_algorithm, key) = split_der(key_info)?;
    let (bits, _) = open_der(key)?;
    // A bit string begins with the number of unused bits.
    let (_, point) = bits.split_first()?;
    (point.len() == 65 && point.first() == Some(&0x04)).then_some(point)
}
