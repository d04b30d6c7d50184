#!/usr/bin/env python3
"""Sends the function an event of each payload format for each route of docs/openapi.json, by the API of an emulator of Lambda:
try-lambda-events.py http://HOST:PORT ADMIN-KEY. Fails if an answer is another than expected, and if the contract has a
route that is not asked here. Run by scripts/try-lambda."""

import base64
import hmac
import json
import pathlib
import struct
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
EMULATOR, ADMIN_KEY = sys.argv[1:]
HOST = "id.execute-api.us-east-1.amazonaws.com"


def rest(method, path, headers, body):
    """A REST API at a custom domain's base path."""
    literal = path in ("/api-key", "/api-key/activate", "/api-key/rotate")
    return {
        "resource": path if literal else "/{proxy+}",
        "path": f"/base{path}",
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None if literal else {"proxy": path[1:]},
        "requestContext": {"httpMethod": method, "stage": "prod", "identity": {"sourceIp": "192.0.2.1"}},
        "body": body,
        "isBase64Encoded": False,
    }


def second_format(method, path, headers, stage, prefix, body, binary):
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": prefix + path,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "domainName": HOST,
            "http": {"method": method, "path": prefix + path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "routeKey": "$default",
            "stage": stage,
        },
        "body": body,
        "isBase64Encoded": binary,
    }


def http_api(method, path, headers, body):
    """An HTTP API with a stage, which takes the body for binary."""
    return second_format(method, path, headers, "prod", "/prod", base64.b64encode(body.encode()).decode(), True)


def function_url(method, path, headers, body):
    return second_format(method, path, headers, "$default", "", body, False)


FORMATS = {"REST API": rest, "HTTP API": http_api, "function URL": function_url}


class Client:
    def __init__(self, name):
        self.name, self.event = name, FORMATS[name]
        self.asked, self.headers = set(), {}

    def ask(self, route, expected, body=None, headers=None, **parameters):
        """Asks a route of the contract, such as `GET /totp/{uuid}`; the answer's JSON."""
        self.asked.add(route)
        method, path = route.split(" ")
        sent = {"Host": HOST, "Content-Type": "application/json"} | self.headers | (headers or {})
        event = self.event(method, path.format(**parameters), sent, json.dumps([] if body is None else body))
        # By `Invoke` of Lambda's API, as `cargo lambda invoke` does.
        url = f"{EMULATOR}/2015-03-31/functions/_/invocations"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode()), timeout=60) as reply:
            answer = json.load(reply)
        what = f"{self.name}: {route}: {answer}"
        assert answer.get("statusCode") == expected, f"not a {expected}: {what}"
        given = "multiValueHeaders" if self.event is rest else "headers"
        assert "cache-control" in answer[given], f"headers of another format: {what}"
        # All answers are JSON but the metrics.
        found = json.loads(answer["body"]) if answer.get("body") and not route.endswith("/metrics") else {}
        assert expected < 400 or not found["code"].startswith("no-such-"), f"no route: {what}"
        return found

    def new_key(self, email):
        admin = {"x-api-key": ADMIN_KEY}
        self.ask("POST /api-key", 204, {"email": email}, admin)
        keys = self.ask("GET /api-key", 200, headers=admin)["keys"]
        key = next(key["value"] for key in keys if key["email"] == email)
        activation = {"email": email, "apiKey": key}
        return key, self.ask("POST /api-key/activate", 200, activation, admin)["apiSecret"]


def code_of(totp):
    secret = base64.b32decode(totp["totpKey"] + "=" * (-len(totp["totpKey"]) % 8))
    mac = hmac.digest(secret, struct.pack(">Q", int(time.time()) // 30), "sha1")
    number = struct.unpack(">I", mac[mac[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def walk(client):
    """Each route at least once. What takes a signature is refused here: tests/lambda of mfa-http have authenticators."""
    client.ask("GET /health/live", 204)
    client.ask("GET /health/ready", 204)
    client.ask("GET /metrics", 200)
    name = client.name.replace(" ", "-")
    key, secret = client.new_key(f"{name}@example.com")
    client.headers = {"x-mfa-apikey": key, "x-mfa-apisecret": secret}

    totp = client.ask("POST /totp", 200, {"issuer": "Äcme", "label": "jö"})
    client.ask("POST /totp/{uuid}/validate", 200, {"code": code_of(totp)}, uuid=totp["uuid"])
    client.ask("GET /totp/{uuid}", 200, uuid=totp["uuid"])
    client.ask("POST /totp/{uuid}/reset", 204, uuid=totp["uuid"])
    client.ask("DELETE /totp/{uuid}", 204, uuid=totp["uuid"])

    user = client.ask("POST /u2f", 200, {"appId": "https://example.com"})["uuid"]
    client.ask("PUT /u2f/{uuid}", 400, {"signResult": {}}, uuid=user)
    client.ask("POST /u2f/{uuid}/auth", 400, uuid=user)
    client.ask("PUT /u2f/{uuid}/auth", 400, {"signResult": {}}, uuid=user)
    client.ask("DELETE /u2f/{uuid}", 204, uuid=user)

    names = {"x-mfa-RPDisplayName": "Äcme", "x-mfa-RPID": "example.com", "x-mfa-RPOrigin": "https://example.com"}
    names |= {"x-mfa-Username": "jo", "x-mfa-UserDisplayName": "Jö"}
    begun = client.ask("POST /webauthn/register", 200, headers=names)
    assert begun["publicKey"]["user"]["displayName"] == "Jö", begun
    names["x-mfa-UserUUID"] = begun["uuid"]
    client.ask("PUT /webauthn/register", 400, {"id": "AAAA"}, names)
    client.ask("POST /webauthn/login", 400, headers=names)
    client.ask("PUT /webauthn/login", 400, {"id": "AAAA"}, names)
    client.ask("GET /webauthn/user", 200, headers=names)
    client.ask("PATCH /webauthn/credential/{id}", 404, {"label": "x"}, names, id="AAAA")
    client.ask("DELETE /webauthn/credential/{id}", 404, headers=names, id="AAAA")
    client.ask("DELETE /webauthn/user", 204, headers=names)

    new, new_secret = client.new_key(f"{name}-new@example.com")
    keys = {"oldKeyId": key, "oldKeySecret": secret, "newKeyId": new, "newKeySecret": new_secret}
    client.ask("POST /api-key/rotate", 200, keys)
    client.ask("DELETE /api-key/{value}", 204, headers={"x-api-key": ADMIN_KEY}, value=key)


def main():
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    methods = {"get", "put", "post", "delete", "patch"}
    routes = {f"{m.upper()} {path}" for path, operations in paths.items() for m in operations if m in methods}
    for name in FORMATS:
        client = Client(name)
        walk(client)
        if client.asked != routes:
            sys.exit(
                f"try-lambda: no event for {sorted(routes - client.asked)}, or no route of the contract "
                f"{sorted(client.asked - routes)}; adapt {pathlib.Path(__file__).name}"
            )
        print(f"try-lambda: {len(routes)} routes answer an event of a {name}")


try:
    main()
except AssertionError as error:
    sys.exit(f"try-lambda: {error}")
