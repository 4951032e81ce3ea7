"""The policy of the documentation allows every call that the role makes. Comes after the other files, whose calls it sees."""

import json

from stand_in import ACTIONS, ROOT


def test_the_documented_policy_allows_every_call_and_nothing_by_a_pattern():
    assert len(ACTIONS) > 70, "run the whole folder: the calls are those of its other tests"
    policy = json.loads((ROOT / "docs/aws-policy.json").read_text())
    allowed = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert sorted(ACTIONS - set(allowed)) == []
    assert len(allowed) == len(set(allowed)) and "*" not in "".join(allowed)
