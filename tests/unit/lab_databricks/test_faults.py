"""Each fault, as the real SDK meets it."""

import time

import pytest
import requests
from databricks.sdk.errors import DatabricksError, InternalError
from databricks.sdk.service.settings import CreateNetworkConnectivityConfiguration as New

from .conftest import NCCS, account_client

POST = ("POST", r"/network-connectivity-configs$")


def create(stand_in, **settings):
    network = account_client(stand_in, **settings).network_connectivity
    return network.create_network_connectivity_configuration(New(name="onprem", region="eu-central-1"))


def made(stand_in):
    return len(stand_in.state.nccs.by_id)


def statuses(stand_in):
    return [call.status for call in stand_in.requests]


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("unavailable", 503)])
def test_the_sdk_repeats_what_was_not_carried_out(stand_in, kind, status):
    stand_in.faults.add(*POST, kind, retry_after=1)
    started = time.monotonic()
    create(stand_in)
    assert time.monotonic() - started >= 1, "as long as it was told to wait"
    assert (made(stand_in), statuses(stand_in)) == (1, [status, 200])


@pytest.mark.parametrize(
    ("kind", "retry_after", "header", "code"),
    [
        ("rate_limited", None, "1", "REQUEST_LIMIT_EXCEEDED"),
        ("rate_limited", 7, "7", "REQUEST_LIMIT_EXCEEDED"),
        ("unavailable", None, None, "TEMPORARILY_UNAVAILABLE"),
        ("unavailable", 7, "7", "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_how_long_to_wait(stand_in, kind, retry_after, header, code):
    stand_in.faults.add("GET", NCCS, kind, retry_after=retry_after)
    answer = requests.get(stand_in.account_url + NCCS, timeout=5)
    assert answer.headers.get("Retry-After") == header and answer.json()["error_code"] == code


def test_a_deadline_passes(stand_in):
    stand_in.faults.add(*POST, "rate_limited", times=None)
    with pytest.raises(TimeoutError):
        create(stand_in, retry_timeout_seconds=1)
    assert made(stand_in) == 0


@pytest.mark.parametrize("kind", ["applied_then_reset", "reset"])
def test_after_a_reset_the_sdk_repeats_a_post_whether_it_was_carried_out_or_not(stand_in, kind):
    stand_in.faults.add(*POST, kind)
    create(stand_in)
    assert made(stand_in) == (2 if kind == "applied_then_reset" else 1)
    assert statuses(stand_in) == [None, 200]


def test_so_it_does_after_a_timeout(stand_in):
    stand_in.faults.add(*POST, "applied_then_timeout", seconds=4)
    create(stand_in, http_timeout_seconds=1)
    assert made(stand_in) == 2


def test_one_that_waits_longer_gets_the_answer(stand_in):
    stand_in.faults.add(*POST, "applied_then_timeout", seconds=1)
    started = time.monotonic()
    assert create(stand_in).name == "onprem"
    assert time.monotonic() - started >= 1 and made(stand_in) == 1


@pytest.mark.measures
def test_others_are_answered_meanwhile(stand_in):
    stand_in.faults.add(*POST, "applied_then_timeout", seconds=4)
    with pytest.raises(TimeoutError):
        create(stand_in, http_timeout_seconds=1, retry_timeout_seconds=1)
    started = time.monotonic()
    names = [
        one.name for one in account_client(stand_in).network_connectivity.list_network_connectivity_configurations()
    ]
    assert names == ["onprem"] and time.monotonic() - started < 2


def test_a_login_page_is_no_answer(stand_in):
    stand_in.faults.add(*POST, "login_page")
    with pytest.raises((DatabricksError, requests.exceptions.JSONDecodeError)):
        create(stand_in)
    assert (made(stand_in), statuses(stand_in)) == (0, [200])


def test_a_bad_gateway_speaks_html(stand_in):
    stand_in.faults.add(*POST, "bad_gateway")
    with pytest.raises(DatabricksError):
        create(stand_in)
    assert (made(stand_in), statuses(stand_in)) == (0, [502])


def test_an_internal_error_is_databricks_own(stand_in):
    stand_in.faults.add(*POST, "internal_error")
    with pytest.raises(InternalError, match="Internal error"):
        create(stand_in)
    assert (made(stand_in), statuses(stand_in)) == (0, [500])


def test_a_fault_is_for_so_many_calls_of_its_method_and_path(stand_in, account):
    stand_in.faults.add("GET", r"/workspaces$", "internal_error", times=2)
    account.call("GET", NCCS)
    path = NCCS.replace("network-connectivity-configs", "workspaces")
    assert account.refused("POST", path)[:2] == (404, "ENDPOINT_NOT_FOUND")
    for _ in range(2):
        with pytest.raises(InternalError):
            account.call("GET", path)
    assert account.call("GET", path)


def test_faults_are_met_one_after_the_other_or_called_off(stand_in, account):
    stand_in.faults.add("GET", NCCS, "internal_error")
    stand_in.faults.add("GET", NCCS, "bad_gateway", times=None)
    for _ in range(3):
        with pytest.raises(DatabricksError):
            account.call("GET", NCCS)
    assert statuses(stand_in) == [500, 502, 502]
    stand_in.faults.clear()
    assert account.call("GET", NCCS) == {}


def test_the_login_can_fail_too(stand_in):
    stand_in.faults.add("POST", "/oidc/v1/token", "unavailable")
    with pytest.raises(ValueError, match="TEMPORARILY_UNAVAILABLE|unknown"):
        create(stand_in)
    assert stand_in.requests == []


def test_there_are_no_other_kinds(stand_in):
    with pytest.raises(ValueError, match="slow"):
        stand_in.faults.add(*POST, "slow")


@pytest.mark.measures
def test_stopping_does_not_wait_for_a_fault(start):
    stand_in = start()
    stand_in.faults.add(*POST, "applied_then_timeout", seconds=60)
    with pytest.raises(TimeoutError):
        create(stand_in, http_timeout_seconds=1, retry_timeout_seconds=1)
    started = time.monotonic()
    stand_in.stop()
    assert time.monotonic() - started < 2
