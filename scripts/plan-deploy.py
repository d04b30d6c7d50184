#!/usr/bin/env python3
"""Lets Terraform plan deploy/aws/terraform with each combination of its variables, and holds each plan to the template's
roles and to the contract's routes. Reaches no network. Run by scripts/test-deploy, where Terraform has its AWS provider:
plan-deploy.py TERRAFORM FOLDER, in which the files are initialised"""

import importlib.util
import itertools
import json
import os
import pathlib
import subprocess
import sys

spec = importlib.util.spec_from_file_location("compare", pathlib.Path(__file__).with_name("compare-deploy.py"))
compare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)
expect = compare.expect

TERRAFORM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
TAGS = {"team": "identity"}
# The provider itself, with what it would ask AWS.
BEGINNING = """
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}
override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "123456789012" }
}
override_data {
  target = data.aws_secretsmanager_secret_version.admin_key
  values = { secret_string = "0123456789abcdef0123" }
}
"""
PROBE = """
output "security" {
  value = { for path, one in local.openapi.paths : path => one.x-amazon-apigateway-any-method.security }
}
"""


def combinations():
    """Each combination of variables on which anything is conditional. The predecessors' tables come together, here with
    each of the other settings."""
    domain = {"name": "mfa.example.com", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/abc"}
    zone = {**domain, "hosted_zone_id": "Z0123456789"}
    theirs = {"api_key_table": "their-keys", "totp_table": "their-totps", "webauthn_table": "their-users"}
    theirs |= {"tags": TAGS, "stage_name": "dev", "throttled_status": "401", "log_retention_days": 30}
    choices = (
        ({}, theirs, {**theirs, "ceremony_table": "their-ceremonies"}),
        [{"gateway_key": key} for key in ("new", "none", "abcdefghij")],
        [{"domain": one} for one in (None, domain, zone, {**zone, "failover_role": "SECONDARY"})],
    )
    for parts in itertools.product(*choices):
        variables = {"admin_key_secret": "key", "package": "package.zip"}
        for part in parts:
            variables |= part
        yield variables


def plans(every):
    """What Terraform plans for each of the variables."""
    runs = (
        f'run "r{n}" {{\n  command = plan\n  variables {{\n'
        + "".join(f"    {name} = {json.dumps(value)}\n" for name, value in variables.items())
        + "  }\n}\n"
        for n, variables in enumerate(every)
    )
    (FOLDER / "combinations.tftest.hcl").write_text(BEGINNING + "".join(runs))
    (FOLDER / "probe.tf").write_text(PROBE)
    (FOLDER / "package.zip").touch()
    command = [TERRAFORM, f"-chdir={FOLDER}", "test", "-json", "-verbose"]
    # None of this machine's accounts.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as terraform:
        for message in map(json.loads, terraform.stdout):
            if message["type"] == "test_plan":
                yield int(message["@testrun"][1:]), message["test_plan"]
            elif message["type"] == "diagnostic":
                print(json.dumps(message["diagnostic"], indent=1), file=sys.stderr)
    if terraform.returncode:
        sys.exit(f"plan-deploy: {TERRAFORM} test failed")


def check(variables, plan, wanted, routes):
    found = {}
    for one in plan["resource_changes"]:
        found.setdefault(one["type"], {})[one["address"]] = one["change"]["after"]

    names = {table: variables.get(f"{table}_table") or f"mfa-{table.replace('_', '-')}" for table in wanted}
    made = {f"aws_dynamodb_table.{table}[0]" for table in wanted if f"{table}_table" not in variables}
    expect("tables that Terraform makes", {name for kind in found if "dynamodb" in kind for name in found[kind]}, made)

    tables = {table: {"calls": set()} for table in wanted}
    arns = {f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}": table for table, name in names.items()}
    for statement in found["aws_iam_policy_document"]["data.aws_iam_policy_document.function"]["statement"]:
        resources = statement.get("resources") or []
        on = [arns[resource] for resource in resources if resource in arns]
        if any(action.startswith("dynamodb:") for action in statement["actions"]):
            expect("what a statement allows calls on", len(on), len(resources))
        compare.grant(tables, statement["actions"], on, False, resources)
    for table in wanted:
        expect(f"calls on {table}", tables[table]["calls"], wanted[table]["calls"])
    (function,) = found["aws_lambda_function"].values()
    environment = function["environment"][0]["variables"]
    expect("the function's tables", {table: environment[f"{table.upper()}_TABLE"] for table in wanted}, names)
    expect("the function's status", environment["MFA_THROTTLED_STATUS"], variables.get("throttled_status", "429"))
    for table, name in names.items():
        alarm = found["aws_cloudwatch_metric_alarm"][f'aws_cloudwatch_metric_alarm.tables["{table}"]']
        metrics = [metric for query in alarm["metric_query"] for metric in query["metric"]]
        expect(f"tables that {table}'s alarm watches", {one["dimensions"]["TableName"] for one in metrics}, {name})

    gateway, domain = variables["gateway_key"], variables["domain"] or {}
    zone = "hosted_zone_id" in domain
    counts = {
        "aws_api_gateway_api_key": gateway == "new",
        "aws_api_gateway_usage_plan": gateway != "none",
        "aws_api_gateway_usage_plan_key": gateway != "none",
        "aws_api_gateway_domain_name": bool(domain),
        "aws_api_gateway_base_path_mapping": bool(domain),
        "aws_route53_record": zone,
        "aws_route53_health_check": zone and "failover_role" not in domain,
    }
    expect("resources", {kind: len(found.get(kind, {})) for kind in counts}, counts)
    for key in found.get("aws_api_gateway_usage_plan_key", {}).values():
        expect("the key that API Gateway accepts", key.get("key_id"), None if gateway == "new" else gateway)
    security = plan["output_changes"]["security"]["after"]
    paths = {path: asked == [{"administrators": []}] for path, asked in security.items()}
    for route, administrator in routes.items():
        asked = administrator and gateway != "none"
        expect(f"{route} asks for the administrators' key", compare.covers(paths, route), asked)

    for address, after in ((address, after) for kind in found.values() for address, after in kind.items()):
        if "tags" in after:
            expect(f"tags of {address}", after["tags"] or {}, variables.get("tags", {}))
    (stage,) = found["aws_api_gateway_stage"].values()
    expect("the stage", stage["stage_name"], variables.get("stage_name", "prod"))
    (log,) = found["aws_cloudwatch_log_group"].values()
    expect("the log's retention", log["retention_in_days"], variables.get("log_retention_days", 60))


def main():
    every = list(combinations())
    wanted, _ = compare.parts_of_template()
    routes = compare.administrators()
    checked = 0
    for number, plan in plans(every):
        known = len(compare.failures)
        check(every[number], plan, wanted, routes)
        if len(compare.failures) > known:
            break
        checked += 1
    for failure in compare.failures:
        print(f"plan-deploy: {failure}", file=sys.stderr)
    if compare.failures:
        sys.exit(f"plan-deploy: with {every[number]}")
    if checked != len(every):
        sys.exit(f"plan-deploy: only {checked} of {len(every)} were planned")
    print(f"{checked} combinations of Terraform's variables")


main()
