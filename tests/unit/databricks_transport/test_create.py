"""What is made is made exactly once, whatever happens on the way."""

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks

POST = ("POST", r"/network-connectivity-configs$")


def posts(stand_in):
    return [request for request in stand_in.requests if request.method == "POST"]


def test_nothing_happens(stand_in, make_ncc):
    assert make_ncc()["name"] == "one"
    assert [request.method for request in stand_in.requests] == ["POST"]


@pytest.mark.parametrize(
    ("kind", "params"),
    [("applied_then_reset", {}), ("applied_then_timeout", {"http_timeout": 1})],
)
def test_carried_out_without_an_answer(stand_in, make_ncc, kind, params):
    stand_in.faults.add(*POST, kind, seconds=2)
    made = make_ncc(**params)
    assert list(stand_in.state.nccs.by_id) == [made["network_connectivity_config_id"]]
    assert len(posts(stand_in)) == 1


@pytest.mark.parametrize("kind", ["reset", "bad_gateway", "internal_error", "login_page"])
def test_not_carried_out_or_who_knows(stand_in, make_ncc, clock, kind):
    stand_in.faults.add(*POST, kind)
    with pytest.raises(_databricks.Problem) as failed:
        make_ncc()
    assert failed.value.unknown
    assert "run again, which looks before it makes one" in failed.value.hint
    assert len(posts(stand_in)) == 1
    assert clock.now == _databricks.APPEARS_SECONDS


def test_what_appears_late_is_found(stand_in, make_ncc, clock):
    stand_in.faults.add(*POST, "reset")
    clock.on_sleep = lambda: clock.now >= 3 and stand_in.state.nccs.create("one", "eu-central-1")
    assert make_ncc()["network_connectivity_config_id"] in stand_in.state.nccs.by_id
    assert clock.now == 3


@pytest.mark.parametrize(("kind", "retry_after"), [("rate_limited", 7), ("unavailable", 7), ("unavailable", None)])
def test_repeated_after_another_look(stand_in, make_ncc, clock, kind, retry_after):
    stand_in.faults.add(*POST, kind, retry_after=retry_after)
    assert make_ncc()["name"] == "one"
    assert len(stand_in.state.nccs.by_id) == 1
    assert [request.method for request in stand_in.requests] == ["POST", "GET", "POST"]
    assert clock.slept == [retry_after or 1]


def test_refused_and_made_nevertheless(stand_in, make_ncc, clock):
    """What appears during the pause is not made again."""
    stand_in.faults.add(*POST, "unavailable", retry_after=5)
    clock.on_sleep = lambda: stand_in.state.nccs.create("one", "eu-central-1")
    make_ncc()
    assert len(stand_in.state.nccs.by_id) == 1
    assert len(posts(stand_in)) == 1


def test_does_not_call_without_a_look(stand_in, make_ncc):
    stand_in.faults.add(*POST, "unavailable")
    stand_in.faults.add("GET", r"/network-connectivity-configs$", "internal_error")
    with pytest.raises(_databricks.Problem, match="GET .* Internal error"):
        make_ncc()
    assert len(posts(stand_in)) == 1


def test_why_it_failed_is_said_although_the_look_fails_too(stand_in, make_ncc):
    stand_in.faults.add(*POST, "bad_gateway")
    stand_in.faults.add("GET", r"/network-connectivity-configs$", "internal_error", times=None)
    with pytest.raises(_databricks.Problem, match="POST .*HTTP 502"):
        make_ncc()


def test_limited_for_too_long(stand_in, make_ncc, clock):
    stand_in.faults.add(*POST, "rate_limited", times=None, retry_after=20)
    with pytest.raises(_databricks.Problem) as failed:
        make_ncc(retry_timeout=50)
    assert failed.value.status == 429
    assert "raise retry_timeout" in failed.value.hint
    assert clock.slept == [20, 20]


def test_refused_is_not_repeated(stand_in, account):
    with pytest.raises(_databricks.Problem) as failed:
        account().create("/network-connectivity-configs", dict(name="?", region="x"), pytest.fail)
    assert failed.value.code == "INVALID_PARAMETER_VALUE"
    assert failed.value.status == 400
    assert len(posts(stand_in)) == 1


def test_made_by_somebody_else_at_the_same_moment(stand_in, workspace):
    api = workspace()
    path = "/api/2.1/unity-catalog/catalogs"
    body = dict(name="somebodys")
    first = api.create(path, body, lambda: None)
    assert api.create(path, body, lambda: api.find(f"{path}/somebodys"))["name"] == first["name"]
    with pytest.raises(_databricks.Problem, match="already exists"):
        api.create(path, body, lambda: None)


def test_a_conflict_with_what_is_there(account, answered, make_answer):
    api = account()
    answered(api, make_answer(409, '{"error_code": "ABORTED", "message": "somebody else makes it"}'))
    made = dict(name="somebodys")
    assert api.create("/x", {}, lambda: made) is made
    with pytest.raises(_databricks.Problem, match="somebody else makes it"):
        api.create("/x", {}, lambda: None)
