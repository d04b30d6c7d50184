"""U2F, which Node serves."""

import base64

from .encoding import base64url, from_base64url
from .side import Consumer, flow, new_uuid
from .u2f_key import U2fKey

APP_ID = "https://example.com"
FOREIGN = "https://evil.example"
APP_IDS = {
    "a file": "https://login.example.com/app-id.json",
    "a bare slash": "https://example.com/",
    "a port": "https://example.com:8443",
    "localhost": "http://localhost:3000",
    "http": "http://example.com",
    "not a URL": "example",
    "an address": "https://192.0.2.1",
}


class Record:
    """A U2F record of a consumer, and the key that it is for."""

    def __init__(self, side, app_id=APP_ID, facet=None):
        self.side, self.headers = side, side.consumer.headers
        begun = side.needed("POST", "/u2f", {"appId": app_id}, self.headers)
        self.uuid, self.challenge = begun["uuid"], begun["challenge"]["challenge"]
        self.path = f"/u2f/{self.uuid}"
        self.key = U2fKey(app_id, facet)
        side.names[base64url(self.key.handle)] = "<the key handle>"

    def registered(self):
        result = {"signResult": self.key.register(self.challenge)}
        self.side.needed("PUT", self.path, result, self.headers)
        return self

    def begun(self):
        """The challenge of a new authentication."""
        return self.side.needed("POST", f"{self.path}/auth", "[]", self.headers)["challenge"]

    def finish_registration(self, name, result):
        self.side.send(f"u2f register: {name}", "PUT", self.path, {"signResult": result}, self.headers)

    def finish(self, name, body):
        return self.side.send(f"u2f finish: {name}", "PUT", f"{self.path}/auth", body, self.headers)


@flow("node")
def begin_registration(side):
    def send(name, body, consumer=side.consumer):
        side.send(f"u2f: {name}", "POST", "/u2f", body, consumer.headers)

    send("ok", {"appId": APP_ID})
    for name, app_id in APP_IDS.items():
        send(f"appId {name}", {"appId": app_id})
    send("no appId", {})
    send("array", [])
    send("appId a number", {"appId": 7})
    send("malformed", "{")
    send("null", "null")
    send("unknown key", {"appId": APP_ID}, Consumer.unknown())


@flow("node")
def finish_registration(side):
    record = Record(side)
    result = record.key.register(record.challenge)
    record.finish_registration("ok", result)
    record.finish_registration("again", result)

    def spoilt(name, change=None, **spoilt):
        record = Record(side)
        result = record.key.register(spoilt.pop("challenge", record.challenge), **spoilt)
        record.finish_registration(name, {**result, **(change or {})})

    spoilt("another challenge", challenge="A" * 43)
    spoilt("another signature", signature=U2fKey(APP_ID).key.sign(b"something else"))
    spoilt("foreign origin", origin=FOREIGN)
    spoilt("typ of an authentication", typ="navigator.id.getAssertion")
    spoilt("undecodable registrationData", {"registrationData": "BQ"})
    record = Record(side)
    standard = record.key.register(record.challenge)
    for name in ("clientData", "registrationData"):
        standard[name] = standard_base64(standard[name])
    record.finish_registration("standard base64", standard)
    Record(side).finish_registration("null", None)
    Record(side).finish_registration("empty", {})

    record = Record(side)
    refused = record.key.register(record.challenge, signature=U2fKey(APP_ID).key.sign(b"something else"))
    side.call("PUT", record.path, {"signResult": refused}, side.consumer.headers)
    record.finish_registration("after a refusal", record.key.register(record.challenge))

    record = Record(side)
    body = {"signResult": record.key.register(record.challenge)}
    side.send("u2f register: unknown uuid", "PUT", f"/u2f/{new_uuid()}", body, side.consumer.headers)
    side.send("u2f register: another consumer's uuid", "PUT", record.path, body, side.other.headers)
    side.send("u2f register: unknown key", "PUT", record.path, body, Consumer.unknown().headers)
    side.send("u2f register: empty uuid", "PUT", "/u2f/", body, side.consumer.headers)


@flow("node")
def begin_authentication(side):
    def send(name, path, body="[]", consumer=side.consumer):
        side.send(f"u2f begin: {name}", "POST", path, body, consumer.headers)

    send("not registered", f"{Record(side).path}/auth")
    record = Record(side).registered()
    send("ok", f"{record.path}/auth")
    send("malformed body", f"{record.path}/auth", "{")
    send("no body", f"{record.path}/auth", None)
    send("unknown uuid", f"/u2f/{new_uuid()}/auth")
    send("another consumer's uuid", f"{record.path}/auth", consumer=side.other)
    send("unknown key", f"{record.path}/auth", consumer=Consumer.unknown())
    send("empty uuid", "/u2f//auth")


@flow("node")
def finish_authentication(side):
    record = Record(side).registered()
    result = record.key.authenticate(record.begun())
    record.finish("ok", {"signResult": result})
    record.finish("again", {"signResult": result})

    def spoilt(name, change=None, **spoilt):
        result = record.key.authenticate(spoilt.pop("challenge", None) or record.begun(), **spoilt)
        record.finish(name, {"signResult": {**result, **(change or {})}})

    record.begun()
    spoilt("another challenge", challenge="A" * 43)
    spoilt("another signature", signature=U2fKey(APP_ID).key.sign(b"something else"))
    spoilt("clientData not JSON", client_data=b"no JSON")
    spoilt("foreign origin", origin=FOREIGN)
    spoilt("typ of a registration", typ="navigator.id.finishEnrollment")
    spoilt("user not present", flags=0)
    spoilt("another key handle", handle=b"another handle")
    spoilt("errorCode and errorMessage", {"errorCode": 5, "errorMessage": "The token timed out."})
    spoilt("errorCode", {"errorCode": 4})
    spoilt("counter 0", count=0)
    result = record.key.authenticate(record.begun())
    for name in ("clientData", "signatureData"):
        result[name] = standard_base64(result[name])
    record.finish("standard base64", {"signResult": result})
    for name, body in {"no signResult": {}, "a string": {"signResult": "text"}}.items():
        record.begun()
        record.finish(name, body)

    challenge = record.begun()
    refused = record.key.authenticate(challenge, signature=U2fKey(APP_ID).key.sign(b"something else"))
    side.call("PUT", f"{record.path}/auth", {"signResult": refused}, side.consumer.headers)
    record.finish("after a refusal", {"signResult": record.key.authenticate(challenge)})

    Record(side).finish("not registered", {"signResult": result})
    path = f"{record.path}/auth"
    body = {"signResult": record.key.authenticate(record.begun())}
    side.send("u2f finish: unknown uuid", "PUT", f"/u2f/{new_uuid()}/auth", body, side.consumer.headers)
    side.send("u2f finish: another consumer's uuid", "PUT", path, body, side.other.headers)
    side.send("u2f finish: unknown key", "PUT", path, body, Consumer.unknown().headers)
    record = Record(side, facet="https://www.example.com").registered()
    record.finish("a subdomain of the AppID", {"signResult": record.key.authenticate(record.begun())})


@flow("node")
def siblings(side):
    """A page on a sibling of the AppID's host."""
    record = Record(side, "https://profile.example.com/app-id.json", "https://login.example.com")
    record.finish_registration("a sibling of the AppID", record.key.register(record.challenge))


@flow("node")
def delete(side):
    def send(name, path, consumer=side.consumer):
        side.send(f"delete u2f: {name}", "DELETE", path, "[]", consumer.headers)

    path = Record(side).registered().path
    send("unknown key", path, Consumer.unknown())
    send("another consumer's uuid", path, side.other)
    send("ok", path)
    send("again", path)
    send("unknown uuid", f"/u2f/{new_uuid()}")
    send("empty uuid", "/u2f/")


@flow("go")
def not_served(side):
    headers, path = side.webauthn(), f"/u2f/{new_uuid()}"
    side.send("u2f: Go", "POST", "/u2f", {"appId": APP_ID}, headers)
    side.send("u2f register: Go", "PUT", path, {"signResult": {}}, headers)
    side.send("u2f begin: Go", "POST", f"{path}/auth", "[]", headers)
    side.send("u2f finish: Go", "PUT", f"{path}/auth", {"signResult": {}}, headers)
    side.send("delete u2f: Go", "DELETE", path, "[]", headers)


def standard_base64(text):
    return base64.b64encode(from_base64url(text)).decode()
