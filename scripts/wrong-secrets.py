#!/usr/bin/env python3
"""What a flood of wrong API secrets learns and costs. Starts `PROGRAM serve` on a fresh SQLite store and prints the figures:

* the answers to 500 wrong secrets a second, for an active, a revoked and an unknown key: the same proportions within 1 %;
* 2,000 timings of each key, interleaved: a Mann-Whitney test (p < 0.01) must not tell any two apart;
* the owner's first call to a server that has verified nothing, quiet and under the flood: at most three times as long;
* the CPU time of a refusal, which is far below that of a hash.

    scripts/wrong-secrets.py PROGRAM
"""

import base64
import http.client
import itertools
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SAMPLES = 2000
SECONDS = 6
PACE = 500


class Server:
    def __init__(self, program, store):
        self.process = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0"],
            env=environment(store),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        listens = next(line for line in self.process.stdout if "listens on" in line)
        self.port = int(listens.rsplit(":", 1)[1])

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def environment(store):
    return {**os.environ, "MFA_STORE": f"sqlite://{store}", "MFA_ADMIN_KEY": "wrong-secrets-only"}


def new_key(program, store):
    def run(*arguments):
        answer = subprocess.run(
            [program, "api-key", *arguments], env=environment(store), check=True, capture_output=True, text=True
        )
        return answer.stdout.strip().splitlines()[-1].split()[-1]

    key = run("create", "dev@example.com")
    return key, run("activate", key, "dev@example.com")


def attempt(connection, key, secret):
    began = time.perf_counter()
    path = "/totp/11111111-1111-4111-8111-111111111111"
    connection.request("GET", path, headers={"x-mfa-apikey": key, "x-mfa-apisecret": secret})
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.perf_counter() - began


def wrong():
    return base64.b64encode(random.randbytes(32)).decode()


def mann_whitney(a, b):
    """The two-sided probability that samples of one distribution differ as these do (normal approximation)."""
    ranked = sorted(itertools.chain(((x, 0) for x in a), ((x, 1) for x in b)))
    rank_sum = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    n, m = len(a), len(b)
    u = rank_sum - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def flood(server, targets, seconds, statuses):
    connection = server.connection()
    began = time.perf_counter()
    for n in range(int(seconds * PACE)):
        time.sleep(max(0, began + n / PACE - time.perf_counter()))
        name, key = targets[n % len(targets)]
        status, _ = attempt(connection, key, wrong())
        statuses[name][status] = statuses[name].get(status, 0) + 1


def main(program):
    with tempfile.TemporaryDirectory() as work:
        store = os.path.join(work, "mfa.db")
        active, secret = new_key(program, store)
        revoked, _ = new_key(program, store)
        subprocess.run([program, "api-key", "revoke", revoked], env=environment(store), check=True, capture_output=True)
        targets = [("active", active), ("revoked", revoked), ("unknown", random.randbytes(20).hex())]
        owners = [new_key(program, store) for _ in range(24)]
        failed = False

        server = Server(program, store)
        connection = server.connection()
        attempt(connection, targets[2][1], wrong())
        quiet = [attempt(connection, *owner)[1] for owner in owners[:12]]
        statuses = {name: {} for name, _ in targets}
        before = server.cpu()
        thread = threading.Thread(target=flood, args=(server, targets, SECONDS, statuses))
        thread.start()
        time.sleep(1)
        under = []
        for owner in owners[12:]:
            status, seconds = attempt(connection, *owner)
            assert status == 404, status
            under.append(seconds)
            time.sleep(0.2)
        status, seconds = attempt(connection, active, secret)
        assert status == 404, status
        thread.join()
        spent = server.cpu() - before
        print("answers at 500/s:", statuses)
        refused = [answers.get(401, 0) / sum(answers.values()) for answers in statuses.values()]
        failed |= max(refused) - min(refused) > 0.01
        print(f"the attacked owner's first call: {seconds * 1000:.1f} ms")
        ratio = statistics.median(under) / statistics.median(quiet)
        print(
            f"other owners' first calls: quiet {statistics.median(quiet) * 1000:.1f} ms, "
            f"under the flood {statistics.median(under) * 1000:.1f} ms, ratio {ratio:.2f} (at most 3)"
        )
        failed |= ratio > 3 or seconds > 3 * max(quiet)
        print(f"CPU for {SECONDS * PACE} wrong secrets and 13 first calls: {spent:.2f} s")

        times = {name: [] for name, _ in targets}
        connection = server.connection()
        for _ in range(SAMPLES):
            for name, key in random.sample(targets, 3):
                times[name].append(attempt(connection, key, wrong())[1])
        for (a, x), (b, y) in itertools.combinations(times.items(), 2):
            p = mann_whitney(x, y)
            print(
                f"{a} and {b}: medians {statistics.median(x) * 1e6:.0f} and {statistics.median(y) * 1e6:.0f} µs, p = {p:.3f}"
            )
            failed |= p < 0.01
        server.stop()
    sys.exit(1 if failed else 0)


main(*sys.argv[1:])
