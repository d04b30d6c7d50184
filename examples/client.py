#!/usr/bin/env python3
"""A consumer of the HTTP service, with nothing but Python's standard library.

Enrols a TOTP, computes its code as an authenticator app does, validates it, sees it refused a second time, begins a
WebAuthn registration, deletes the TOTP; and reads errors, which have a status and a stable `code`.

    MFA_URL=http://127.0.0.1:8080 MFA_API_KEY=… MFA_API_SECRET=… python3 examples/client.py
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ["MFA_URL"].rstrip("/")
# From the environment: other users of the machine see a program's arguments.
CREDENTIALS = {"x-mfa-apikey": os.environ["MFA_API_KEY"], "x-mfa-apisecret": os.environ["MFA_API_SECRET"]}


class MfaError(Exception):
    """What the service refused, and why. Decide by `status` and `code`; `message` is for people."""

    def __init__(self, status, body, retry_after):
        self.status = status
        self.code = body.get("code", "")
        self.message = body.get("message", "")
        # Seconds, with 429 (too many wrong codes) and 503 (try again).
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.message}")


def call(method, path, body=None, headers=None):
    """Sends a request; returns the JSON that came back, or None."""
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if method == "GET" else json.dumps(body or {}).encode(),
        headers={"content-type": "application/json", **CREDENTIALS, **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            body = json.loads(text)
        except ValueError:  # not the service's own words but those of a proxy before it
            body = {"message": error.reason}
        raise MfaError(error.code, body, error.headers.get("retry-after")) from None
    return json.loads(text) if text else None


def totp(key, now):
    """RFC 6238: HMAC-SHA-1 over the number of the half minute, truncated (RFC 4226 §5.3) to six digits."""
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    mac = hmac.digest(secret, (int(now) // 30).to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def main():
    enrolled = call("POST", "/totp", {"issuer": "Acme", "label": "jo@example.com"})
    path = f"/totp/{enrolled['uuid']}"
    print("enrolled", enrolled["uuid"])

    code = totp(enrolled["totpKey"], time.time())
    print("validated:", call("POST", path + "/validate", {"code": code})["message"])
    try:
        call("POST", path + "/validate", {"code": code})
    except MfaError as error:
        print("a second time:", error)
        if (error.status, error.code) != (401, "code-not-accepted"):
            raise
    else:
        sys.exit("a code was accepted twice")

    relying_party = {
        "x-mfa-RPDisplayName": "Acme",
        "x-mfa-RPID": "example.com",
        "x-mfa-RPOrigin": "https://example.com",
    }
    user = {"x-mfa-Username": "jo@example.com", "x-mfa-UserDisplayName": "Jo"}
    # Pass these to navigator.credentials.create() in the user's browser, and send its answer with PUT.
    options = call("POST", "/webauthn/register", headers={**relying_party, **user})["publicKey"]
    challenge = base64.urlsafe_b64decode(options["challenge"] + "==")
    print("began a registration, challenge of", len(challenge), "bytes")

    call("DELETE", path)
    try:
        call("GET", path)
    except MfaError as error:
        print("deleted:", error)
        if error.status != 404:
            raise
    else:
        sys.exit("it is still there")


try:
    main()
except MfaError as error:
    sys.exit(f"refused: {error}")
