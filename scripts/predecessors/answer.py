"""What a client reads of an answer, in a form that two servers can agree on."""

import base64
import json
import re
import struct

from .encoding import from_base64url

ANY, ABSENT = "<any>", "<absent>"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SHAPES = [
    (re.compile(UUID), "<uuid>"),
    (re.compile(r"[A-Za-z0-9+/]{43}="), "<32 bytes, base64>"),
    (re.compile(r"[A-Za-z0-9_-]{43}"), "<32 bytes, base64url>"),
    (re.compile(r"[A-Z2-7]{16}"), "<10 bytes, base32>"),
    (re.compile(r"[A-Z2-7]{32}"), "<20 bytes, base32>"),
]
PARTS = [
    (re.compile(UUID), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<key>"),
    (re.compile(r"\bsecret=[A-Z2-7]+"), "secret=<totpKey>"),
]
PNG = "data:image/png;base64,"
COLOURS = {0: "greyscale", 2: "RGB", 3: "palette", 6: "RGBA"}


class Answer:
    def __init__(self, status, headers, body, names):
        self.status = status
        self.type = headers.get("content-type", "").split(";")[0] or ABSENT
        try:
            self.body = json.loads(body) if body else ABSENT
        except ValueError:
            self.body = body.decode(errors="replace")
        self.shape = shape(self.body, names)

    def seen(self):
        return {"status": self.status, "type": self.type, "body": self.shape}


def at_once(what, answers):
    """How many of some parallel requests succeeded, as an answer."""
    many = sum(answer.status == 200 for answer in answers)
    counted = {what: {0: "none", 1: "one"}.get(many, "several")}
    return Answer(200, {}, json.dumps(counted).encode(), {})


def shape(value, names):
    """The value without what is random in it. `names` stands in for what the caller knows."""
    if isinstance(value, dict):
        return {name: shape(member, names) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member, names) for member in value]
    if not isinstance(value, str):
        return value
    if value in names:
        return names[value]
    if value.startswith(PNG):
        width, height, bits, colour = struct.unpack(">IIBB", base64.b64decode(value[len(PNG) :])[16:26])
        return f"<PNG, {width} × {height}, {bits}-bit {COLOURS[colour]}>"
    for pattern, name in SHAPES:
        if pattern.fullmatch(value):
            return name
    if len(value) == 48 and is_user_handle(value):
        return "<uuid, base64url>"
    for pattern, name in PARTS:
        value = pattern.sub(name, value)
    return value


def is_user_handle(text):
    try:
        return re.fullmatch(UUID, from_base64url(text).decode()) is not None
    except ValueError:
        return False


def compare(theirs, ours):
    """Where our answer differs from what is stated of theirs: (pointer, theirs, ours). Where the status differs, a client
    reads no further."""
    if theirs["status"] != ours["status"]:
        yield "status", theirs["status"], ours["status"]
        return
    if "type" in theirs and theirs["type"] != ours["type"]:
        yield "type", theirs["type"], ours["type"]
    if "body" in theirs:
        yield from members("", theirs["body"], ours["body"])


def members(pointer, theirs, ours):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name, member in theirs.items():
            yield from members(f"{pointer}/{name}", member, ours.get(name, ABSENT))
    elif theirs != ours and not (theirs == ANY and ours != ABSENT):
        yield pointer or "body", theirs, ours


def like(stated, answer):
    """The parts of a predecessor's live answer that the recording states. Without a recording, all."""
    if stated is None:
        return answer
    return {name: parts(stated[name], answer[name]) for name in ("status", "type", "body") if name in stated}


def parts(stated, value):
    if isinstance(stated, dict) and isinstance(value, dict):
        return {name: parts(member, value.get(name, ABSENT)) for name, member in stated.items()}
    return ANY if stated == ANY and value != ABSENT else value
