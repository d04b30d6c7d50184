#!/usr/bin/env python3
"""What deploy/aws/template.yaml makes with each combination of its parameters that it accepts. The combinations are read
from its conditions and rules: each value that one of them compares, and one other. compare-deploy.py checks each, and
scripts/test-deploy lints each: expand_template.py FOLDER writes those there that matter to
it."""

import itertools
import json
import pathlib
import sys

import yaml

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "deploy/aws/template.yaml"
NOTHING = {"Ref": "AWS::NoValue"}


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the long ones: `!Ref x` is {"Ref": x}."""


def tagged(loader, tag, node):
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if not isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_sequence(node, True)}
    text = loader.construct_scalar(node)
    return {name: text.split(".", 1) if tag == "GetAtt" else text}


Loader.add_multi_constructor("!", tagged)


def load():
    return yaml.load(SOURCE.read_text(), Loader)


def comparisons(value):
    """The pairs of parameter and text that are compared anywhere in a value."""
    if isinstance(value, dict):
        if "Fn::Equals" in value:
            parameter, text = value["Fn::Equals"]
            return [(parameter["Ref"], text)]
        value = list(value.values())
    return [pair for part in value for pair in comparisons(part)] if isinstance(value, list) else []


def holds(condition, template, values):
    (kind, parts), *_ = condition.items()
    if kind == "Condition":
        return holds(template["Conditions"][parts], template, values)
    if kind == "Fn::Equals":
        return values[parts[0]["Ref"]] == parts[1]
    every = [holds(part, template, values) for part in parts]
    return {"Fn::Not": not every[0], "Fn::And": all(every), "Fn::Or": any(every)}[kind]


def accepted(template, values):
    return all(
        holds(assertion["Assert"], template, values)
        for rule in template["Rules"].values()
        if holds(rule["RuleCondition"], template, values)
        for assertion in rule["Assertions"]
    )


def resolved(value, conditions):
    """A value without its `Fn::If`s."""
    if isinstance(value, dict):
        if "Fn::If" in value:
            condition, then, otherwise = value["Fn::If"]
            return resolved(then if conditions[condition] else otherwise, conditions)
        value = {name: resolved(part, conditions) for name, part in value.items()}
        return {name: part for name, part in value.items() if part != NOTHING}
    if isinstance(value, list):
        return [part for part in (resolved(part, conditions) for part in value) if part != NOTHING]
    return value


def expansions():
    """Each combination of values that the template accepts, with the template that it results in."""
    template = load()
    choices = {}
    for parameter, text in comparisons([template["Conditions"], template["Rules"]]):
        choices.setdefault(parameter, [text]).append(text)
    for parameter, texts in choices.items():
        allowed = template["Parameters"][parameter].get("AllowedValues")
        choices[parameter] = allowed or [*dict.fromkeys(texts), "abcdefghij"]
    for values in itertools.product(*choices.values()):
        values = dict(zip(choices, values, strict=True))
        if not accepted(template, values):
            continue
        conditions = {name: holds(condition, template, values) for name, condition in template["Conditions"].items()}
        expansion = {name: part for name, part in template.items() if name not in ("Conditions", "Rules")}
        expansion["Parameters"] = {
            name: {**parameter, "Default": values[name]} if name in values else parameter
            for name, parameter in template["Parameters"].items()
        }
        for section in ("Resources", "Outputs"):
            parts = resolved(template[section], conditions)
            expansion[section] = {
                name: part for name, part in parts.items() if conditions.get(part.pop("Condition", None), True)
            }
        yield values, expansion


def main():
    # A linter takes a third of a second for each, so the parameters that stand alone vary together.
    together = ("ApiKeyTableName", "TotpTableName", "WebauthnTableName", "AlarmTopic")
    for number, (values, expansion) in enumerate(expansions()):
        if len({values[parameter] for parameter in together}) == 1:
            pathlib.Path(sys.argv[1], f"{number}.json").write_text(json.dumps(expansion))


if __name__ == "__main__":
    main()
