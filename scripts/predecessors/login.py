"""Authentication with a passkey, which Go serves."""

import base64
import json

from .encoding import base64url, from_base64url, sha256
from .passkey import PRESENT
from .registration import Begun, fido_u2f
from .side import ORIGIN, flow, new_uuid
from .u2f import APP_ID, Record

PATH = "/webauthn/login"
BACKED_UP, ELIGIBLE = 0x10, 0x08


class User:
    """A user with a passkey."""

    def __init__(self, side, begun=None, **others):
        begun = begun or Begun(side, **others).registered()
        self.side, self.uuid, self.headers, self.key = side, begun.uuid, begun.headers, begun.key

    def challenge(self, headers=None):
        body = self.side.needed("POST", PATH, "[]", headers or self.headers)
        return body["publicKey"]["challenge"]

    def finish(self, name, body=None, headers=None, begin=None, **spoilt):
        challenge = spoilt.pop("challenge", None) or self.challenge(begin)
        body = self.key.get(challenge, **spoilt) if body is None else body
        self.side.send(f"login: {name}", "PUT", PATH, body, headers or self.headers)


@flow("go")
def begin(side):
    def send(name, headers, body="[]"):
        side.send(f"begin login: {name}", "POST", PATH, body, headers)

    user = User(side)
    send("ok", user.headers)
    for name, body in {"object": "{}", "no body": None, "malformed": "{"}.items():
        send(f"body {name}", user.headers, body)
    send("no origin", side.webauthn(user.uuid, RPOrigin=None))
    send("unknown user", side.webauthn(new_uuid()))
    send("no user", side.webauthn())
    send("no key", Begun(side).headers)
    begun = Begun(side)
    body = begun.key.create(begun.challenge)
    body["response"]["transports"] = ["usb", "nfc"]
    side.needed("PUT", "/webauthn/register", body, begun.headers)
    send("transports", begun.headers)
    begun = Begun(side)
    body = {**begun.key.create(begun.challenge), "transports": ["usb"]}
    side.needed("PUT", "/webauthn/register", body, begun.headers)
    send("transports outside the response", begun.headers)
    send("RP ID %zz", side.webauthn(user.uuid, RPID="%zz"))
    send("another consumer's user", side.webauthn(user.uuid, consumer=side.other))
    side.send("login: another consumer's user", "PUT", PATH, "[]", side.webauthn(user.uuid, consumer=side.other))


@flow("go")
def finish(side):
    user = User(side)
    body = user.key.get(user.challenge())
    user.finish("ok", body)
    user.finish("again", body, challenge="none")
    user.finish("counter not growing", count=1)
    user.finish("another challenge", challenge="A" * 43)
    user.finish("type of a registration", type="webauthn.create")
    user.finish("foreign origin", origin="https://evil.example")
    user.finish("another RP ID's hash", rp_id_hash=sha256("evil.example"))
    user.finish("a hash of zeros", rp_id_hash=bytes(32))
    user.finish("user not present", flags=0)
    user.finish("another signature", signature=user.key.key.sign(b"something else"))
    user.finish("cross-origin", crossOrigin=True)
    user.finish("topOrigin", topOrigin="https://evil.example")
    user.finish("backup eligible, registered as not", flags=PRESENT | ELIGIBLE)
    user.finish("backed up, not eligible", flags=PRESENT | BACKED_UP)
    user.finish("user handle", user_handle=base64url(user.uuid.encode()))
    user.finish("user handle empty", user_handle="")
    user.finish("another user handle", user_handle=base64url(new_uuid().encode()))
    stranger = User(side)
    user.finish("a key of another user", stranger.key.get(user.challenge()))
    user.finish("no user", begin=user.headers, headers=side.webauthn())

    challenge = user.challenge()
    side.call("PUT", PATH, user.key.get(challenge, flags=0), user.headers)
    user.finish("after a refusal", challenge=challenge)
    challenge = user.challenge()
    user.challenge()
    user.finish("the challenge before the last", challenge=challenge)
    user.finish("user handle encoded twice", user_handle=base64url(base64url(user.uuid.encode()).encode()))
    user.finish("authenticator data short", authenticator_data=bytes(10))
    user.finish("client data not JSON", client_data=b"no JSON")

    registration = Begun(side, user.uuid)
    user.finish("the challenge of a registration", challenge=registration.challenge)
    newcomer = Begun(side, user.uuid)
    newcomer.challenge = user.challenge()
    newcomer.finish("the challenge of a login")


@flow("go")
def bodies(side):
    user = User(side)

    def send(name, change):
        user.finish(name, change(user.key.get(user.challenge())), challenge="in the body")

    def encoded(alphabet):
        def change(body):
            response = {k: alphabet(from_base64url(v)).decode() for k, v in body["response"].items()}
            return {**body, "rawId": alphabet(from_base64url(body["rawId"])).decode(), "response": response}

        return change

    send("body empty", lambda body: "")
    send("body malformed", lambda body: "{")
    send("no id", lambda body: {name: member for name, member in body.items() if name != "id"})
    send("id not base64url", lambda body: {**body, "id": "!"})
    send("another type", lambda body: {**body, "type": "password"})
    send("id differs from rawId", lambda body: {**body, "id": "YW5vdGhlcg"})
    send("extension results an array", lambda body: {**body, "clientExtensionResults": []})
    send("extension results null", lambda body: {**body, "clientExtensionResults": None})
    send("escaped slash", lambda body: json.dumps({**body, "note": "a/b"}).replace("/", "\\/"))
    send("standard base64", encoded(base64.standard_b64encode))
    send("padded base64url", encoded(base64.urlsafe_b64encode))
    send("user handle null", lambda body: {**body, "response": {**body["response"], "userHandle": None}})


@flow("go")
def origins(side):
    user = User(side)

    def send(name, begin, finish):
        user.finish(
            f"origin {name}",
            begin=side.webauthn(user.uuid, RPOrigin=begin),
            headers=side.webauthn(user.uuid, RPOrigin=finish),
        )

    send("named at the finish only", None, ORIGIN)
    send("of a sibling at the beginning", "https://other.example.com", ORIGIN)
    send("in capitals", ORIGIN, "https://LOGIN.example.com")
    send("nowhere", None, None)
    user = User(side, rp_id="http://app99", origin="http://app99", RPOrigin="http://app99")
    here = {"RPID": "http://app99", "RPOrigin": None}
    headers = side.webauthn(user.uuid, **here)
    user.finish("origin nowhere, RP ID is one", begin=headers, headers=headers)


@flow("go")
def legacy_key(side):
    """A U2F key that Node registered: its record has to be made through Node's routes first."""
    record = Record(side).registered()
    begun = Begun(side, record.uuid).registered()
    side.send("begin login: U2F key", "POST", PATH, "[]", begun.headers)

    user = User(side, begun)
    user.finish("AppID hash from a passkey", rp_id_hash=sha256(APP_ID))

    passkey = begun.key
    passkey.id, passkey.key = record.key.handle, record.key.key
    side.names[passkey.hash] = "<hash of the key>"
    for name, results in {"true": {"appid": True}, "false": {"appid": False}, "absent": {}}.items():
        body = passkey.get(user.challenge(), rp_id_hash=sha256(APP_ID))
        user.finish(f"U2F key, appid {name}", {**body, "clientExtensionResults": results}, challenge="in the body")
    user.finish("U2F key, foreign hash", rp_id_hash=sha256("evil.example"))

    def delete(name, which):
        side.send(f"delete credential: {name}", "DELETE", f"/webauthn/credential/{which}", "[]", user.headers)

    delete("U2F key by its hash", passkey.hash)
    delete("U2F key", "u2f")
    side.send("begin login: after the U2F key", "POST", PATH, "[]", user.headers)


@flow("go")
def fido_u2f_key(side):
    """A key with a `fido-u2f` attestation, on a record of Node."""
    record = Record(side).registered()
    begun = Begun(side, record.uuid)
    begun.finish("fido-u2f on a record with an AppID", fido_u2f(begun))
    user = User(side, begun)
    for name, results in {"false": {"appid": False}, "true": {"appid": True}}.items():
        body = user.key.get(user.challenge())
        user.finish(f"fido-u2f key, appid {name}", {**body, "clientExtensionResults": results}, challenge="in the body")
