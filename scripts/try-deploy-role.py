#!/usr/bin/env python3
"""Holds deploy/aws/template.yaml to the program: the tables that the program makes are as the template describes them, and
with the template's settings, behind a proxy that refuses what its role does not allow, as AWS would, it works. Asks every
kind of question, and fails if one was answered with a 5xx, a call was refused, or the role allows a call that was never
made. Run by scripts/test-deploy: try-deploy-role.py PROGRAM DYNAMODB-ENDPOINT"""

import base64
import hmac
import http.server
import importlib.util
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

spec = importlib.util.spec_from_file_location("compare", pathlib.Path(__file__).with_name("compare-deploy.py"))
compare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)

PROGRAM, EMULATOR = sys.argv[1:]
ADMIN_KEY = "0123456789abcdef0123"
tables, environment = compare.parts_of_template()
# Other tests use the same emulator.
names = {table: f"try-{os.getpid()}-{table}" for table in tables}
asked, refused = set(), set()


def send(target, body, headers):
    headers = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
    request = urllib.request.Request(EMULATOR, body, headers | {"x-amz-target": target}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Role(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        target = self.headers["x-amz-target"]
        wanted = json.loads(body)
        table = next((table for table, name in names.items() if name == wanted.get("TableName")), None)
        call = (target.split(".")[1], "IndexName" in wanted)
        if table and call in tables[table]["calls"]:
            asked.add((table, *call))
            status, headers, answer = send(target, body, dict(self.headers))
            headers = {name: headers[name] for name in ("content-type", "x-amz-crc32") if headers[name]}
        else:
            refused.add((wanted.get("TableName"), *call))
            denied = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "not authorized"}
            status, headers, answer = 400, {"content-type": "application/x-amz-json-1.0"}, json.dumps(denied).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def settings(endpoint):
    """The template's; what AWS sets; and where the emulator is."""
    given = {
        name: names[name.removesuffix("_TABLE").lower()] if name.endswith("_TABLE") else value
        for name, value in environment.items()
    }
    given |= {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    given |= {"MFA_ADMIN_KEY": ADMIN_KEY, "AWS_ENDPOINT": endpoint}
    return given | {"MFA_LISTEN": "127.0.0.1:0", "RUST_LOG": "error"}


def make_tables(endpoint):
    """Lets the program make the tables. At a plain start the settings must keep it from that."""
    kept = subprocess.run(
        [PROGRAM], env=settings(endpoint), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60
    )
    assert kept.returncode != 0 and not refused, f"without tables: {kept.stderr}, refused: {refused}"
    subprocess.run([PROGRAM, "migrate"], env=settings(EMULATOR), stdout=subprocess.DEVNULL, check=True, timeout=60)
    credential = "Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"authorization": f"AWS4-HMAC-SHA256 {credential}", "content-type": "application/x-amz-json-1.0"}

    def ask(operation, name):
        status, _, answer = send(f"DynamoDB_20120810.{operation}", json.dumps({"TableName": name}).encode(), headers)
        assert status == 200, answer
        return json.loads(answer)

    for table, name in names.items():
        made = ask("DescribeTable", name)["Table"]
        expires = ask("DescribeTimeToLive", name)["TimeToLiveDescription"]
        found = compare.layout(made) | {"ttl": expires.get("AttributeName")}
        wanted = {part: tables[table][part] for part in found}
        assert found == wanted, f"the program makes {table} as {found}, the template as {wanted}"


def start_program(endpoint):
    program = subprocess.Popen([PROGRAM], env=settings(endpoint), stdout=subprocess.PIPE, text=True)
    line = program.stdout.readline()
    return program, re.search(r"http://\S+", line)[0]


def questions(url):
    """Each use case once, by its outcome."""

    def ask(method, path, body=None, expected=(200, 204), **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        assert status in expected, f"{method} {path}: {status} {text}"
        return json.loads(text) if text else None

    admin = {"x_api_key": ADMIN_KEY}

    def new_key(email):
        ask("POST", "/api-key", {"email": email}, **admin)
        key = next(k["value"] for k in ask("GET", "/api-key", **admin)["keys"] if k["email"] == email)
        return key, ask("POST", "/api-key/activate", {"email": email, "apiKey": key}, **admin)["apiSecret"]

    ask("GET", "/health/ready")
    ask("GET", "/api-key", expected=(401, 403), x_api_key=f"{ADMIN_KEY}4")
    key, secret = new_key("one@example.com")
    us = {"x_mfa_apikey": key, "x_mfa_apisecret": secret}

    totp = ask("POST", "/totp", {"issuer": "Acme", "label": "jo"}, **us)
    shared = base64.b32decode(totp["totpKey"] + "=" * (-len(totp["totpKey"]) % 8))
    mac = hmac.digest(shared, struct.pack(">Q", int(time.time()) // 30), "sha1")
    number = struct.unpack(">I", mac[mac[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    path = f"/totp/{totp['uuid']}"
    ask("POST", f"{path}/validate", {"code": f"{number % 1_000_000:06}"}, **us)
    ask("POST", f"{path}/validate", {"code": f"{number % 1_000_000:06}"}, expected=(401,), **us)
    ask("GET", path, **us)
    ask("POST", f"{path}/reset", **us)

    site = {"x_mfa_RPID": "example.com", "x_mfa_RPDisplayName": "Acme", "x_mfa_Username": "jo"}
    site |= {"x_mfa_UserDisplayName": "Jo", "x_mfa_RPOrigin": "https://example.com"} | us
    begun = ask("POST", "/webauthn/register", {}, **site)
    user = {"x_mfa_UserUUID": begun["uuid"]} | site
    challenge = begun["publicKey"]["challenge"]
    client = json.dumps({"type": "webauthn.create", "challenge": challenge, "origin": "https://example.com"})

    def part(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    # Refused, but not before the ceremony was taken.
    credential = {"id": part(b"id"), "rawId": part(b"id"), "type": "public-key"}
    credential["response"] = {"clientDataJSON": part(client.encode()), "attestationObject": part(b"\xa0")}
    ask("PUT", "/webauthn/register", credential, expected=(400, 401), **user)

    u2f = ask("POST", "/u2f", {"appId": "https://example.com"}, **us)
    user = {"x_mfa_UserUUID": u2f["uuid"]} | site
    ask("GET", "/webauthn/user", expected=(200, 404), **user)
    ask("DELETE", "/webauthn/user", expected=(204, 404), **user)
    ask("DELETE", f"/u2f/{u2f['uuid']}", expected=(200, 204, 404), **us)

    other, other_secret = new_key("two@example.com")
    rotate = {"oldKeyId": key, "oldKeySecret": secret, "newKeyId": other, "newKeySecret": other_secret}
    ask("POST", "/api-key/rotate", rotate)
    ask("DELETE", path, **us)
    ask("DELETE", f"/api-key/{key}", **admin)


def main():
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Role)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{proxy.server_port}"
    try:
        make_tables(endpoint)
    except AssertionError as error:
        sys.exit(f"try-deploy-role: {error}")
    program, url = start_program(endpoint)
    try:
        questions(url)
        complaint = None
    except AssertionError as error:
        complaint = error
    finally:
        program.terminate()
        program.wait()
    if complaint or refused:
        sys.exit(f"try-deploy-role: {complaint or ''}\n    not allowed: {sorted(refused, key=str) or 'nothing'}")
    idle = {(table, *call) for table, role in tables.items() for call in role["calls"]} - asked
    if idle:
        sys.exit(
            f"try-deploy-role: allowed and never made, so take it from the role or ask for it here: {sorted(idle)}"
        )
    print(f"each of the {len(asked)} calls that the role allows was made, and no other")


main()
