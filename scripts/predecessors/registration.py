"""Registration of a passkey, which Go serves."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

from .answer import at_once
from .encoding import certificate, from_base64url, sha256
from .p256 import PrivateKey
from .passkey import ATTESTED, PRESENT, Passkey
from .side import ORIGIN, RP_ID, flow, new_uuid

PATH = "/webauthn/register"


class Begun:
    """A registration that has begun. `others` are headers of its beginning, None to leave one out."""

    def __init__(self, side, uuid=None, origin=ORIGIN, rp_id=RP_ID, **others):
        self.side = side
        headers = side.webauthn(uuid, **{"RPID": rp_id, **others})
        body = side.needed("POST", PATH, "[]", headers)
        self.uuid, self.challenge = body["uuid"], body["publicKey"]["challenge"]
        self.headers = side.webauthn(self.uuid, others.get("consumer"), RPID=rp_id, RPOrigin=origin)
        self.key = Passkey(origin, rp_id)
        side.names[self.key.hash] = "<hash of the key>"

    def finish(self, name, body=None, headers=None, **spoilt):
        challenge = spoilt.pop("challenge", self.challenge)
        body = self.key.create(challenge, **spoilt) if body is None else body
        self.side.send(f"register: {name}", "PUT", PATH, body, headers or self.headers)

    def registered(self):
        self.side.needed("PUT", PATH, self.key.create(self.challenge), self.headers)
        return self


@flow("go")
def begin(side):
    def send(name, uuid=None, body="[]", **others):
        return side.send(f"begin register: {name}", "POST", PATH, body, side.webauthn(uuid, **others))

    uuid = send("no user").body.get("uuid")
    send("the user again", uuid)
    send("unknown user", new_uuid())
    for name, body in {"object": "{}", "no body": None, "malformed": "{"}.items():
        send(f"body {name}", body=body)
    send("no origin", RPOrigin=None)
    send("origin empty", RPOrigin="")
    send("icons", RPIcon="https://example.com/icon.png", UserIcon="https://example.com/jo.png")
    send("UTF-8", Username="jö@example.com", UserDisplayName="Jö Ω 名")
    send("an RP ID that is an origin", RPID="http://app99", RPOrigin="http://app99")
    send("localhost", RPID="localhost", RPOrigin="http://localhost:3000")
    send("RP ID with a trailing dot", RPID="example.com.", RPOrigin=ORIGIN + ".")
    send("user that is not a UUID", "jo")
    send("origin outside the RP ID", RPOrigin="https://evil.example")
    send("another consumer's user", uuid, consumer=side.other)
    send("a user with a key", Begun(side).registered().uuid)
    side.send("finish register: another consumer's user", "PUT", PATH, "[]", side.webauthn(uuid, consumer=side.other))


@flow("go")
def finish(side):
    begun = Begun(side)
    body = begun.key.create(begun.challenge)
    begun.finish("ok", body)
    begun.finish("again", body)
    again = Begun(side, begun.uuid)
    again.key = begun.key
    again.finish("a key of the user")

    Begun(side).finish("never begun", headers=side.webauthn(new_uuid()))
    Begun(side).finish("no user", headers=side.webauthn())
    Begun(side).finish("another challenge", challenge="A" * 43)
    Begun(side).finish("type of a login", type="webauthn.get")
    Begun(side).finish("foreign origin", origin="https://evil.example")
    Begun(side).finish("origin not a URL", origin="%zz")
    Begun(side).finish("another RP ID's hash", rp_id_hash=sha256("evil.example"))
    Begun(side).finish("a hash of zeros", rp_id_hash=bytes(32))
    Begun(side).finish("user not present", flags=ATTESTED)
    Begun(side).finish("cross-origin", crossOrigin=True)
    Begun(side).finish("topOrigin", topOrigin="https://evil.example")
    Begun(side).finish("no attested key", flags=PRESENT)
    Begun(side).finish("short authenticator data", authenticator_data=bytes(10))
    Begun(side).finish("unknown format", fmt="unknown")
    Begun(side).finish("none with a statement", statement={"alg": -7})
    Begun(side).finish("packed without alg", fmt="packed", statement={"sig": b"no signature"})
    Begun(side).finish("attestation object not CBOR", attestation_object=b"\xff\xff")
    Begun(side).finish("client data not JSON", client_data=b"no JSON")
    Begun(side).finish("unknown member of the attestation object", members={"AuthData": b"anything"})
    begun = Begun(side)
    begun.finish("key without a curve", cose=without_curve(begun.key))

    begun = Begun(side)
    side.call("PUT", PATH, begun.key.create(begun.challenge, flags=ATTESTED), begun.headers)
    begun.finish("after a refusal")
    begun = Begun(side)
    Begun(side, begun.uuid)
    begun.finish("the challenge before the last")
    begun = Begun(side)
    body = begun.key.create(begun.challenge)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: side.call("PUT", PATH, body, begun.headers), range(6)))
    side.keep("register: six at once", at_once("accepted", answers))


@flow("go")
def bodies(side):
    """Spellings of a body, each from a registration of its own."""

    def send(name, change):
        begun = Begun(side)
        begun.finish(name, change(begun.key.create(begun.challenge)))

    def without(*names):
        return lambda body: {name: member for name, member in body.items() if name not in names}

    def response(**members):
        return lambda body: {**body, "response": {**body["response"], **members}}

    def escaped(body):
        # The slash is escaped as PHP does it.
        return json.dumps({**body, "note": "a/b"}).replace("/", "\\/")

    def padded(alphabet):
        def change(body):
            encoded = {k: alphabet(from_base64url(v)).decode() for k, v in body["response"].items()}
            return {**body, "rawId": alphabet(from_base64url(body["rawId"])).decode(), "response": encoded}

        return change

    send("body empty", lambda body: "")
    send("body an array", lambda body: "[]")
    send("body malformed", lambda body: "{")
    send("text after the value", lambda body: json.dumps(body) + " x")
    send("no id", without("id"))
    send("id empty", lambda body: {**body, "id": ""})
    send("id not base64url", lambda body: {**body, "id": "!"})
    send("id a number", lambda body: {**body, "id": 7})
    send("client data not base64", response(clientDataJSON="!"))
    send("another id", lambda body: {**body, "id": "YW5vdGhlcg", "rawId": "YW5vdGhlcg"})
    send("no type", without("type"))
    send("another type", lambda body: {**body, "type": "password"})
    send("no response", without("response"))
    send("extension results null", lambda body: {**body, "clientExtensionResults": None})
    send("extension results absent", without("clientExtensionResults"))
    send("extension results an array", lambda body: {**body, "clientExtensionResults": []})
    send("unknown members", lambda body: {**body, "user": {"id": "jo"}, "transports": ["usb"]})
    send("standard base64", padded(base64.standard_b64encode))
    send("padded base64url", padded(base64.urlsafe_b64encode))
    send("escaped slash", escaped)


@flow("go")
def origins(side):
    def send(name, finish=None, rp_id=RP_ID, begin=ORIGIN, origin=ORIGIN):
        begun = Begun(side, rp_id=rp_id, origin=origin, RPOrigin=begin)
        headers = side.webauthn(begun.uuid, RPID=rp_id, RPOrigin=finish)
        begun.finish(f"origin {name}", headers=headers)

    send("named at the finish only", ORIGIN, begin=None)
    send("empty at the beginning", ORIGIN, begin="")
    send("of a sibling at the beginning", ORIGIN, begin="https://other.example.com")
    send("in capitals", "https://LOGIN.example.com")
    send("in capitals at the beginning", ORIGIN, begin="https://LOGIN.EXAMPLE.COM")
    send("with a trailing slash", ORIGIN + "/")
    send("of a sibling at the finish", "https://other.example.com")
    send("nowhere", None, begin=None)
    send("empty everywhere", "", begin="")
    send("is the RP ID", "http://app99", "http://app99", "http://app99", "http://app99")
    send("nowhere, RP ID is one", None, "http://app99", None, "http://app99")
    send("empty, RP ID is one", "", "http://app99", "", "http://app99")
    dotted = ORIGIN + "."
    send("of an RP ID with a trailing dot", dotted, "example.com.", dotted, dotted)
    send("without the dot of the RP ID", ORIGIN, "example.com.")
    app = "android:apk-key-hash:" + "A" * 43
    send("of an Android app", app, begin=app, origin=app)
    send("of the client in capitals", ORIGIN, origin="https://LOGIN.example.com")
    send("of the client with a path", ORIGIN, origin=ORIGIN + "/path?query")
    send("of localhost", "http://localhost:3000", "localhost", "http://localhost:3000", "http://localhost:3000")


@flow("go")
def simulator(side):
    """What the U2F simulator of Go's tests registers. Its RP ID and origin are the same string."""
    where = "http://app99"
    begun = Begun(side, origin=where, rp_id=where, RPOrigin=where)
    response = fido_u2f(begun, without_curve(begun.key), {"AuthData": b"anything"})
    response["id"] = response["rawId"] = base64.urlsafe_b64encode(begun.uuid.encode()).decode()
    client_data = from_base64url(response["response"]["clientDataJSON"])
    response["response"]["clientDataJSON"] = base64.urlsafe_b64encode(client_data).decode()
    response["transports"] = ["usb"]
    begun.finish("Go's simulator", response)


def fido_u2f(begun, cose=None, members=None):
    """A response with a `fido-u2f` attestation: WebAuthn L3 §8.6."""
    key, attestation = begun.key, PrivateKey()
    client_data = key.client_data("webauthn.create", begun.challenge)
    signed = b"\0" + sha256(key.rp_id) + sha256(client_data) + key.id + key.key.point
    statement = {"sig": attestation.sign(signed), "x5c": [certificate(attestation)]}
    return key.create(
        begun.challenge, client_data=client_data, fmt="fido-u2f", statement=statement, cose=cose, members=members
    )


def without_curve(key):
    """A COSE key as Go's simulator makes it: without the member -1."""
    return {1: 2, 3: -7, -2: key.key.x, -3: key.key.y}
