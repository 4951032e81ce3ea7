"""The policy of the documentation names each call. That it has all that the role makes, tests/aws_hub sees."""

import json
from pathlib import Path

POLICY = Path(__file__).parents[3] / "docs/aws-policy.json"


def test_each_call_is_named_once_and_none_by_a_pattern():
    statements = json.loads(POLICY.read_text())["Statement"]
    allowed = [action for statement in statements for action in statement["Action"]]
    assert len(allowed) == len(set(allowed)) and "*" not in "".join(allowed)
    assert all(statement["Action"] == sorted(statement["Action"]) for statement in statements)
