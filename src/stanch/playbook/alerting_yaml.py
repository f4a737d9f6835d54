"""The alerting rules that a fence of YAML holds."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import yaml

from stanch.playbook.alerting_rule import AlertingRule
from stanch.playbook.document import Code


@lru_cache(maxsize=64)
def alerting_rules(code: Code) -> tuple[AlertingRule, ...] | str:
    """The rules of a fence, or why it cannot be read. Remembered: signals and thresholds are both read from them."""
    try:
        root = yaml.compose(code.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        where = f" (line {code.first + error.problem_mark.line})" if error.problem_mark else ""
        return f"they are no YAML: {error.problem}{where}"
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return f"they are no YAML: {' '.join(str(error).split()) or 'it is nested too deep'}"
    return tuple(_entries(root, code.first))


def _entries(root: yaml.Node | None, first: int) -> Iterator[AlertingRule]:
    """The rules at the places where they stand: a list, groups of them, the resource of the Prometheus operator."""
    pending = [root]
    for _ in range(4):
        below: list[yaml.Node | None] = []
        for node in pending:
            if isinstance(node, yaml.SequenceNode):
                below.extend(node.value)
            elif isinstance(node, yaml.MappingNode):
                keys = {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
                if "alert" in keys and "expr" in keys:
                    yield _entry(keys, first)
                below.extend(keys[name][1] for name in ("groups", "rules", "spec") if name in keys)
        pending = [node for each in below for node in (each.value if isinstance(each, yaml.SequenceNode) else [each])]


def _entry(keys: Mapping[str, tuple[yaml.Node, yaml.Node]], first: int) -> AlertingRule:
    labels = keys["labels"][1] if "labels" in keys else None
    named = {_text(key): _text(value) for key, value in labels.value} if isinstance(labels, yaml.MappingNode) else {}
    return AlertingRule(
        name=_text(keys["alert"][1]),
        expression=" ".join(_text(keys["expr"][1]).split()),
        held=_text(keys["for"][1]) if "for" in keys else "",
        severity=named.get("severity", named.get("priority", "")),
        line=first + keys["expr"][0].start_mark.line,
    )


def _text(node: yaml.Node) -> str:
    return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
