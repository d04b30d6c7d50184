"""ECDSA on P-256 with SHA-256, for tests only: it is slow, and its time depends on the key."""

import hashlib
import secrets

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(p, q):
    """The sum of two points. None is the point at infinity."""
    if p is None or q is None:
        return p or q
    (x1, y1), (x2, y2) = p, q
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = 3 * (x1 * x1 - 1) * pow(2 * y1, -1, P)  # The curve's a is -3.
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point = add(point, point)
        k >>= 1
    return total


def integer(value):
    """An INTEGER in DER."""
    data = value.to_bytes(value.bit_length() // 8 + 1)
    return b"\x02" + bytes([len(data)]) + data


class PrivateKey:
    def __init__(self):
        self.secret = secrets.randbelow(N - 1) + 1
        x, y = multiply(self.secret, G)
        self.x, self.y = x.to_bytes(32), y.to_bytes(32)

    @property
    def point(self):
        """The public key, uncompressed: SEC 1 §2.3.3."""
        return b"\x04" + self.x + self.y

    def sign(self, message):
        """A signature in DER: SEC 1 §4.1.3."""
        e = int.from_bytes(hashlib.sha256(message).digest())
        while True:
            k = secrets.randbelow(N - 1) + 1
            r = multiply(k, G)[0] % N
            s = pow(k, -1, N) * (e + r * self.secret) % N
            if r and s:
                pair = integer(r) + integer(s)
                return b"\x30" + bytes([len(pair)]) + pair
