"""A passkey in software: ES256, attestation "none" (WebAuthn L3 §6.5.4 and §8.7). Each part of a response can be spoilt."""

import secrets

from .encoding import base64url, cbor, compact, sha256
from .p256 import PrivateKey

PRESENT, ATTESTED = 0x01, 0x40


class Passkey:
    def __init__(self, origin, rp_id):
        self.origin, self.rp_id = origin, rp_id
        self.key = PrivateKey()
        self.id = secrets.token_bytes(32)
        self.count = 0

    @property
    def hash(self):
        """The credential's `key_handle_hash`."""
        return base64url(sha256(self.id))

    def client_data(self, kind, challenge, **spoilt):
        return compact(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **spoilt},
        )

    def create(
        self,
        challenge,
        *,
        flags=PRESENT | ATTESTED,
        rp_id_hash=None,
        fmt="none",
        statement=None,
        cose=None,
        members=None,
        client_data=None,
        attestation_object=None,
        authenticator_data=None,
        **spoilt,
    ):
        """What `navigator.credentials.create()` returns."""
        if client_data is None:
            client_data = self.client_data("webauthn.create", challenge, **spoilt)
        if authenticator_data is None:
            key = cbor(cose or {1: 2, 3: -7, -1: 1, -2: self.key.x, -3: self.key.y})
            attested = bytes(16) + len(self.id).to_bytes(2) + self.id + key if flags & ATTESTED else b""
            rp_id_hash = sha256(self.rp_id) if rp_id_hash is None else rp_id_hash
            authenticator_data = rp_id_hash + bytes([flags]) + bytes(4) + attested
        if attestation_object is None:
            parts = {"fmt": fmt, "attStmt": statement or {}, "authData": authenticator_data, **(members or {})}
            attestation_object = cbor(parts)
        return self.response(
            clientDataJSON=base64url(client_data),
            attestationObject=base64url(attestation_object),
        )

    def get(
        self,
        challenge,
        *,
        flags=PRESENT,
        rp_id_hash=None,
        count=None,
        user_handle=None,
        signature=None,
        client_data=None,
        authenticator_data=None,
        **spoilt,
    ):
        """What `navigator.credentials.get()` returns. The counter grows by one each time."""
        self.count += 1
        if client_data is None:
            client_data = self.client_data("webauthn.get", challenge, **spoilt)
        count = self.count if count is None else count
        rp_id_hash = sha256(self.rp_id) if rp_id_hash is None else rp_id_hash
        data = authenticator_data or rp_id_hash + bytes([flags]) + count.to_bytes(4)
        signature = self.key.sign(data + sha256(client_data)) if signature is None else signature
        response = self.response(
            clientDataJSON=base64url(client_data),
            authenticatorData=base64url(data),
            signature=base64url(signature),
        )
        if user_handle is not None:
            response["response"]["userHandle"] = user_handle
        return response

    def response(self, **response):
        return {
            "id": base64url(self.id),
            "rawId": base64url(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
