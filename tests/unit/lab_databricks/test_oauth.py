"""Who gets a token, and what it is good for."""

import time

import pytest
import requests

from lab.databricks import oauth
from lab.databricks.world import METASTORE_ADMIN, Workspace

from .conftest import NCCS, UNITY, WORKSPACES, Caller, account_client, account_login, refusal, workspace_login

FORM = {"grant_type": "client_credentials", "scope": "all-apis"}
UNAUTHENTICATED = (401, "UNAUTHENTICATED")


def token_answer(stand_in, client="admin-client", secret=None, form=FORM):
    secret = stand_in.world.secrets.get(client) if secret is None else secret
    return requests.post(f"{stand_in.account_url}/oidc/v1/token", data=form, auth=(client, secret or ""), timeout=5)


def test_a_token_is_given_for_the_right_secret(stand_in):
    answer = token_answer(stand_in)
    given = answer.json()
    assert (answer.status_code, given.pop("access_token")[:6]) == (200, "oauth-")
    assert given == {"token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}


@pytest.mark.parametrize(("client", "secret"), [("admin-client", "wrong"), ("nobody", "wrong"), ("admin-client", "")])
def test_none_is_given_for_a_wrong_one(stand_in, client, secret):
    answer = token_answer(stand_in, client, secret)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_the_sdk_says_so(stand_in):
    client = account_client(stand_in, client_secret="wrong")
    with pytest.raises(ValueError, match="invalid_client: Client authentication failed"):
        client.workspaces.list()


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"grant_type": "password"}, "unsupported_grant_type"), ({"scope": "sql"}, "invalid_scope")],
)
def test_other_ways_are_refused(stand_in, changed, error):
    answer = token_answer(stand_in, form={**FORM, **changed})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer oauth-0"}, {"Authorization": "Basic YTpi"}])
def test_each_call_is_asked_for_a_token(stand_in, header):
    for host, path in ((stand_in.account_url, NCCS), (stand_in.workspace_urls["analytics"], f"{UNITY}/connections")):
        assert refusal(host, header, "GET", path)[:2] == UNAUTHENTICATED
    assert [call.status for call in stand_in.requests] == [401, 401]


def test_a_token_is_a_bearers(stand_in, account):
    token = account.client._cfg.authenticate()["Authorization"].removeprefix("Bearer ")
    answer = refusal(stand_in.account_url, {"Authorization": f"Token {token}"}, "GET", NCCS)
    assert answer[:2] == UNAUTHENTICATED


def test_a_token_expires(stand_in, account, monkeypatch):
    account.call("GET", NCCS)
    headers, late = account.client._cfg.authenticate(), time.monotonic() + oauth.LIFETIME
    monkeypatch.setattr(oauth.time, "monotonic", lambda: late)
    assert refusal(stand_in.account_url, headers, "GET", NCCS)[:2] == UNAUTHENTICATED


def test_the_accounts_token_is_good_for_each_workspace_and_a_workspaces_for_that_one(start):
    members = {"admin-client": METASTORE_ADMIN}
    stand_in = start(workspaces={"one": Workspace(1, members=members), "two": Workspace(2, members=members)})
    of_account = Caller(account_login(stand_in)).client._cfg.authenticate()
    of_one = Caller(workspace_login(stand_in, "one")).client._cfg.authenticate()
    for name in ("one", "two"):
        url = f"{stand_in.workspace_urls[name]}{UNITY}/connections"
        assert requests.get(url, headers=of_account, timeout=5).status_code == 200
    url = f"{stand_in.workspace_urls['one']}{UNITY}/connections"
    assert requests.get(url, headers=of_one, timeout=5).status_code == 200
    assert refusal(stand_in.workspace_urls["two"], of_one, "GET", f"{UNITY}/connections")[:2] == UNAUTHENTICATED
    assert refusal(stand_in.account_url, of_one, "GET", WORKSPACES)[:2] == UNAUTHENTICATED


def test_a_personal_access_token_is_good_for_a_workspace_alone(start):
    stand_in = start(personal_access_tokens={"dapi-0": "admin-client"})
    header = {"Authorization": "Bearer dapi-0"}
    url = f"{stand_in.workspace_urls['analytics']}{UNITY}/connections"
    assert requests.get(url, headers=header, timeout=5).status_code == 200
    assert refusal(stand_in.account_url, header, "GET", NCCS)[:2] == UNAUTHENTICATED
