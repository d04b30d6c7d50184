#!/usr/bin/env python3
"""Holds the contract to itself and to what schemathesis heard: each example fits its schema, and each operation that
can succeed on made-up data did. Called by scripts/test-contract.

  scripts/check-contract.py CONTRACT REPORT     both JSON, the report in HAR
"""

import json
import pathlib
import sys
import urllib.parse

import jsonschema_rs

# What succeeds only with a signature, credentials of its own or a user with a key. Tests in Rust hear these, as they do
# what is about one record by its id; their answers are among the examples.
NEEDS_A_KEY = {
    "DELETE /webauthn/user",
    "POST /api-key/activate",
    "POST /api-key/rotate",
    "POST /webauthn/login",
    "PUT /webauthn/login",
    "PUT /webauthn/register",
}


def operations(contract):
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def examples(contract):
    """Complaints about examples, and how many there are."""
    wrong, count = [], 0
    for name, operation in operations(contract):
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                if "example" not in content:
                    continue
                count += 1
                schema = {**content["schema"], "components": contract["components"]}
                for error in jsonschema_rs.validator_for(schema).iter_errors(content["example"]):
                    wrong.append(f"the example of {name} {status}: {error.message}")
    return wrong, count


def never_succeeded(contract, report):
    succeeded = set()
    for entry in report["log"]["entries"]:
        if 200 <= entry["response"]["status"] < 300:
            path = urllib.parse.urlsplit(entry["request"]["url"]).path
            succeeded.add(f"{entry['request']['method']} {path}")
    about_no_record = {name for name, _ in operations(contract) if "{" not in name}
    return sorted(about_no_record - succeeded - NEEDS_A_KEY)


def main():
    contract, report = (json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:])
    wrong, count = examples(contract)
    wrong += [f"{name} never succeeded" for name in never_succeeded(contract, report)]
    if not count or wrong:
        sys.exit("\n".join(wrong or ["the contract has no examples"]))
    print(f"  {count} examples fit their schemas")


main()
