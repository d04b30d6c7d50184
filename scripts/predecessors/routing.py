"""Paths and methods."""

from .login import User
from .side import Consumer, code, flow, new_uuid


@flow("node")
def node(side):
    def send(name, method, path, body="{}", headers=side.consumer.headers):
        side.send(f"route: {name}", method, path, body, headers)

    send("unknown", "POST", "/nothing")
    send("unknown, no credentials", "POST", "/nothing", headers={})
    send("root", "GET", "/", None)
    send("wrong method", "PUT", "/totp")
    send("trailing slash", "POST", "/totp/")
    send("capitals", "POST", "/TOTP")
    uuid, key = side.enrolled()
    send("trailing slash after validate", "POST", f"/totp/{uuid}/validate/", {"code": code(key)})
    send("OPTIONS", "OPTIONS", "/totp", None)


@flow("go")
def go(side):
    user = User(side)

    def send(name, method, path, body="[]", headers=user.headers):
        side.send(f"route: {name}", method, path, body, headers)

    send("first segment unknown", "POST", "/nothing")
    send("unknown, no credentials", "POST", "/nothing", headers={})
    send("unknown key", "POST", "/webauthn/nothing", headers=side.webauthn(consumer=Consumer.unknown()))
    send("second segment unknown", "POST", "/webauthn/nothing")
    send("wrong method", "GET", "/webauthn/login", None)
    send("begins as /api-key", "POST", "/api-keys", headers={})
    send("wrong method of /api-key", "PUT", "/api-key", headers={})
    send("trailing slash", "POST", "/webauthn/login/")
    send("trailing slash after delete", "DELETE", "/webauthn/user/", headers=side.webauthn(new_uuid()))
    send("double slash at the beginning", "POST", "//webauthn/login")
    send("double slash within", "POST", "/webauthn//login")
    send("last segment in capitals", "POST", "/webauthn/LOGIN")
    send("capitals", "POST", "/WEBAUTHN/login")
    send("OPTIONS", "OPTIONS", "/webauthn/login", None)
