"""What Databricks might pass over is an error here."""

import pytest

from .conftest import MYSQL, NCCS, SERVICE, UNITY, WORKSPACES, refusal

ALLOWLIST = f"{UNITY}/artifact-allowlists/LIBRARY_MAVEN"
MATCHER = {"artifact": "a:b", "match_type": "PREFIX_MATCH"}
CONNECTION = {"name": "erp", "connection_type": "MYSQL", "options": MYSQL}


@pytest.mark.parametrize("path", [NCCS, f"{NCCS}/x", f"{NCCS}/x/private-endpoint-rules", WORKSPACES])
def test_the_account_takes_no_unknown_query_parameters(account, path):
    status, code, text = account.refused("GET", path, max_results=5)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE") and "'max_results'" in text


@pytest.mark.parametrize(
    "path", ["connections", "catalogs/x", "permissions/connection/x", "artifact-allowlists/INIT_SCRIPT"]
)
def test_nor_does_a_workspace(workspace, connection, path):
    status, code, text = workspace.refused("GET", f"{UNITY}/{path.replace('x', 'crm', 1)}", filter="y")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE") and "'filter'" in text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NCCS, {"name": "onprem", "region": "eu-central-1", "comment": "x"}),
        ("RULES", {"endpoint_service": SERVICE, "domain_names": ["a.example"], "enabled": True}),
        ("RULES", {"endpoint_service": SERVICE, "domain_names": ["a.example"], "resource_names": ["b"]}),
    ],
)
def test_the_account_takes_no_unknown_fields(account, rules, path, body):
    assert account.refused("POST", path.replace("RULES", rules), body)[:2] == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "connections", {**CONNECTION, "owner": "data-eng"}),
        ("POST", "connections", {**CONNECTION, "environment_settings": {"jars": []}}),
        ("PATCH", "connections/crm", {"comment": "other"}),
        ("PATCH", "connections/crm", {"connection_type": "ORACLE"}),
        ("PATCH", "connections/crm", {"read_only": False}),
        ("PATCH", "connections/crm", {"properties": {}}),
        ("POST", "catalogs", {"name": "crm", "connection_name": "crm", "owner": "data-eng"}),
        ("PATCH", "permissions/connection/crm", {"changes": [], "principal": "data-eng"}),
        ("PATCH", "permissions/connection/crm", {"changes": [{"principal": "data-eng", "set": []}]}),
        ("PUT", "artifact-allowlists/LIBRARY_JAR", {"artifact_matchers": [], "etag": "1"}),
        ("PUT", "artifact-allowlists/LIBRARY_JAR", {"artifact_matchers": [{**MATCHER, "comment": "x"}]}),
    ],
)
def test_nor_does_a_workspace_take_any(workspace, connection, method, path, body):
    assert workspace.refused(method, f"{UNITY}/{path}", body)[:2] == (400, "MALFORMED_REQUEST")
    assert workspace.call("GET", ALLOWLIST).keys() == {"metastore_id"}
    assert workspace.call("GET", f"{UNITY}/connections/crm")["connection_type"] == "MYSQL"


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("connections", {**CONNECTION, "options": {**MYSQL, "port": 3306}}, "'options' is no map of strings"),
        ("connections", {**CONNECTION, "options": ["host"]}, "'options' is no map of strings"),
        ("connections", {**CONNECTION, "comment": None}, "'comment' is no string"),
        ("connections", {**CONNECTION, "read_only": "true"}, "'read_only' is no boolean"),
        ("connections", {**CONNECTION, "environment_settings": "3"}, "'environment_settings' is no object"),
        ("catalogs", {"name": 5}, "'name' is no string"),
    ],
)
def test_values_have_their_types(workspace, path, body, named):
    status, code, text = workspace.refused("POST", f"{UNITY}/{path}", body)
    assert (status, code) == (400, "MALFORMED_REQUEST") and named in text


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("permissions/connection/crm", {"changes": {}}, "'changes' is no list of objects"),
        ("permissions/connection/crm", {"changes": [{"principal": "data-eng", "add": "SELECT"}]}, "'add' is no list"),
    ],
)
def test_so_have_those_of_grants(workspace, connection, path, body, named):
    status, code, text = workspace.refused("PATCH", f"{UNITY}/{path}", body)
    assert (status, code) == (400, "MALFORMED_REQUEST") and named in text


def test_an_integer_is_no_boolean(workspace):
    body = {"artifact_matchers": [], "created_at": True}
    assert "'created_at' is no integer" in workspace.refused("PUT", ALLOWLIST, body)[2]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("connections", {"connection_type": "MYSQL", "options": MYSQL}),
        ("connections", {"name": "erp", "options": MYSQL}),
        ("connections", {"name": "erp", "connection_type": "MYSQL"}),
        ("connections", {**CONNECTION, "name": ""}),
        ("catalogs", {"connection_name": "crm"}),
    ],
)
def test_what_is_required_is_missed(workspace, connection, path, body):
    status, code, text = workspace.refused("POST", f"{UNITY}/{path}", body)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE") and "is required" in text


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"x"'])
def test_a_body_is_a_json_object(stand_in, account, data):
    headers = account.client._cfg.authenticate() | {"Content-Type": "application/json"}
    assert refusal(stand_in.account_url, headers, "POST", NCCS, data=data)[:2] == (400, "MALFORMED_REQUEST")


def test_a_body_says_that_it_is_json(stand_in, account):
    headers = account.client._cfg.authenticate() | {"Content-Type": "text/plain"}
    answer = refusal(stand_in.account_url, headers, "POST", NCCS, data=b'{"name": "onprem", "region": "eu-central-1"}')
    assert answer[:2] == (400, "MALFORMED_REQUEST") and "text/plain" in answer[2]
    assert not stand_in.state.nccs.by_id


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_only_reads_or_deletes_has_no_body(account, ncc, method):
    assert account.refused(method, f"{NCCS}/{ncc.id}", {})[:2] == (400, "MALFORMED_REQUEST")


def test_a_query_parameter_is_given_once(stand_in, account):
    headers = account.client._cfg.authenticate()
    answer = refusal(stand_in.account_url, headers, "GET", f"{NCCS}?page_token=a&page_token=b")
    assert answer[:2] == (400, "INVALID_PARAMETER_VALUE") and "2 times" in answer[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{UNITY}/connections"),  # the workspace's API, asked at the account's host
        ("GET", "/api/2.0/accounts"),
        ("GET", f"{NCCS}/"),
        ("PUT", NCCS),
        ("PATCH", f"{NCCS}/x"),
        ("GET", "/_lab/workspaces/analytics"),
    ],
)
def test_the_account_has_no_other_paths(account, method, path):
    status, code, text = account.refused(method, path)
    assert (status, code, text) == (404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", NCCS),  # the account's API, asked at a workspace's host
        ("GET", f"{UNITY}/schemas"),
        ("PUT", f"{UNITY}/connections/crm"),
        ("GET", "/_lab/workspaces/analytics"),
    ],
)
def test_a_workspace_has_no_other_paths(workspace, method, path):
    assert workspace.refused(method, path)[:2] == (404, "ENDPOINT_NOT_FOUND")


def test_a_mistake_of_the_stand_in_is_seen(stand_in, account, monkeypatch):
    monkeypatch.delattr(stand_in.state.nccs, "by_id")
    status, code, text = account.refused("GET", NCCS)
    assert (status, code) == (500, "INTERNAL_ERROR") and "by_id" in text
