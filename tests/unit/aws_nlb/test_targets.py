# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module aws_nlb_targets: in moto as far as it goes (its targets are always healthy, and never drain), and against
stubbed answers."""

from __future__ import annotations

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._aws_targets import reconcile
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import aws_nlb_targets

A, B, C = "10.40.1.10", "10.40.2.10", "10.40.3.10"


def arn(name="orders"):
    return f"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/{name}/0123456789abcdef"


@pytest.fixture
def groups(aws):
    """ARNs of two target groups in moto, of the ports 3306 and 5432."""
    return [
        aws.elb.create_target_group(Name=name, Port=port, Protocol="TCP", VpcId=aws.vpc, TargetType="ip")[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for name, port in (("orders", 3306), ("crm", 5432))
    ]


def targets_of(aws, group):
    answer = aws.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sorted(f"{entry['Target']['Id']}:{entry['Target']['Port']}" for entry in answer)


def changing(requests):
    return [name for name, _fields in requests if not name.startswith("Describe")]


def targets(*addresses, **fields):
    return [dict(id=address, **fields) for address in addresses]


def test_the_life_of_targets(aws, run, groups, requests, clock):
    wanted = dict(target_groups=[dict(arn=group, targets=targets(A, B)) for group in groups], wait=True)
    checked = run(aws_nlb_targets, check=True, **wanted)
    assert checked["changed"] and changing(requests) == [] and targets_of(aws, groups[0]) == []

    registered = run(aws_nlb_targets, **wanted)
    assert registered["changed"] and registered["diff"] == checked["diff"]
    assert changing(requests) == ["RegisterTargets", "RegisterTargets"]  # one for each group
    assert targets_of(aws, groups[0]) == [f"{A}:3306", f"{B}:3306"]
    orders, crm = registered["target_groups"]
    assert orders["registered"] == checked["target_groups"][0]["registered"] == targets(A, B, port=3306)
    assert crm["registered"] == targets(A, B, port=5432) and crm["deregistered"] == []
    assert orders["targets"] == targets(A, B, port=3306, state="healthy", reason=None, description=None)

    requests.clear()
    again = run(aws_nlb_targets, **wanted)
    assert not again["changed"] and changing(requests) == []
    assert again["target_groups"][0]["targets"] == orders["targets"]
    assert again["target_groups"][0]["registered"] == []

    wanted["target_groups"][0]["targets"] = targets(B, C)
    kept = run(aws_nlb_targets, check=True, **wanted)
    assert kept["target_groups"][0]["registered"] == targets(C, port=3306)
    assert kept["target_groups"][0]["deregistered"] == []
    checked = run(aws_nlb_targets, check=True, purge=True, **wanted)
    assert checked["changed"] and targets_of(aws, groups[0]) == [f"{A}:3306", f"{B}:3306"]
    updated = run(aws_nlb_targets, purge=True, **wanted)
    assert updated["changed"] and updated["diff"] == checked["diff"]
    assert updated["target_groups"][0]["deregistered"] == targets(A, port=3306)
    assert updated["target_groups"][1]["registered"] == updated["target_groups"][1]["deregistered"] == []
    assert targets_of(aws, groups[0]) == [f"{B}:3306", f"{C}:3306"]
    assert not run(aws_nlb_targets, purge=True, **wanted)["changed"]

    gone = dict(target_groups=[dict(arn=groups[0], targets=targets(A, B))], state="absent", wait=True)
    checked = run(aws_nlb_targets, check=True, **gone)
    assert checked["changed"] and len(targets_of(aws, groups[0])) == 2
    removed = run(aws_nlb_targets, **gone)
    assert removed["changed"] and removed["diff"] == checked["diff"]
    assert removed["target_groups"][0]["deregistered"] == targets(B, port=3306)
    assert targets_of(aws, groups[0]) == [f"{C}:3306"]
    assert not run(aws_nlb_targets, **gone)["changed"]
    assert targets_of(aws, groups[1]) == [f"{A}:5432", f"{B}:5432"]


def test_an_empty_list_with_purge_empties_the_group(aws, run, groups):
    run(aws_nlb_targets, target_groups=[dict(arn=groups[0], targets=targets(A, B))])
    empty = [dict(arn=groups[0], targets=[])]
    assert not run(aws_nlb_targets, target_groups=empty)["changed"]
    assert run(aws_nlb_targets, target_groups=empty, purge=True)["changed"]
    assert targets_of(aws, groups[0]) == []


def test_the_port_of_a_group_is_not_asked_for_where_every_target_has_one(aws, run, groups, requests):
    run(aws_nlb_targets, target_groups=[dict(arn=groups[0], targets=targets(A, port=3306))])
    assert "DescribeTargetGroups" not in dict(requests)
    listed = [dict(arn=group, targets=targets(A, B)) for group in groups]
    requests.clear()
    assert run(aws_nlb_targets, target_groups=listed)["target_groups"][0]["registered"] == targets(B, port=3306)
    assert [name for name, _fields in requests].count("DescribeTargetGroups") == 1


def test_a_group_deleted_behind_its_back(aws, run, groups):
    aws.elb.delete_target_group(TargetGroupArn=groups[0])
    listed = [dict(arn=group, targets=targets(A)) for group in groups]
    for check in (True, False):
        refused = run(aws_nlb_targets, check=check, target_groups=listed)
        assert refused["failed"] and f"target group 'orders' ({groups[0]}) does not exist; make it" in refused["msg"]
    assert targets_of(aws, groups[1]) == []
    for check in (True, False):
        gone = run(aws_nlb_targets, check=check, target_groups=listed, state="absent", wait=True)
        assert not gone["changed"] and gone["target_groups"][0]["targets"] == []


def test_a_group_that_does_not_exist_yet_is_fine_in_check_mode_only(aws, run, groups):
    listed = [dict(arn=None, targets=targets(A)), dict(arn=None, targets=targets(B))]
    checked = run(aws_nlb_targets, check=True, target_groups=listed)
    assert checked["changed"] and checked["target_groups"][0]["registered"] == targets(A, port=None)
    assert "target_groups: arn is missing" in run(aws_nlb_targets, target_groups=listed)["msg"]


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([dict(arn=arn(), targets=[]), dict(arn=arn(), targets=[])], f"{arn()} occurs more than once"),
        ([dict(arn=arn(), targets=targets(A, port=0))], f"{A} has port 0; write one from 1 to 65535"),
        ([dict(arn=arn())], "missing required arguments: targets"),
        ([dict(arn=arn(), targets=[dict(port=1)])], "missing required arguments: id"),
        (None, "missing required arguments: target_groups"),
    ],
)
def test_bad_parameters_are_refused(aws, run, requests, listed, said):
    assert said in run(aws_nlb_targets, **({} if listed is None else dict(target_groups=listed)))["msg"]
    assert requests == []


def target(address=A, port=3306, state="healthy"):
    return dict(id=address, port=port, state=state)


@pytest.mark.parametrize(
    ("present", "wanted", "state", "purge", "register", "deregister"),
    [
        pytest.param([target()], [target()], "present", True, [], [], id="as it should be"),
        pytest.param([], [target()], "present", False, [A], [], id="new"),
        pytest.param([target(state="draining")], [target()], "present", False, [A], [], id="draining comes back"),
        pytest.param([target(state="unhealthy.draining")], [target()], "present", False, [], [], id="ill, and stays"),
        pytest.param([target(state="unhealthy")], [target()], "present", False, [], [], id="ill"),
        pytest.param([target(B)], [target()], "present", False, [A], [], id="others stay without purge"),
        pytest.param([target(B)], [target()], "present", True, [A], [B], id="others go with purge"),
        pytest.param([target(B, state="draining")], [target()], "present", True, [A], [], id="others that go already"),
        pytest.param([target(port=1)], [target()], "present", True, [A], [A], id="another port is another target"),
        pytest.param([target(), target(B)], [target()], "absent", False, [], [A], id="absent"),
        pytest.param([target(state="draining")], [target()], "absent", False, [], [], id="goes already"),
        pytest.param([target(B)], [target()], "absent", True, [], [], id="absent purges nothing"),
        pytest.param([target(port=1)], [target()], "absent", False, [], [], id="absent with another port"),
    ],
)  # fmt: skip
def test_reconcile(present, wanted, state, purge, register, deregister):
    added, removed = reconcile(present, wanted, state, purge)
    assert [entry["id"] for entry in added] == register
    assert [entry["id"] for entry in removed] == deregister


# Requests and answers of AWS that moto does not know.


def health(address, state="healthy", reason=None, description=None, port=3306):
    told = {"State": state, "Reason": reason, "Description": description}
    return {
        "Target": {"Id": address, "Port": port},
        "TargetHealth": {key: value for key, value in told.items() if value},
    }


def answer_health(stubs, *descriptions, group=None):
    answer = {"TargetHealthDescriptions": list(descriptions)}
    stubs.elbv2.add_response("describe_target_health", answer, {"TargetGroupArn": group or arn()})


def answer_change(stubs, operation, *addresses, **fields):
    sent = [{"Id": address, "Port": 3306, **fields} for address in addresses]
    stubs.elbv2.add_response(operation, {}, {"TargetGroupArn": arn(), "Targets": sent})


def listed(*addresses, **fields):
    return [dict(arn=arn(), targets=targets(*addresses, port=3306, **fields))]


INITIAL = health(A, "initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
CODES = "Health checks failed with these codes: [503]"
ILL = health(A, "unhealthy", "Target.ResponseCodeMismatch", CODES)


def test_it_waits_until_each_listed_target_is_healthy(stubs, run, clock):
    answer_health(stubs, health(B, "unhealthy"))
    answer_change(stubs, "register_targets", A, AvailabilityZone="all")
    for now in (INITIAL, INITIAL, INITIAL, health(A)):
        answer_health(stubs, now, health(B, "unhealthy"))
    wanted = listed(A, availability_zone="all")
    result = run(aws_nlb_targets, target_groups=wanted, wait=True)
    assert result["changed"] and len(clock.slept) == 2
    assert {entry["id"]: entry["state"] for entry in result["target_groups"][0]["targets"]} == {
        A: "healthy",
        B: "unhealthy",
    }


def test_it_waits_for_an_unchanged_group_too(stubs, run, clock):
    for now in (ILL, ILL, health(A)):
        answer_health(stubs, now)
    result = run(aws_nlb_targets, target_groups=listed(A), wait=True)
    assert not result["changed"] and result["target_groups"][0]["targets"][0]["state"] == "healthy"


def test_a_target_that_stays_ill_is_told_with_its_reason(stubs, run, clock):
    for _ in range(4):
        answer_health(stubs, ILL)
    said = run(aws_nlb_targets, target_groups=listed(A), wait=True, wait_timeout=10)["msg"]
    assert "After 10 s not every target is healthy" in said
    assert f"{A}:3306 of orders is unhealthy (Target.ResponseCodeMismatch: {CODES})" in said


def test_a_target_that_somebody_deregisters_meanwhile_is_told(stubs, run, clock):
    answer_health(stubs)
    answer_change(stubs, "register_targets", A)
    for now in ([INITIAL], [], [], []):
        answer_health(stubs, *now)
    said = run(aws_nlb_targets, target_groups=listed(A), wait=True, wait_timeout=10)["msg"]
    assert f"{A}:3306 of orders is unused (Target.NotRegistered: Target is not registered)" in said


def test_only_groups_that_are_not_done_are_asked_again(stubs, run, clock):
    answer_health(stubs, ILL)
    answer_health(stubs, health(B, port=5432), group=arn("crm"))
    answer_health(stubs, ILL)
    answer_health(stubs, health(A))
    both = [*listed(A), dict(arn=arn("crm"), targets=targets(B, port=5432))]
    assert not run(aws_nlb_targets, target_groups=both, wait=True)["changed"]


def test_check_mode_does_not_wait(stubs, run, clock):
    answer_health(stubs, ILL)
    assert not run(aws_nlb_targets, check=True, target_groups=listed(A), wait=True)["changed"]


DRAINING = health(A, "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")


@pytest.mark.parametrize("parameters", [dict(state="absent"), dict(purge=True)])
def test_it_waits_until_those_that_go_are_gone(stubs, run, clock, parameters):
    answer_health(stubs, health(A), health(B))
    answer_change(stubs, "deregister_targets", A)
    for now in ([DRAINING], [DRAINING], [DRAINING], []):
        answer_health(stubs, *now, health(B))
    wanted = listed(A) if "state" in parameters else listed(B)
    result = run(aws_nlb_targets, target_groups=wanted, wait=True, **parameters)
    assert result["changed"] and len(clock.slept) == 2
    assert result["target_groups"][0]["deregistered"] == targets(A, port=3306)


def test_absent_does_not_wait_for_others_that_go(stubs, run, clock):
    others = health(B, "draining")
    answer_health(stubs, health(A), others)
    answer_change(stubs, "deregister_targets", A)
    answer_health(stubs, others)
    result = run(aws_nlb_targets, target_groups=listed(A), state="absent", purge=True, wait=True)
    assert result["changed"] and clock.slept == []


def test_one_that_drains_for_too_long_is_told(stubs, run, clock):
    for _ in range(4):
        answer_health(stubs, DRAINING)
    said = run(aws_nlb_targets, target_groups=listed(A), state="absent", wait=True, wait_timeout=10)["msg"]
    assert "After 10 s not every target is gone" in said and f"{A}:3306 of orders is draining" in said


def test_a_listed_target_that_drains_is_registered_again(stubs, run):
    answer_health(stubs, DRAINING)
    answer_change(stubs, "register_targets", A)
    answer_health(stubs, INITIAL)
    result = run(aws_nlb_targets, target_groups=listed(A))
    assert result["changed"] and result["diff"] == {"before": {"orders": []}, "after": {"orders": [f"{A}:3306"]}}


def test_those_that_come_are_registered_before_others_go(stubs, run):
    answer_health(stubs, health(A))
    answer_change(stubs, "register_targets", B)  # the stubs keep the order
    answer_change(stubs, "deregister_targets", A)
    answer_health(stubs, DRAINING, health(B, "initial"))
    assert run(aws_nlb_targets, target_groups=listed(B), purge=True)["changed"]


def test_each_port_of_an_address_is_a_target_of_its_own(stubs, run):
    # The one without a port has that of the group. moto knows only one target of an address.
    answer_health(stubs)
    groups = [{"TargetGroupArn": arn(), "Port": 3306}]
    stubs.elbv2.add_response("describe_target_groups", {"TargetGroups": groups}, {"TargetGroupArns": [arn()]})
    sent = [{"Id": A, "Port": 3306}, {"Id": A, "Port": 3307}]
    stubs.elbv2.add_response("register_targets", {}, {"TargetGroupArn": arn(), "Targets": sent})
    answer_health(stubs, health(A), health(A, port=3307))
    thrice = [dict(id=A), dict(id=A, port=3306), dict(id=A, port=3307)]
    result = run(aws_nlb_targets, target_groups=[dict(arn=arn(), targets=thrice)])["target_groups"][0]
    assert result["registered"] == [dict(id=A, port=3306), dict(id=A, port=3307)]


def test_ports_are_asked_for_in_as_many_groups_as_aws_takes(stubs, run):
    arns = [arn(f"r{number}") for number in range(21)]
    for name in arns:
        answer_health(stubs, health(A), group=name)
    for batch in (arns[:20], arns[20:]):
        answer = {"TargetGroups": [{"TargetGroupArn": name, "Port": 3306} for name in batch]}
        stubs.elbv2.add_response("describe_target_groups", answer, {"TargetGroupArns": batch})
    assert not run(aws_nlb_targets, target_groups=[dict(arn=name, targets=targets(A)) for name in arns])["changed"]


def test_throttling_is_retried(stubs, run, clock):
    stubs.elbv2.add_client_error("describe_target_health", "Throttling")
    answer_health(stubs, health(A))
    assert not run(aws_nlb_targets, target_groups=listed(A))["changed"] and len(clock.slept) == 1


def test_a_missing_permission_is_named(stubs, run):
    answer_health(stubs)
    stubs.elbv2.add_client_error("register_targets", "AccessDenied")
    said = run(aws_nlb_targets, target_groups=listed(A))["msg"]
    assert said.startswith("target group 'orders' in eu-central-1: the credentials may not call ")
    assert "elasticloadbalancing:RegisterTargets" in said


def test_a_missing_permission_to_look_is_named(stubs, run):
    stubs.elbv2.add_client_error("describe_target_health", "AccessDenied")
    said = run(aws_nlb_targets, check=True, target_groups=listed(A))["msg"]
    assert "the credentials may not call elasticloadbalancing:DescribeTargetHealth" in said


def test_a_group_that_goes_away_before_its_targets_are_registered_says_what_to_do(stubs, run):
    answer_health(stubs)
    stubs.elbv2.add_client_error("register_targets", "TargetGroupNotFound")
    said = run(aws_nlb_targets, target_groups=listed(A))["msg"]
    assert "target group 'orders' in eu-central-1: it does not exist; make it first" in said


def test_a_target_that_aws_does_not_take_says_what_to_look_at(stubs, run):
    answer_health(stubs)
    stubs.elbv2.add_client_error("register_targets", "InvalidTarget", f"{A} is not in the VPC")
    said = run(aws_nlb_targets, target_groups=listed(A))["msg"]
    assert "is each in the group's VPC, and running" in said and f"{A} is not in the VPC" in said


def test_a_group_that_goes_away_while_its_targets_drain_is_fine(stubs, run, clock):
    answer_health(stubs, health(A))
    stubs.elbv2.add_client_error("deregister_targets", "TargetGroupNotFound")
    stubs.elbv2.add_client_error("describe_target_health", "TargetGroupNotFound")
    result = run(aws_nlb_targets, target_groups=listed(A), state="absent", wait=True)
    assert result["changed"] and result["target_groups"][0]["targets"] == []
