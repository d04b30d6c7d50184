"""A U2F key in software: FIDO U2F Raw Message Formats v1.2."""

import secrets

from .encoding import base64url, certificate, compact, sha256
from .p256 import PrivateKey


class U2fKey:
    def __init__(self, app_id, facet=None):
        self.app_id, self.facet = app_id, facet or app_id
        self.key = PrivateKey()
        self.handle = secrets.token_bytes(64)
        self.count = 0

    def client_data(self, kind, challenge, **spoilt):
        return compact({"typ": kind, "challenge": challenge, "origin": self.facet, **spoilt})

    def register(self, challenge, signature=None, **spoilt):
        client_data = self.client_data("navigator.id.finishEnrollment", challenge, **spoilt)
        attestation = PrivateKey()
        signed = b"\0" + sha256(self.app_id) + sha256(client_data) + self.handle + self.key.point
        signature = signature or attestation.sign(signed)
        data = b"\x05" + self.key.point + bytes([len(self.handle)]) + self.handle + certificate(attestation) + signature
        return {"clientData": base64url(client_data), "registrationData": base64url(data), "version": "U2F_V2"}

    def authenticate(self, challenge, flags=1, count=None, signature=None, handle=None, client_data=None, **spoilt):
        """The counter grows by one each time."""
        self.count += 1
        count = self.count if count is None else count
        if client_data is None:
            client_data = self.client_data("navigator.id.getAssertion", challenge, **spoilt)
        state = bytes([flags]) + count.to_bytes(4)
        signature = signature or self.key.sign(sha256(self.app_id) + state + sha256(client_data))
        return {
            "clientData": base64url(client_data),
            "signatureData": base64url(state + signature),
            "keyHandle": base64url(handle or self.handle),
        }
