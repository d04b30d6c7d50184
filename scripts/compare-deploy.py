#!/usr/bin/env python3
"""Compares the two descriptions of the service in deploy/aws, the template and Terraform, with each other, and the routes
that ask for the administrators' key with the contract. Checks the template with every combination of its parameters. All
sides are read, not listed. Run by scripts/test-deploy, as is try-deploy-role.py, which holds the template to the program."""

import json
import pathlib
import re
import sys

import expand_template
import hcl2

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What DynamoDB counts by table and operation, and alarms watch.
METRICS = ("ThrottledRequests", "SystemErrors")
failures = []


def expect(what, found, wanted):
    if found != wanted:
        failures.append(f"{what}:\n    found   {found}\n    wanted  {wanted}")


def sure(found, what):
    """Says so where nothing is found, rather than pass."""
    if not found:
        sys.exit(f"compare-deploy: {what} is not found")
    return found


def administrators():
    """Whether each of the contract's paths asks for the administrators' key."""
    paths = {}
    for path, operations in json.loads((ROOT / "docs/openapi.json").read_text())["paths"].items():
        asked = {any("adminKey" in way for way in one.get("security", [])) for one in operations.values()}
        paths[path] = sure(len(asked) == 1, f"one answer to who may call {path}") and asked.pop()
    return sure(paths, "the contract's paths")


# --- What is deployed ---------------------------------------------------------------------------------------------


TABLES = {"api_key": "ApiKeyTable", "totp": "TotpTable", "webauthn": "WebauthnTable", "ceremony": "CeremonyTable"}
# What may name a table that the template did not make. None of these changes a table.
MAY_NAME = {"AWS::IAM::Role", "AWS::Serverless::Function", "AWS::CloudWatch::Alarm"}


def texts(value):
    """All texts in a value, at any depth."""
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in texts(part)] if isinstance(value, list) else [str(value)]


def layout(table):
    """The keys and indexes of a table, as DynamoDB and CloudFormation alike describe it."""

    def names(schema):
        return [key["AttributeName"] for key in schema]

    indexes = table.get("GlobalSecondaryIndexes", [])
    indexes = [(i["IndexName"], names(i["KeySchema"]), i["Projection"]["ProjectionType"]) for i in indexes]
    return {"key": names(table["KeySchema"]), "indexes": indexes}


def from_template(values, template):
    """What one expansion of the template says: see expand_template.py."""
    resources = template["Resources"]
    names = {table: logical_id + "Name" * (values[f"{logical_id}Name"] != "") for table, logical_id in TABLES.items()}
    tables = {name: {"calls": set(), "watched": {}} for name in TABLES}
    made = {name: r for name, r in resources.items() if r["Type"].startswith("AWS::DynamoDB::")}
    expect("tables that the template makes", sorted(made), sorted(set(names.values()) & set(TABLES.values())))
    for name, logical_id in ((name, logical_id) for name, logical_id in TABLES.items() if logical_id in made):
        expect(f"kind of {logical_id}", made[logical_id]["Type"], "AWS::DynamoDB::Table")
        table = made[logical_id]["Properties"]
        tables[name] |= {
            **layout(table),
            "ttl": table.get("TimeToLiveSpecification", {}).get("AttributeName"),
            "kept": (
                made[logical_id]["DeletionPolicy"] == "Retain"
                and table.get("DeletionProtectionEnabled", False)
                and table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
            ),
            "sealed": table["SSESpecification"]["SSEEnabled"],
        }
    theirs = {f"{logical_id}Name" for logical_id in TABLES.values()}
    for name, resource in resources.items():
        if resource["Type"] not in MAY_NAME:
            expect(f"tables that {name} could change", theirs.intersection(texts(resource)), set())
    for role in (r["Properties"] for r in resources.values() if r["Type"] == "AWS::IAM::Role"):
        expect("managed policies of the template's role", role.get("ManagedPolicyArns"), None)
        for statement in (s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]):
            where = texts(statement["Resource"])
            on = {name for name, reference in names.items() if reference in where}
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
            for table in (table for table, reference in names.items() if reference in texts(dimensions["TableName"])):
                tables[table]["watched"].setdefault(metric["MetricName"], []).append(dimensions["Operation"])
    function = resources["Function"]["Properties"]
    expect("a policy that SAM adds to the function", function.get("Policies"), None)
    environment = function["Environment"]["Variables"]
    for table, reference in names.items():
        used = environment[f"{table.upper()}_TABLE"]
        expect(f"the table that the function uses for {table}", used, {"Ref": reference})
    paths = {}
    for path, methods in resources["Api"]["Properties"]["DefinitionBody"]["paths"].items():
        security = methods["x-amazon-apigateway-any-method"].get("security", [])
        paths[path] = security == [{"administrators": []}]
    return tables, paths, environment


def references(value, found):
    """The names that a value refers to: by `Ref`, `Fn::GetAtt`, or in the text of `Fn::Sub`."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "Ref":
                found.add(part.split(".")[0])
            elif name == "Fn::GetAtt":
                found.add(part[0])
            elif name == "Fn::Sub":
                text, given = part if isinstance(part, list) else (part, {})
                found |= {one.split(".")[0] for one in re.findall(r"\$\{([\w.:]+)\}", text)} - given.keys()
                references(given, found)
            else:
                references(part, found)
    elif isinstance(value, list):
        for part in value:
            references(part, found)
    return found


def check_expansion(values, template, routes):
    """What must hold of the template with one combination of its parameters."""
    known = template["Resources"].keys() | template["Parameters"].keys()
    found = references([template["Resources"], template["Outputs"]], set())
    missing = {name for name in found - known if not name.startswith("AWS::")}
    expect("references to what is not made", missing, set())

    gateway, domain, zone = values["GatewayKey"], values["DomainName"] != "", values["HostedZoneId"] != ""
    wanted = {
        "AWS::ApiGateway::ApiKey": gateway == "new",
        "AWS::ApiGateway::UsagePlan": gateway != "none",
        "AWS::ApiGateway::UsagePlanKey": gateway != "none",
        "AWS::ApiGateway::DomainName": domain,
        "AWS::ApiGateway::BasePathMapping": domain,
        "AWS::Route53::RecordSet": zone,
        "AWS::Route53::HealthCheck": zone and values["FailoverRole"] == "PRIMARY",
    }
    resources = template["Resources"]
    made = {kind: sum(r["Type"] == kind for r in resources.values()) for kind in wanted}
    expect("resources", made, wanted)
    own = {"new": "AdministratorsKey", "none": None}.get(gateway, "GatewayKey")
    keys = [r["Properties"]["KeyId"]["Ref"] for r in resources.values() if r["Type"] == "AWS::ApiGateway::UsagePlanKey"]
    expect("keys that API Gateway accepts", keys, [own] if own else [])
    for record in (r["Properties"] for r in resources.values() if r["Type"] == "AWS::Route53::RecordSet"):
        expect("the primary's health check", "HealthCheckId" in record, values["FailoverRole"] == "PRIMARY")

    check("template", *from_template(values, template), routes, gateway != "none")


def parts_of_template():
    """The template's tables and settings where it makes all tables, as try-deploy-role.py tries them."""
    for values, template in expand_template.expansions():
        if not any(values[f"{logical_id}Name"] for logical_id in TABLES.values()):
            tables, _, environment = from_template(values, template)
            defaults = {name: one.get("Default") for name, one in template["Parameters"].items()}
            for name, value in environment.items():
                if not isinstance(value, str) and value.get("Ref") in defaults:
                    environment[name] = defaults[value["Ref"]]
            return tables, environment
    return sure(None, "a template that makes its tables")


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
    theirs = {label for kind, label in blocks if kind == "resource" and "dynamodb" in label}
    expect("resources of Terraform that could change a table", theirs, {"aws_dynamodb_table"})
    tables = {}
    for name, table in blocks["resource", "aws_dynamodb_table"].items():
        expect(f"when Terraform makes {name}", table.get("count"), f'${{var.{name}_table == "" ? 1 : 0}}')
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


def check(source, tables, paths, environment, routes, gateway):
    """What must hold of either description; `gateway` says whether API Gateway requires a key."""
    for name, table in tables.items():
        # DynamoDB does not count what is asked about a table, such as DescribeTable.
        counted = sorted({call for call, _ in table["calls"] if not call.endswith("Table")})
        for metric in METRICS:
            watched = sorted(table["watched"].get(metric, []))
            expect(f"{source}: operations of {name} whose {metric} an alarm watches", watched, counted)
        # An existing table is nobody's to describe. Rows that expire are not worth a backup.
        if "kept" in table:
            expect(f"{source}: {name} is kept and backed up", table["kept"], not table["ttl"])
            expect(f"{source}: {name} is encrypted", table["sealed"], True)
    for route, administrator in routes.items():
        expect(f"{source}: {route} asks for the administrators' key", covers(paths, route), administrator and gateway)
    settings = {f"{name.upper()}_TABLE" for name in tables} | {"MFA_ADMIN_KEY", "MFA_MIGRATE", "MFA_THROTTLED_STATUS"}
    expect(f"{source}: settings, which try-deploy-role.py tries", sorted(environment), sorted(settings))
    expect(f"{source}: MFA_MIGRATE, without which tables would be made", environment.get("MFA_MIGRATE"), "false")


def main():
    routes = administrators()
    combinations = 0
    for values, template in expand_template.expansions():
        known = len(failures)
        check_expansion(values, template, routes)
        combinations += 1
        if len(failures) > known:
            print(f"compare-deploy: with {values}:", file=sys.stderr)
            break
    tables, _ = parts_of_template()
    terraform = from_terraform()
    check("Terraform", *terraform, routes, True)
    expect("tables", sorted(terraform[0]), sorted(tables))
    for name in sorted(terraform[0].keys() & tables.keys()):
        for part in ("key", "indexes", "ttl", "calls"):
            expect(f"{part} of {name} in Terraform and the template", terraform[0][name][part], tables[name][part])
    for failure in failures:
        print(f"compare-deploy: {failure}", file=sys.stderr)
    for name, table in tables.items():
        calls = ", ".join(sorted(call + (" (index)" if on_index else "") for call, on_index in table["calls"]))
        print(f"{name}: {calls}")
    print(f"{len(routes)} routes, of which {sum(routes.values())} ask for the administrators' key")
    print(f"{sure(combinations, 'a combination of parameters')} combinations of the template's parameters")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
