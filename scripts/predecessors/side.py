"""One of the two servers, and the consumers that the requests are made for."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
import urllib.parse
import uuid

from .answer import Answer

EMAIL = "compare-predecessors@example.com"
RP_ID, ORIGIN = "example.com", "https://login.example.com"
STEP = 30


class CannotGoOn(Exception):
    """What a request needs could not be made."""


class Consumer:
    """An API key and its secret."""

    def __init__(self, key, secret):
        self.key, self.secret = key, secret

    @classmethod
    def unknown(cls):
        return cls(secrets.token_hex(20), base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def headers(self):
        return {"x-mfa-apikey": self.key, "x-mfa-apisecret": self.secret}


class Side:
    """`kind` is the predecessor whose requests are sent; `keys` are pending API keys, where the server lists none."""

    def __init__(self, kind, url, admin_key, keys=None):
        self.kind = kind
        self.url = urllib.parse.urlsplit(url)
        self.admin = {"x-api-key": admin_key} if admin_key else {}
        self.keys = keys
        self.answers = {}
        self.names = {}
        self.consumer = self.other = None

    def begin(self):
        self.consumer, self.other = self.activated(), self.activated()

    def call(self, method, path, body=None, headers=None):
        """Sends a request that only prepares others."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        secure = self.url.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self.url.netloc, timeout=60)
        try:
            connection.putrequest(method, self.url.path.rstrip("/") + path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value.encode() if isinstance(value, str) else value)
            if body is not None or method != "GET":
                connection.putheader("content-length", str(len(body or b"")))
            connection.endheaders(body)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read(), self.names)
        except (http.client.HTTPException, ConnectionError):
            # The Go server closes the connection when it panics, and Node's development server ends.
            return Answer(502, {}, b"", self.names)
        finally:
            connection.close()

    def send(self, name, method, path, body=None, headers=None):
        """Sends a request whose answer is compared under this name."""
        return self.keep(name, self.call(method, path, body, headers))

    def keep(self, name, answer):
        if name in self.answers:
            raise ValueError(f"two requests are called {name}")
        self.answers[name] = answer
        return answer

    def needed(self, method, path, body=None, headers=None):
        """Sends a request that others rest on, and returns the body of its answer."""
        answer = self.call(method, path, body, headers)
        return need(answer, f"{method} {path}")

    @property
    def spelling(self):
        return "apiKey" if self.kind == "node" else "apiKeyValue"

    def pending(self):
        """A new API key."""
        if self.keys is not None:
            if not self.keys:
                raise CannotGoOn("there are not enough pending API keys")
            return self.keys.pop(0)
        before = self.listed()
        self.needed("POST", "/api-key", {"email": EMAIL}, self.admin)
        return (self.listed() - before).pop()

    def listed(self):
        keys, path = set(), "/api-key"
        while path:
            page = self.needed("GET", path, headers=self.admin)
            keys |= {key["value"] for key in page["keys"]}
            path = page["next"] and f"/api-key?after={urllib.parse.quote(page['next'])}"
        return keys

    def activated(self):
        """A new consumer."""
        key = self.pending()
        body = self.needed("POST", "/api-key/activate", {"email": EMAIL, self.spelling: key}, self.admin)
        return Consumer(key, body["apiSecret"])

    def enrolled(self, consumer=None):
        """A new TOTP: its uuid and its key."""
        body = self.needed("POST", "/totp", {}, (consumer or self.consumer).headers)
        return body["uuid"], body["totpKey"]

    def webauthn(self, uuid=None, consumer=None, **others):
        """The headers of a WebAuthn request. A header that is None is left out."""
        headers = {
            **(consumer or self.consumer).headers,
            "x-mfa-RPDisplayName": "ACME",
            "x-mfa-RPID": RP_ID,
            "x-mfa-RPOrigin": ORIGIN,
            "x-mfa-Username": "jo",
            "x-mfa-UserDisplayName": "Jo",
            "x-mfa-UserUUID": uuid,
            **{f"x-mfa-{name}": value for name, value in others.items()},
        }
        return {name: value for name, value in headers.items() if value is not None}


def need(answer, what):
    if not 200 <= answer.status < 300:
        raise CannotGoOn(f"{what} was answered {answer.status}: {answer.body}")
    return answer.body


def code(key, steps=0):
    """The TOTP code of the current time step, or of one `steps` later. Waits where the step is about to end."""
    left = STEP - time.time() % STEP
    if left < 3:
        time.sleep(left)
    step = int(time.time() // STEP) + steps
    mac = hmac.digest(base64.b32decode(key), step.to_bytes(8), hashlib.sha1)
    offset = mac[-1] & 0xF
    return f"{(int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def new_uuid():
    return str(uuid.uuid4())


FLOWS = []


def flow(*kinds):
    """Marks requests that build on each other, and the predecessors that they are sent to."""

    def register(function):
        FLOWS.append((kinds, function))
        return function

    return register
