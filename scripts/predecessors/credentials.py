"""Deleting credentials and users, which Go serves."""

from .encoding import base64url
from .login import User
from .registration import Begun
from .side import flow, new_uuid


@flow("go")
def credential(side):
    def send(name, which, headers, body="[]"):
        side.send(f"delete credential: {name}", "DELETE", f"/webauthn/credential/{which}", body, headers)

    user = User(side)
    send("another consumer's user", user.key.hash, side.webauthn(user.uuid, consumer=side.other))
    send("unknown hash", "A" * 43, user.headers)
    send("its ID", base64url(user.key.id), user.headers)
    send("u2f without one", "u2f", user.headers)
    send("empty", "", user.headers)
    send("origin empty", user.key.hash, side.webauthn(user.uuid, RPOrigin=""))
    send("again", user.key.hash, user.headers)
    send("no key left", "A" * 43, user.headers)
    send("never had a key", "A" * 43, Begun(side).headers)
    send("unknown user", "A" * 43, side.webauthn(new_uuid()))
    send("no user", "A" * 43, side.webauthn())
    send("malformed body", "u2f", user.headers, "{")


@flow("go")
def user(side):
    def send(name, headers, body="[]"):
        side.send(f"delete user: {name}", "DELETE", "/webauthn/user", body, headers)

    user = User(side)
    send("another consumer's user", side.webauthn(user.uuid, consumer=side.other))
    send("origin empty", side.webauthn(user.uuid, RPOrigin=""))
    send("again", user.headers)
    send("unknown user", side.webauthn(new_uuid()))
    send("malformed body", user.headers, "{")
    send("no user", side.webauthn())
    send("user empty", side.webauthn(""))
