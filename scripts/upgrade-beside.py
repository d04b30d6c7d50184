#!/usr/bin/env python3
"""Servers of two versions on one store, under load, through a migration that adds a column and an index. Fails if any call does.

The old version is the baseline that docs/upgrades.md names. The new one is HEAD with two more migrations. On PostgreSQL
and on SQLite, in this order:

* old serves; new starts, which migrates; both serve;
* new stops; old is started again on the newer tables, and serves alone;
* new starts again; old stops; new serves alone.

Needs MFA_TEST_POSTGRES: run it as `scripts/nightly upgrade-beside`. CARGO_TARGET_DIR holds the builds.
"""

import base64
import collections
import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADMIN = "upgrade-beside-only"
THREADS = 6
BUILD = ["cargo", "build", "--quiet", "--locked", "-p", "mfa-http", "--no-default-features"]
BUILD += ["--features", "server,sqlite,postgres"]
# Calls that each server must have answered before a phase may end.
CALLS = 150


def build(commit, change, binary):
    """Builds a commit, after `change` to its files, in a work tree of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=ROOT, check=True)
        try:
            change(tree)
            subprocess.run(BUILD, cwd=tree, check=True)
            shutil.copy(pathlib.Path(os.environ["CARGO_TARGET_DIR"], "debug/mfa-http"), binary)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def add_migrations(tree):
    """Makes it a later version, which adds a column to two tables, and an index."""
    for store, prefix, time_type, concurrently in [
        ("postgres", "mfa_", "timestamptz", " CONCURRENTLY"),
        ("sqlite", "", "INTEGER", ""),
    ]:
        crate = tree / f"mfa-store-{store}"
        source = crate / "src/migration.rs"
        text = source.read_text()
        version = len(list((crate / "migrations").glob("*.sql")))
        least = max(int(n) for n in re.findall(r"least_reader: (\d+)", text)) if store == "postgres" else None
        if least is None:
            last = max((crate / "migrations").glob("*.sql")).read_text()
            least = int(re.search(r"schema_version \(version, least_reader\) VALUES \(\d+, (\d+)\)", last)[1])
        column = "".join(
            f"ALTER TABLE {prefix}{table} ADD COLUMN later_at {time_type};\n" for table in ["api_key", "totp"]
        )
        index = f"CREATE INDEX{concurrently} {prefix}totp_later ON {prefix}totp (later_at, created_at);\n"
        entries = ""
        for number, (name, sql) in enumerate([("column", column), ("index", index)], version + 1):
            if store == "sqlite":
                sql += f"INSERT INTO schema_version (version, least_reader) VALUES ({number}, {least});\n"
                sql += f"PRAGMA user_version = {number};\n"
            (crate / f"migrations/later_{name}.sql").write_text(sql)
            included = f'include_str!("../migrations/later_{name}.sql")'
            entries += (
                f"Migration {{ sql: {included}, least_reader: {least} }},\n"
                if store == "postgres"
                else f"{included},\n"
            )
        text, changed = re.subn(r"(&\[\n(?:.*\n)*?)(\]\)?;)", rf"\g<1>{entries}\2", text, count=1)
        assert changed == 1
        source.write_text(text)


class Server:
    def __init__(self, name, binary, store):
        self.name, self.calls = name, 0
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, "MFA_STORE": store, "MFA_ADMIN_KEY": ADMIN},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        listens = next((line for line in self.process.stdout if "listens on" in line), None)
        if listens is None:
            raise SystemExit(f"{name} did not start on {store}")
        self.port = int(listens.rsplit(":", 1)[1])

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None


class Load:
    """Threads that make consumers and authenticators, each call on the next of the servers in use."""

    def __init__(self):
        self.servers, self.busy, self.turn = [], collections.Counter(), 0
        self.failures, self.emails = collections.Counter(), itertools.count()
        self.changed, self.stopping = threading.Condition(), False
        self.threads = [threading.Thread(target=self.work) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def add(self, server):
        with self.changed:
            self.servers.append(server)
            self.changed.notify_all()

    def stop_server(self, server):
        """Takes it out of use, and stops it when it has answered its last call."""
        with self.changed:
            self.servers.remove(server)
            self.changed.wait_for(lambda: self.busy[server] == 0)
        server.process.terminate()
        server.process.wait()

    def until_each_served(self, calls):
        goals = {server: server.calls + calls for server in self.servers}
        with self.changed:
            served = lambda: self.failures or all(server.calls >= goal for server, goal in goals.items())  # noqa: E731
            if not self.changed.wait_for(served, timeout=300):
                raise SystemExit("the load does not get on")

    def call(self, expected, method, path, body=None, headers=None):
        with self.changed:
            self.changed.wait_for(lambda: self.servers or self.stopping)
            if not self.servers:
                raise Failed
            self.turn += 1
            server = self.servers[self.turn % len(self.servers)]
            self.busy[server] += 1
        try:
            status, answer = server.call(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            status, answer = repr(error), None
        with self.changed:
            self.busy[server] -= 1
            server.calls += 1
            if status != expected:
                self.failures[f"{server.name}: {method} /{path.split('/')[1]}: {status} {answer}"] += 1
            self.changed.notify_all()
        if status != expected:
            raise Failed
        return answer

    def work(self):
        while not self.stopping:
            with contextlib.suppress(Failed):
                self.consumer()

    def consumer(self):
        admin, email = {"x-api-key": ADMIN}, f"dev{next(self.emails)}@example.com"
        self.call(204, "POST", "/api-key", {"email": email}, admin)
        value = self.key_of(email, admin)
        secret = self.call(200, "POST", "/api-key/activate", {"email": email, "apiKeyValue": value}, admin)["apiSecret"]
        own = {"x-mfa-apikey": value, "x-mfa-apisecret": secret}
        for _ in range(8):
            totp = self.call(200, "POST", "/totp", {}, own)
            path = f"/totp/{totp['uuid']}"
            right = code(totp["totpKey"])
            self.call(401, "POST", f"{path}/validate", {"code": f"{(int(right) + 1) % 1_000_000:06}"}, own)
            self.call(200, "GET", path, None, own)
            self.call(204, "DELETE", path, None, own)
        totp = self.call(200, "POST", "/totp", {}, own)
        path = f"/totp/{totp['uuid']}"
        self.call(200, "POST", f"{path}/validate", {"code": code(totp["totpKey"])}, own)
        self.call(204, "DELETE", f"/api-key/{value}", None, admin)

    def key_of(self, email, admin):
        after = ""
        while True:
            page = self.call(200, "GET", f"/api-key{after}", None, admin)
            for key in page["keys"]:
                if key["email"] == email:
                    return key["value"]
            after = f"?after={page['next']}"

    def end(self):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()


class Failed(Exception):
    """A call that was not answered as it must be. It is counted already."""


def code(key):
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    digest = hmac.digest(secret, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def check(kind, store, old, new):
    """Runs the two versions on one store, and returns how many calls failed."""
    served = collections.Counter()
    load = Load()

    def phase(name):
        before = [(server, server.calls) for server in load.servers]
        load.until_each_served(CALLS)
        counts = ", ".join(f"{server.name} {server.calls - calls}" for server, calls in before)
        print(f"{kind}: {name}: {counts} calls", flush=True)

    def stop(server):
        load.stop_server(server)
        served[server.name] += server.calls

    servers = []
    try:

        def start(name, binary):
            servers.append(Server(name, binary, store))
            load.add(servers[-1])
            return servers[-1]

        first = start("old", old)
        phase("old serves")
        second = start("new", new)
        phase("new has migrated")
        stop(second)
        phase("new has stopped")
        stop(first)
        first = start("old", old)
        phase("old has started on the newer tables")
        second = start("new", new)
        phase("new has come back")
        stop(first)
        phase("old has stopped")
    finally:
        load.end()
        for server in servers:
            server.process.kill()
    served["new"] += second.calls
    print(f"{kind}: {served['old']} calls on old, {served['new']} on new, {load.failures.total()} failed", flush=True)
    for failure, count in load.failures.most_common(10):
        print(f"{kind}: {count} × {failure}")
    return load.failures.total()


def main():
    page = (ROOT / "docs/upgrades.md").read_text()
    baseline = re.search(r"^The baseline is commit `([0-9a-f]+)`", page, re.MULTILINE)[1]
    with tempfile.TemporaryDirectory() as work:
        old, new = os.path.join(work, "old"), os.path.join(work, "new")
        build(baseline, lambda tree: None, old)
        build("HEAD", add_migrations, new)
        schema = f"upgrade_{os.getpid()}"
        url = os.environ["MFA_TEST_POSTGRES"]
        subprocess.run(["psql", "--quiet", "--command", f"CREATE SCHEMA {schema}", url], check=True)
        failed = check("postgres", f"{url}?options=-c%20search_path%3D{schema}", old, new)
        failed += check("sqlite", f"sqlite://{work}/mfa.db", old, new)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
