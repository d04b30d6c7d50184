"""base64url, SHA-256, CBOR and DER, as far as authenticators need them."""

import base64
import hashlib
import json


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).digest()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def cbor(value):
    """RFC 8949 §3, for integers, byte strings, text, arrays and maps below 2^16."""
    if isinstance(value, int):
        return head(1, -1 - value) if value < 0 else head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(cbor(item) for item in value)
    return head(5, len(value)) + b"".join(cbor(name) + cbor(member) for name, member in value.items())


def head(major, length):
    kind = major << 5
    if length < 24:
        return bytes([kind | length])
    if length < 256:
        return bytes([kind | 24, length])
    return bytes([kind | 25]) + length.to_bytes(2)


def der(tag, *parts):
    data = b"".join(parts)
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + data


def certificate(key):
    """A self-signed certificate, X.509 v3: RFC 5280 §4.1."""
    algorithm = der(0x30, bytes.fromhex("06082a8648ce3d040302"))  # ecdsa-with-SHA256
    name = der(0x30, der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0C, b"compare-predecessors"))))
    validity = der(0x30, der(0x17, b"200101000000Z"), der(0x17, b"490101000000Z"))
    curve = der(0x30, bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06082a8648ce3d030107"))
    public_key = der(0x30, curve, der(0x03, b"\0", key.point))
    version = der(0xA0, b"\x02\x01\x02")
    signed = der(0x30, version, b"\x02\x01\x01", algorithm, name, validity, name, public_key)
    return der(0x30, signed, algorithm, der(0x03, b"\0", key.sign(signed)))
