"""Who logs in to what, and what is said where it fails."""

import socket
import time

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks import Account, Problem, Workspace
from databricks_in_process import World, account_login, server

NCCS = "/network-connectivity-configs"
CATALOGS = "/api/2.1/unity-catalog/catalogs"
ACCOUNT_ID = World().account_id
WORKSPACE_URL = "https://dbc-a1b2345c-d6e7.cloud.databricks.com"


@pytest.fixture
def unreachable():
    """The URL of a port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def blackhole():
    """The URL of a host that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def write_profile(tmp_path):
    def write(**lines):
        text = "\n".join(f"{name} = {value}" for name, value in lines.items())
        (tmp_path / ".databrickscfg").write_text(f"[work]\n{text}\n")

    return write


@pytest.fixture
def token():
    """A stand-in with a personal access token."""
    world = World(personal_access_tokens={"a-token": "admin-client"})
    stand_in = server.start(world)
    yield stand_in
    stand_in.stop()


def test_by_the_environment(stand_in, log_in, monkeypatch):
    for name, value in account_login(stand_in).items():
        monkeypatch.setenv(f"DATABRICKS_{name.upper()}", value)
    assert log_in(Account).pages(NCCS, "items") == []


def test_by_a_profile(stand_in, log_in, write_profile):
    write_profile(**account_login(stand_in))
    assert log_in(Account, profile="work").pages(NCCS, "items") == []


def test_by_a_token(token, log_in):
    assert log_in(Workspace, host=token.workspace_urls["analytics"], token="a-token").get(CATALOGS) is not None


def test_a_token_wins_over_the_environment(token, log_in, monkeypatch):
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "admin-client")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "of-somebody-else")
    api = log_in(Workspace, host=token.workspace_urls["analytics"], token="a-token")
    assert api.config.auth_type == "pat"
    api.get(CATALOGS)


def test_a_secret_wins_over_a_token_of_the_environment(account, monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "of-somebody-else")
    assert account().pages(NCCS, "items") == []


def test_a_netrc_does_not_win(stand_in, account, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    assert account().pages(NCCS, "items") == []


def test_the_account_takes_no_token(token, log_in):
    with pytest.raises(Problem) as failed:
        log_in(Account, host=token.account_url, account_id=ACCOUNT_ID, token="a-token").get(NCCS)
    assert failed.value.status == 401
    assert "takes no personal access token" in failed.value.hint


@pytest.mark.parametrize("wrong", [{"client_secret": "wrong-secret"}, {"client_id": "nobody"}])
def test_wrong_credentials(account, wrong):
    with pytest.raises(Problem) as failed:
        account(**wrong).get(NCCS)
    assert failed.value.code == "UNAUTHENTICATED"
    assert "does not accept the credentials: invalid_client: Client authentication failed" in str(failed.value)
    assert "check client_id and client_secret" in failed.value.hint
    assert "secret-of-the-stand-in" not in str(failed.value)
    assert "wrong-secret" not in str(failed.value)


def test_a_wrong_token(token, log_in):
    with pytest.raises(Problem) as failed:
        log_in(Workspace, host=token.workspace_urls["analytics"], token="wrong-token").get(CATALOGS)
    assert failed.value.code == "UNAUTHENTICATED"
    assert failed.value.status == 401
    assert "wrong-token" not in str(failed.value)


def test_no_account_admin(account):
    with pytest.raises(Problem) as failed:
        account(client_id="plain-client", client_secret=World().secrets["plain-client"]).get(NCCS)
    assert failed.value.code == "PERMISSION_DENIED"
    assert failed.value.status == 403
    assert "account admin" in failed.value.hint


def test_nothing_is_given(log_in):
    with pytest.raises(Problem, match="no host is known") as failed:
        log_in(Account)
    assert "DATABRICKS_HOST" in failed.value.hint


def test_no_credentials(stand_in, log_in):
    with pytest.raises(Problem, match="Databricks cannot be logged in to: default auth: cannot configure") as failed:
        log_in(Account, host=stand_in.account_url, account_id=ACCOUNT_ID)
    assert "client_id and client_secret" in failed.value.hint
    assert "Config:" not in str(failed.value)


def test_no_such_profile(log_in, write_profile):
    write_profile(host="https://accounts.cloud.databricks.com", token="of-the-file")
    with pytest.raises(Problem, match="has no other profile configured") as failed:
        log_in(Account, profile="other")
    assert "of-the-file" not in str(failed.value)


def test_a_file_of_profiles_that_is_none(log_in, tmp_path):
    (tmp_path / ".databrickscfg").write_text("token = of-the-file\n")
    with pytest.raises(Problem, match="cannot be logged in to") as failed:
        log_in(Account, profile="work")
    assert "of-the-file" not in str(failed.value)


def test_no_account(account):
    with pytest.raises(Problem) as failed:
        account(account_id=None)
    assert "give account_id" in failed.value.hint


def test_wrong_account(account):
    with pytest.raises(Problem) as failed:
        account(account_id="99999999-2222-3333-4444-555555555555").get(NCCS)
    assert failed.value.status == 403


# --- hosts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [WORKSPACE_URL, WORKSPACE_URL.removeprefix("https://"), f"{WORKSPACE_URL}/"])
def test_a_workspaces_name_for_the_account(log_in, url):
    with pytest.raises(Problem, match=f"{WORKSPACE_URL} is a workspace's host") as failed:
        log_in(Account, host=url, account_id=ACCOUNT_ID, client_id="x", client_secret="y")
    assert "https://accounts.cloud.databricks.com" in failed.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://accounts.cloud.databricks.com",
        "https://accounts.cloud.databricks.us",
        "https://accounts-dod.cloud.databricks.mil",
    ],
)
def test_the_accounts_name_for_a_workspace(log_in, url):
    with pytest.raises(Problem, match=f"{url} is the account's host") as failed:
        log_in(Workspace, host=url, token="x")
    assert "host has to be the workspace's URL" in failed.value.hint
    assert Account._kind_problem(None, url.removeprefix("https://")) is None


def test_of_the_environment_too(log_in, monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", WORKSPACE_URL)
    with pytest.raises(Problem, match="is a workspace's host"):
        log_in(Account, account_id=ACCOUNT_ID, client_id="x", client_secret="y")


def test_of_a_profile_too(log_in, write_profile, monkeypatch):
    monkeypatch.setattr(_databricks, "UNREACHABLE_SECONDS", 1)  # the SDK looks at the host first
    write_profile(host="https://dbc-a.databricks.invalid", token="x")
    with pytest.raises(Problem, match="is a workspace's host"):
        log_in(Account, profile="work", account_id=ACCOUNT_ID)


def test_a_workspaces_host_for_the_account(stand_in, account):
    with pytest.raises(Problem) as failed:
        account(host=stand_in.workspace_urls["analytics"]).get(NCCS)
    assert failed.value.code == "ENDPOINT_NOT_FOUND"
    assert failed.value.hint == _databricks.WRONG_ACCOUNT_HOST


def test_the_accounts_host_for_a_workspace(stand_in, workspace):
    with pytest.raises(Problem) as failed:
        workspace(host=stand_in.account_url).find(f"{CATALOGS}/orders")
    assert failed.value.code == "ENDPOINT_NOT_FOUND"
    assert failed.value.hint == _databricks.WRONG_WORKSPACE_HOST


@pytest.mark.parametrize("rest", ["/?o=123", "/login.html", "#setting"])
def test_more_than_a_host(log_in, rest):
    with pytest.raises(Problem, match=f"is more than a host; write {WORKSPACE_URL}$"):
        log_in(Workspace, host=f"{WORKSPACE_URL}{rest}", token="x")


@pytest.mark.parametrize("way", ["token", "secret"])
def test_an_unreachable_host(log_in, unreachable, way):
    started = time.monotonic()
    login = {"token": "x"} if way == "token" else {"client_id": "x", "client_secret": "y"}
    with pytest.raises(Problem) as failed:
        log_in(Workspace, host=unreachable, **login)
    assert failed.value.code == "UNREACHABLE"
    assert f"{unreachable} does not answer" in str(failed.value)
    assert time.monotonic() - started < 3


def test_an_unreachable_host_of_a_profile(log_in, unreachable, write_profile, monkeypatch):
    monkeypatch.setattr(_databricks, "UNREACHABLE_SECONDS", 1)  # the SDK looks at the host first
    write_profile(host=unreachable, client_id="x", client_secret="y")
    with pytest.raises(Problem) as failed:
        log_in(Workspace, profile="work")
    assert failed.value.code == "UNREACHABLE"


def test_a_host_that_never_answers(log_in, blackhole, monkeypatch):
    monkeypatch.setattr(_databricks, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(_databricks, "UNREACHABLE_SECONDS", 1)
    with pytest.raises(Problem, match="ReadTimeout") as failed:
        log_in(Workspace, host=blackhole, token="x")
    assert failed.value.code == "UNREACHABLE"


def test_a_host_is_looked_at_once(account, monkeypatch):
    looks = []
    look = _databricks.Api._look_at_host
    monkeypatch.setattr(_databricks.Api, "_look_at_host", lambda api: [looks.append(api.host), look(api)])
    api = account()
    assert looks == [api.host]


def test_a_host_that_is_away_for_a_moment(stand_in, account):
    stand_in.faults.add("GET", "/.well-known/databricks-config", "reset")
    assert account().pages(NCCS, "items") == []


def test_a_login_page_instead_of_the_host(stand_in, account):
    stand_in.faults.add("GET", "/.well-known/", "login_page", times=None)
    with pytest.raises(Problem, match="cannot be logged in to") as failed:
        account()
    assert f"does not answer as Databricks: {_databricks.WRONG_ACCOUNT_HOST}" in failed.value.hint


@pytest.mark.parametrize("kind", ["login_page", "bad_gateway", "internal_error"])
def test_no_token_is_given(stand_in, account, kind):
    stand_in.faults.add("POST", "/oidc/v1/token", kind)
    with pytest.raises(Problem, match="does not accept the credentials") as failed:
        account().get(NCCS)
    assert failed.value.code == "UNAUTHENTICATED"
    assert "secret-of-the-stand-in" not in str(failed.value)


def test_a_login_that_is_cut_off_is_repeated(stand_in, account, make_ncc):
    stand_in.faults.add("POST", "/oidc/v1/token", "reset")
    assert account().pages(NCCS, "items") == []
    stand_in.faults.add("POST", "/oidc/v1/token", "reset")
    assert make_ncc()["name"] == "one"
    assert len(stand_in.state.nccs.by_id) == 1


@pytest.mark.parametrize(("name", "value"), [("http_timeout", 0), ("http_timeout", -1), ("retry_timeout", -1)])
def test_times_that_are_none(account, name, value):
    with pytest.raises(Problem, match=f"^{name}: {value} is no number of seconds; write"):
        account(**{name: value})
