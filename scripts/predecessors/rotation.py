"""`POST /api-key/rotate`, which Go serves."""

from .login import PATH, User
from .side import Consumer, flow

NAMES = ["newKeyId", "newKeySecret", "oldKeyId", "oldKeySecret"]


def secrets(old, new):
    return {
        "oldKeyId": old.key,
        "oldKeySecret": old.secret,
        "newKeyId": new.key,
        "newKeySecret": new.secret,
    }


@flow("node")
def not_served(side):
    side.send("rotate: Node", "POST", "/api-key/rotate", {}, side.admin)


@flow("go")
def bodies(side):
    def send(name, body):
        side.send(f"rotate: {name}", "POST", "/api-key/rotate", body)

    old, new = side.activated(), side.activated()
    whole = secrets(old, new)
    for name in NAMES:
        send(f"no {name}", {k: v for k, v in whole.items() if k != name})
    send("nothing", {})
    send("empty body", "")
    send("malformed", "{")
    send("a number", {**whole, "oldKeyId": 7})
    send("another member a number", {**whole, "other": 7})
    send("old key unknown", secrets(Consumer.unknown(), new))
    send("old key empty", {**whole, "oldKeyId": ""})
    send("old key pending", secrets(Consumer(side.pending(), old.secret), new))
    send("old secret wrong", {**whole, "oldKeySecret": Consumer.unknown().secret})
    send("new key unknown", secrets(old, Consumer.unknown()))
    send("new key pending", secrets(old, Consumer(side.pending(), new.secret)))
    send("new secret wrong", {**whole, "newKeySecret": Consumer.unknown().secret})
    send("the same key", secrets(old, old))
    send("another member", {**whole, "other": "text"})


@flow("go")
def rotate(side):
    old, new, third = side.activated(), side.activated(), side.activated()
    user = User(side, consumer=old)
    side.send("rotate: ok", "POST", "/api-key/rotate", secrets(old, new))
    side.send("rotate: again", "POST", "/api-key/rotate", secrets(old, new))
    for name, consumer in {"new": new, "old": old}.items():
        headers = side.webauthn(user.uuid, consumer=consumer)
        side.send(f"begin login: {name} key after rotation", "POST", PATH, "[]", headers)
    side.send("rotate: to a third key", "POST", "/api-key/rotate", secrets(new, third))
    owner = side.activated()
    User(side, consumer=owner)
    side.send("rotate: to a key with records", "POST", "/api-key/rotate", secrets(side.activated(), owner))


@flow("go")
def totp(side):
    """TOTPs, which Node enrolled."""
    old, new = side.activated(), side.activated()
    side.enrolled(old)
    side.send("rotate: a TOTP", "POST", "/api-key/rotate", secrets(old, new))
