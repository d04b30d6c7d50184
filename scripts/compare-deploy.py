#!/usr/bin/env python3
"""Compares deploy/aws with the code: what the role allows and how the tables look with what mfa-store-dynamo calls and
would make; which routes ask for the administrators' key with the router; which settings the function gets with those
that the program reads. Nothing is listed here: both sides are read. Run by scripts/test-deploy."""

import json
import pathlib
import re
import sys

import hcl2
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What DynamoDB counts by table and operation, and alarms watch.
METRICS = ("ThrottledRequests", "SystemErrors")
failures = []


def read(path):
    """Rust source without comments and unit tests."""
    text = (ROOT / path).read_text().split("\n#[cfg(test)]\nmod ")[0]
    return re.sub(r"^\s*//.*$", "", text, flags=re.M)


def expect(what, ours, code):
    if ours != code:
        failures.append(f"{what}:\n    deploy  {ours}\n    code    {code}")


def sure(found, what):
    """The sources are read by their look: say so where they changed it, rather than find nothing and pass."""
    if not found:
        sys.exit(f"compare-deploy: {what} is no longer found; adapt this script to the code")
    return found


# --- What the adapter calls ---------------------------------------------------------------------------------------

DYNAMO = "mfa-store-dynamo/src"
CALL = re.compile(r"\bclient\s*\.\s*(\w+)\(\)")
GUARD = re.compile(r"\bpermission\.create_table\b[^;]*?\b\w+\(client, plan(?:, [\w.]+)?\)")


def operations(text):
    """The API's names of a source's calls: GetItem for `client.get_item()`."""
    return {"".join(word.title() for word in name.split("_")) for name in CALL.findall(text) if name != "clone"}


def functions(text):
    """Name and text of each function."""
    parts = re.split(r"\bfn (\w+)", text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def reached(method, methods, skipped):
    """The calls of a method of `Table` and those that it calls: (operation, whether on the index)."""
    text = sure(methods.get(method), f"Table::{method}")
    found = {(operation, ".index_name(" in text) for operation in operations(text)}
    for callee in set(re.findall(r"\bself\.(\w+)\(", text)) & methods.keys() - {method} - skipped:
        found |= reached(callee, methods, skipped)
    return found


def lists_fast():
    """Whether the library or a program asks for listings that an index may serve."""
    crates = (ROOT / crate / "src" for crate in ("mfa-core", "mfa-http"))
    sources = (read(path.relative_to(ROOT)) for crate in crates for path in crate.rglob("*.rs"))
    return any(re.search(r"\bListing::Fast\b", source) for source in sources)


def record_tables():
    """The word for each kind of record in the setting that names its table."""
    shapes = sure(re.search(r"SHAPES: \[&Shape; \d+\] = \[(.*?)\]", read("mfa-core/src/store/record.rs")), "the kinds")
    kinds = re.findall(r"(\w+)Record::SHAPE", shapes[1])
    words = dict(re.findall(r'RecordKind::(\w+) => "(\w+)"', read(f"{DYNAMO}/settings.rs")))
    return [words.get(kind, kind.lower()) for kind in sure(kinds, "a kind of record")]


def adapter():
    """Per table: its calls, its key, whether they need an index on `apiKey`, whether rows expire."""
    lib, migration = read(f"{DYNAMO}/lib.rs"), read(f"{DYNAMO}/migration.rs")
    methods = functions(read(f"{DYNAMO}/table.rs")) | functions(read(f"{DYNAMO}/listing.rs"))
    # The arm of `page` that only a fast listing by owner takes.
    arm = r"Wanted::OwnedBy\([^=]*\bListing::Fast\b[^=]*=>\s*\{?\s*self\.(\w+)\("
    by_index = set(sure(re.findall(arm, methods["page"]), "the arm of a fast listing"))
    fast = lists_fast()
    attributed = operations(methods["page"]).union(*(operations(methods[method]) for method in by_index))

    # Opening a store calls what `prepare` does, less what it only does to make tables, which the function may not.
    steps = functions(migration)
    sure(GUARD.search(steps["prepare"]), "a step of the migration behind permission.create_table")
    steps["prepare"] = GUARD.sub("", steps["prepare"])
    always, todo, seen = set(), {"prepare"}, set()
    while todo:
        seen.add(step := todo.pop())
        always |= operations(steps[step])
        todo |= (set(re.findall(r"\b(\w+)\(\s*client\b", steps[step])) & steps.keys()) - seen
    start = {(operation, False) for operation in always}

    tables = {}
    for module, uses, names in [
        ("api_key", r"\bself\s*\.\s*api_keys\s*\.\s*(\w+)\(", ["api_key"]),
        ("record", r"\.\s*table\s*\.\s*(\w+)\(", record_tables()),
    ]:
        text = read(f"{DYNAMO}/{module}.rs")
        key = sure(re.search(r'Table::new\(client, name, "(\w+)"\)', text), f"the hash key in {module}.rs")[1]
        calls = set(start)
        owned = "Wanted::OwnedBy(" in text
        for method in sure(re.findall(uses, text), f"a use of a table in {module}.rs"):
            calls |= reached(method, methods, set() if fast and owned else by_index)
        for name in names:
            tables[name] = {"calls": calls, "key": key, "index": fast and owned, "expires": False}
        expect(f"calls in {module}.rs that go past Table", set(), operations(text))
        attributed |= {operation for operation, _ in calls}

    plan = r'Plan \{ name: &settings\.(\w+)_table, key: "(\w+)", owned: false, expires: true \}'
    name, key = sure(re.search(plan, lib), "the opening of the ceremony table").groups()
    calls = operations(read(f"{DYNAMO}/ceremony.rs"))
    tables[name] = {"calls": start | {(o, False) for o in calls}, "key": key, "index": False, "expires": True}

    # What `doctor` asks is asked by an operator, not in the function's role.
    files = {path.name for path in (ROOT / DYNAMO).glob("*.rs")} - {"migration.rs", "inspect.rs"}
    everywhere = set().union(*(operations(read(f"{DYNAMO}/{file}")) for file in files))
    expect("calls of the adapter that belong to no table", set(), everywhere - attributed - calls)
    return tables


def constant(path, name):
    return sure(re.search(rf'const {name}: &str = "(\S+)";', read(path)), name)[1]


def administrators():
    """Whether each of the contract's paths asks for the administrators' key."""
    paths = {}
    for path, operations in json.loads(read("docs/openapi.json"))["paths"].items():
        asked = {any("adminKey" in way for way in one.get("security", [])) for one in operations.values()}
        paths[path] = sure(len(asked) == 1, f"one answer to who may call {path}") and asked.pop()
    return sure(paths, "the contract's paths")


# --- What is deployed ---------------------------------------------------------------------------------------------


class Template(yaml.SafeLoader):
    """CloudFormation's short forms: `!Ref x` is {"Ref": x}."""


def tagged(loader, tag, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    value = kinds[type(node)](node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node, True)
    return {tag: value}


Template.add_multi_constructor("!", tagged)


def texts(value):
    """All texts in a value, at any depth."""
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in texts(part)] if isinstance(value, list) else [str(value)]


def from_template():
    resources = yaml.load((ROOT / "deploy/aws/template.yaml").read_text(), Template)["Resources"]
    ids = {"api_key": "ApiKeyTable", "totp": "TotpTable", "webauthn": "WebauthnTable", "ceremony": "CeremonyTable"}
    function = resources["Function"]["Properties"]
    tables = {}
    for name, logical_id in ids.items():
        table = resources[logical_id]["Properties"]
        tables[name] = {
            "key": [key["AttributeName"] for key in table["KeySchema"]],
            "indexes": [
                (i["IndexName"], [key["AttributeName"] for key in i["KeySchema"]], i["Projection"]["ProjectionType"])
                for i in table.get("GlobalSecondaryIndexes", [])
            ],
            "ttl": table.get("TimeToLiveSpecification", {}).get("AttributeName"),
            "kept": (
                resources[logical_id]["DeletionPolicy"] == "Retain"
                and table.get("DeletionProtectionEnabled", False)
                and table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
            ),
            "sealed": table["SSESpecification"]["SSEEnabled"],
            "calls": set(),
            "watched": {},
        }
    for role in (r["Properties"] for r in resources.values() if r["Type"] == "AWS::IAM::Role"):
        expect("managed policies of the template's role", role.get("ManagedPolicyArns"), None)
        for statement in (s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]):
            where = texts(statement["Resource"])
            on = {name for name, logical_id in ids.items() if logical_id in where}
            grant(tables, statement["Action"], on, any("/index/" in text for text in where), where)
    alarms = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    for name, queries in ((name, alarm["Metrics"]) for name, alarm in alarms.items() if "Metrics" in alarm):
        expressions = [text for query in queries if "Expression" in query for text in texts(query["Expression"])]
        metrics = {query["Id"]: query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query}
        acceptable(f"the template's alarm {name}", expressions, len(metrics))
        summed = re.findall(r"\bm\d+\b", "".join(expressions))
        expect(f"the template's alarm {name}: metrics that its expression takes", sorted(summed), sorted(metrics))
        for metric in metrics.values():
            dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            for table in (table for table, logical_id in ids.items() if logical_id in texts(dimensions["TableName"])):
                tables[table]["watched"].setdefault(metric["MetricName"], []).append(dimensions["Operation"])
    events = [event["Properties"] for event in function["Events"].values()]
    paths = {event["Path"]: event.get("Auth", {}).get("ApiKeyRequired", False) for event in events}
    expect("a policy that SAM adds to the function", function.get("Policies"), None)
    return tables, paths, function["Environment"]["Variables"]


def acceptable(alarm, expressions, metrics):
    """What CloudWatch would refuse, which cfn-lint does not know, and no check here reaches AWS."""
    expect(f"{alarm}: metrics above the ten that an alarm takes", max(metrics - 10, 0), 0)
    for expression in expressions:
        if re.search(r"\bSELECT\b.*\bOR\b", expression, re.I | re.S):
            failures.append(f"{alarm}: a Metrics Insights query knows no OR: {expression}")


def plain(value):
    """hcl2 keeps the quotes of texts and of block labels."""
    if isinstance(value, dict):
        return {key.strip('"'): plain(member) for key, member in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value.strip('"') if isinstance(value, str) else value


def from_terraform():
    blocks = {}
    for path in sorted((ROOT / "deploy/aws/terraform").glob("*.tf")):
        for kind, found in plain(hcl2.loads(path.read_text())).items():
            for block in found:
                for label, body in block.items():
                    into = blocks.setdefault((kind, label), {})
                    into.update(body if isinstance(body, dict) else {label: body})
    tables = {}
    for name, table in blocks["resource", "aws_dynamodb_table"].items():
        tables[name] = {
            "key": [table["hash_key"]] + ([table["range_key"]] if "range_key" in table else []),
            "indexes": [
                (i["name"], [i["hash_key"]], i["projection_type"]) for i in table.get("global_secondary_index", [])
            ],
            "ttl": table.get("ttl", [{}])[0].get("attribute_name"),
            "kept": (
                table.get("deletion_protection_enabled", False)
                and table.get("point_in_time_recovery", [{}])[0].get("enabled", False)
                and table.get("lifecycle", [{}])[0].get("prevent_destroy", False)
            ),
            "sealed": table["server_side_encryption"][0]["enabled"],
            "calls": set(),
            "watched": {},
        }
    for document in blocks["data", "aws_iam_policy_document"].values():
        for statement in document["statement"]:
            for resource in statement.get("resources", []):
                on = re.findall(r"\btable_arns\.(\w+)", resource)
                grant(tables, statement["actions"], on, "/index/" in resource, resource)
    for name, alarm in blocks["resource", "aws_cloudwatch_metric_alarm"].items():
        expressions = [query.get("expression", "") for query in alarm.get("metric_query", [])]
        acceptable(f"Terraform's alarm {name}", expressions, 0)
    # An alarm for each table, whose expression sums over all of its metrics.
    for table, listed in sure(blocks.get(("locals", "table_operations")), "local.table_operations").items():
        acceptable(f"Terraform's alarm of {table}", [], len(METRICS) * len(listed))
        tables[table]["watched"] = dict.fromkeys(METRICS, listed)
    expect("other policies of Terraform's role", ("resource", "aws_iam_role_policy_attachment") in blocks, False)
    gateway = {label: body[label] for (kind, label), body in blocks.items() if kind == "locals" and label in body}
    paths = dict.fromkeys(gateway["administrators"], True) | dict.fromkeys(gateway["everybody"], False)
    function = blocks["resource", "aws_lambda_function"]["mfa"]
    return tables, paths, function["environment"][0]["variables"]


def grant(tables, actions, on, index, where):
    actions = [actions] if isinstance(actions, str) else actions
    actions = {action.removeprefix("dynamodb:") for action in actions if not action.startswith(("logs:", "sts:"))}
    if actions and not on:
        failures.append(f"{sorted(actions)} are allowed on {where}, which is none of the tables")
    for table in on:
        tables[table]["calls"] |= {(action, index) for action in actions}


def covers(paths, route):
    """Whether the gateway's path that takes a route asks for the key: the literal one, or the longest prefix."""
    if route in paths:
        return paths[route]
    prefixes = [path for path in paths if path.endswith("{proxy+}") and route.startswith(path[: -len("{proxy+}")])]
    return paths[max(prefixes, key=len)] if prefixes else None


def main():
    code, routes = adapter(), administrators()
    index = (constant(f"{DYNAMO}/migration.rs", "INDEX"), [constant(f"{DYNAMO}/migration.rs", "OWNER")], "ALL")
    ttl = constant(f"{DYNAMO}/ceremony.rs", "TIME_TO_LIVE")
    program = "".join(path.read_text() for path in (ROOT / "mfa-http/src").rglob("*.rs"))
    for source, (tables, paths, environment) in {"template": from_template(), "Terraform": from_terraform()}.items():
        expect(f"{source}: tables", sorted(tables), sorted(code))
        for name in sorted(tables.keys() & code.keys()):
            table, wanted = tables[name], code[name]
            expect(
                f"{source}: calls allowed on {name}",
                *(
                    sorted(call + (" (index)" if on_index else "") for call, on_index in calls)
                    for calls in (table["calls"], wanted["calls"])
                ),
            )
            # DynamoDB does not count what is asked about a table, such as DescribeTable.
            counted = sorted({call for call, _ in wanted["calls"] if not call.endswith("Table")})
            for metric in METRICS:
                expect(
                    f"{source}: operations of {name} whose {metric} an alarm watches",
                    sorted(table["watched"].get(metric, [])),
                    counted,
                )
            expect(f"{source}: key of {name}", table["key"], [wanted["key"]])
            expect(f"{source}: indexes of {name}", table["indexes"], [index] if wanted["index"] else [])
            expect(f"{source}: TTL of {name}", table["ttl"], ttl if wanted["expires"] else None)
            expect(f"{source}: {name} is kept and backed up", table["kept"], not wanted["expires"])
            expect(f"{source}: {name} is encrypted", table["sealed"], True)
        for route, administrator in routes.items():
            expect(f"{source}: {route} asks for the administrators' key", covers(paths, route), administrator)
        expect(f"{source}: MFA_MIGRATE, without which tables would be made", environment.get("MFA_MIGRATE"), "false")
        unread = sorted(name for name in environment if f'"{name}"' not in program)
        expect(f"{source}: settings that the program does not read", unread, [])
        expect(
            f"{source}: settings of tables",
            sorted(n for n in environment if n.endswith("_TABLE")),
            sorted(f"{name.upper()}_TABLE" for name in code),
        )
    for failure in failures:
        print(f"compare-deploy: {failure}", file=sys.stderr)
    for name, table in code.items():
        calls = ", ".join(sorted(call + (" (index)" if on_index else "") for call, on_index in table["calls"]))
        print(f"{name}: {calls}")
    print(f"{len(routes)} routes, of which {sum(routes.values())} ask for the administrators' key")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
