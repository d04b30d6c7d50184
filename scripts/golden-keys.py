#!/usr/bin/env python3
"""Writes mfa-core/src/envelope/golden_keys.txt: HKDF-SHA256 (RFC 5869) by Python's hmac alone."""

import hashlib
import hmac


def hkdf(key_material, info):
    extracted = hmac.new(bytes(32), key_material, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).hexdigest()


def parts(*texts):
    return b"".join(len(text).to_bytes(8, "big") + text.encode() for text in texts)


secret = b"y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM="
key = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33"
print("verifier", hkdf(secret, b"mfa/1/verifier" + parts(key)))
print("check", hkdf(secret, b"mfa/1/check" + parts(key))[:8])
print("kek", hkdf(secret, b"mfa/1/kek" + parts(key, key)))
print("record", hkdf(b"\x07" * 32, b"mfa/1/record" + parts(key, "totp", "id", "secret")))
