"""API keys and secrets that do not authenticate."""

import secrets

from .side import Consumer, flow, new_uuid

REQUIRED = ["RPDisplayName", "RPID", "Username", "UserDisplayName"]


@flow("node", "go")
def refused(side):
    if side.kind == "node":
        method, path, others = "POST", "/totp", {}
    else:
        method, path, others = "POST", "/webauthn/register", side.webauthn()

    def send(name, credentials):
        given = {k: v for k, v in others.items() if not k.startswith("x-mfa-api")} | credentials
        side.send(f"credentials: {name}", method, path, "{}", given)

    known = side.consumer
    send("capitals", {"X-MFA-APIKEY": known.key, "X-MFA-APISecret": known.secret})
    send("no key", {"x-mfa-apisecret": known.secret})
    send("no secret", {"x-mfa-apikey": known.key})
    send("none", {})
    send("key empty", {"x-mfa-apikey": "", "x-mfa-apisecret": known.secret})
    send("secret empty", {"x-mfa-apikey": known.key, "x-mfa-apisecret": ""})
    send("unknown key", Consumer.unknown().headers)
    send("pending key", Consumer(side.pending(), Consumer.unknown().secret).headers)
    victim = side.activated()
    send("wrong secret", Consumer(victim.key, Consumer.unknown().secret).headers)
    send("not base64", Consumer(victim.key, "a secret").headers)
    for _ in range(12):
        side.call(method, path, "{}", others | Consumer(victim.key, secrets.token_urlsafe(32)).headers)
    send("after twelve wrong secrets", Consumer(victim.key, Consumer.unknown().secret).headers)
    send("the right secret after them", victim.headers)


@flow("go")
def required_headers(side):
    routes = [
        ("POST", "/webauthn/register"),
        ("PUT", "/webauthn/register"),
        ("POST", "/webauthn/login"),
        ("PUT", "/webauthn/login"),
        ("DELETE", "/webauthn/user"),
        ("DELETE", "/webauthn/credential/u2f"),
    ]
    for method, path in routes:
        for name in REQUIRED:
            headers = side.webauthn(new_uuid(), **{name: None})
            side.send(f"headers: {method} {path} without {name}", method, path, "[]", headers)
    for name in REQUIRED:
        headers = side.webauthn(**{name: ""})
        side.send(f"headers: {name} empty", "POST", "/webauthn/register", "[]", headers)
    nobody = side.webauthn(**dict.fromkeys(REQUIRED))
    side.send("headers: none of the four", "POST", "/webauthn/register", "[]", nobody)
