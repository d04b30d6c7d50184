"""`POST /api-key` and `POST /api-key/activate`."""

import json
from concurrent.futures import ThreadPoolExecutor

from .answer import at_once
from .side import EMAIL, flow


@flow("node", "go")
def create(side):
    def send(name, body, headers=side.admin):
        side.send(f"create: {name}", "POST", "/api-key", body, headers)

    send("ok", {"email": EMAIL})
    send("no admin key", {"email": EMAIL}, {})
    send("wrong admin key", {"email": EMAIL}, {"x-api-key": "not-the-admin-key"})
    send("text/plain", {"email": EMAIL}, {**side.admin, "content-type": "text/plain"})
    send("not an address", {"email": "not-an-address"})
    send("email missing", {})
    send("email empty", {"email": ""})
    send("email blank", {"email": " "})
    send("email a number", {"email": 7})
    send("EMAIL", {"EMAIL": EMAIL})
    send("unknown member", {"email": EMAIL, "name": "Jo"})
    send("email twice", '{"email": "a@example.com", "email": "compare-predecessors@example.com"}')
    send("empty body", "")
    send("malformed", '{"email":')
    send("a comma", ",")
    send("null", "null")
    send("text after the value", json.dumps({"email": EMAIL}) + " x")
    send("70,000 bytes", {"email": EMAIL, "padding": "x" * 70_000})


@flow("node", "go")
def activate(side):
    spelling, other = side.spelling, {"apiKey": "apiKeyValue", "apiKeyValue": "apiKey"}[side.spelling]

    def send(name, body, headers=side.admin):
        return side.send(f"activate: {name}", "POST", "/api-key/activate", body, headers)

    key = side.pending()
    send("email missing", {spelling: key})
    send("email empty", {"email": "", spelling: key})
    send("key missing", {"email": EMAIL})
    send("key empty", {"email": EMAIL, spelling: ""})
    send("nothing", {})
    send("empty body", "")
    send("malformed", "{")
    send("null", "null")
    send("unknown key", {"email": EMAIL, spelling: "0123456789" * 4})
    send("ok", {"email": EMAIL, spelling: key})
    send("again", {"email": EMAIL, spelling: key})
    send("other spelling", {"email": EMAIL, other: side.pending()})
    send("another e-mail", {"email": "another@example.com", spelling: side.pending()})
    send("e-mail in capitals", {"email": EMAIL.upper(), spelling: side.pending()})
    send("no admin key", {"email": EMAIL, spelling: side.pending()}, {})
    send("text after the value", json.dumps({"email": EMAIL, spelling: side.pending()}) + " x")


@flow("node", "go")
def activate_at_once(side):
    body = {"email": EMAIL, side.spelling: side.pending()}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: side.call("POST", "/api-key/activate", body, side.admin), range(6)))
    side.keep("activate: six at once", at_once("secrets", answers))
