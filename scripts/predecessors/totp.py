"""TOTP, which Node serves."""

import time

from .side import Consumer, code, flow, new_uuid

LABELS = {
    "defaults": {},
    "array": [],
    "issuer and label": {"issuer": "ACME Inc.", "label": "john_smith@example.com"},
    "label with punctuation": {"label": "x y+z/é:&?#'()*!~"},
    "issuer and empty label": {"issuer": "A", "label": ""},
    "nulls": {"label": None, "issuer": None},
    "numbers": {"label": 7, "issuer": 8},
    "empty label": {"label": ""},
    "a lone surrogate": r'{"label": "\ud800"}',
    "a label of 2,400 characters": {"label": "x" * 2400},
    "malformed": "{",
    "null": "null",
}


@flow("node")
def enrol(side):
    for name, body in LABELS.items():
        side.send(f"totp: {name}", "POST", "/totp", body, side.consumer.headers)
    side.send("totp: unknown key", "POST", "/totp", {}, Consumer.unknown().headers)
    side.send("totp: unknown key, malformed", "POST", "/totp", "{", Consumer.unknown().headers)


@flow("node")
def validate(side):
    def send(name, uuid, body, consumer=side.consumer):
        side.send(f"validate: {name}", "POST", f"/totp/{uuid}/validate", body, consumer.headers)

    for name, steps in {"current": 0, "previous": -1, "next": 1, "two steps ago": -2, "two steps ahead": 2}.items():
        uuid, key = side.enrolled()
        send(name, uuid, {"code": code(key, steps)})
    uuid, key = side.enrolled()
    once = {"code": code(key)}
    send("once", uuid, once)
    send("the same code again", uuid, once)

    uuid, key = side.enrolled()
    send("no code", uuid, {})
    for name, value in {"empty": "", "0": 0, "null": None, "false": False}.items():
        send(f"code {name}", uuid, {"code": value})
    send("malformed", uuid, "{")
    send("unknown key", uuid, {"code": "123456"}, Consumer.unknown())
    send("unknown key, malformed", uuid, "{", Consumer.unknown())
    send("unknown uuid", new_uuid(), {"code": "123456"})
    send("another consumer's uuid", uuid, {"code": code(key)}, side.other)
    send("empty uuid", "", {"code": "123456"})


@flow("node")
def validate_loosely(side):
    """What Node's lenient parser takes for the right code. A fresh TOTP each, so that none is throttled."""
    spellings = {
        "a letter after five digits": lambda right: right[1:] + "x",
        "a stop after five digits": lambda right: right[1:] + ".",
        "a space before five digits": lambda right: " " + right[1:],
        "a sign before five digits": lambda right: "+" + right[1:],
        "a number": lambda right: int(right),
        "an array": lambda right: [right],
        "seven digits": lambda right: right + "0",
    }
    for name, spell in spellings.items():
        # Where a digit is given up it must be a leading zero, and a number must not begin with one.
        leading = name.endswith("five digits")
        while True:
            uuid, key = side.enrolled()
            right = code(key)
            if name in ("an array", "seven digits") or (right[0] == "0") == leading:
                break
        body = {"code": spell(right)}
        side.send(f"validate: {name}", "POST", f"/totp/{uuid}/validate", body, side.consumer.headers)


@flow("node")
def guess(side):
    uuid, key = side.enrolled()
    right = code(key)
    wrong = {"code": f"{(int(right) + 500_000) % 1_000_000:06}"}
    path = f"/totp/{uuid}/validate"
    side.send("validate: wrong", "POST", path, wrong, side.consumer.headers)
    for _ in range(4):
        side.call("POST", path, wrong, side.consumer.headers)
    # Each further failure doubles the wait. After this one it is long enough for a slow machine to send the rest in.
    time.sleep(1.2)
    side.call("POST", path, wrong, side.consumer.headers)
    side.send("validate: wrong after six failures", "POST", path, wrong, side.consumer.headers)
    side.send("validate: right after six failures", "POST", path, {"code": right}, side.consumer.headers)


@flow("node")
def delete(side):
    def send(name, uuid, body="[]", consumer=side.consumer):
        side.send(f"delete totp: {name}", "DELETE", f"/totp/{uuid}", body, consumer.headers)

    uuid, _ = side.enrolled()
    send("unknown key", uuid, consumer=Consumer.unknown())
    send("another consumer's uuid", uuid, consumer=side.other)
    send("ok", uuid)
    send("again", uuid)
    send("malformed body", side.enrolled()[0], "{")
    send("no body", side.enrolled()[0], None)
    send("unknown uuid", new_uuid())
    send("empty uuid", "")


@flow("go")
def not_yet(side):
    headers = side.webauthn()
    side.send("totp: Go", "POST", "/totp", {}, headers)
    side.send("delete totp: Go", "DELETE", f"/totp/{new_uuid()}", "[]", headers)
    side.send("validate: Go", "POST", f"/totp/{new_uuid()}/validate", {"code": "123456"}, headers)
