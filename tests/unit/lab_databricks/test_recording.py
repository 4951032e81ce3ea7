"""The SDK's typed methods against the stand-in: the same calls as were recorded, and answers of the same shape.

The recording was made with databricks-sdk 0.156 and a hand-written answer to each call.
"""

import json
import re
from pathlib import Path

import pytest
from databricks.sdk.core import ApiClient
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.catalog import (
    ArtifactMatcher,
    ArtifactType,
    ConnectionType,
    MatchType,
    PermissionsChange,
    Privilege,
)
from databricks.sdk.service.provisioning import Workspace as SdkWorkspace
from databricks.sdk.service.settings import (
    CreateNetworkConnectivityConfiguration,
    CreatePrivateEndpointRule,
    UpdatePrivateEndpointRule,
)

from lab.databricks.world import Workspace

from .conftest import account_client, workspace_client

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
# What Databricks documents of a catalog, and the recording leaves out.
ALSO = {"created_by", "updated_by"}
ALIKE = {"connection_state", "deactivated", "domain_names", "error_code", "options", "privilege_assignments", "secrets"}
# Version 0.68 asks for all at once.
ASKED_OTHERWISE = {"connections.list": [{}, {"max_results": "0"}]}


@pytest.fixture
def answers(monkeypatch):
    """What the SDK's typed methods were answered, one after the other."""
    answers, do = [], ApiClient.do

    def recording(*arguments, **named):
        try:
            answers.append(do(*arguments, **named))
        except (BadRequest, NotFound) as error:
            answers.append({"error_code": error.error_code, "message": str(error)})
            raise
        return answers[-1]

    monkeypatch.setattr(ApiClient, "do", recording)
    return answers


def without_ids(text):
    return re.sub(r"/(network-connectivity-configs|private-endpoint-rules)/[^/]+", r"/\1/ID", text)


def check_shape(expected, answer, where):
    """Check that the answer has what was recorded, and no more than that; of ids and times only the kind."""
    assert type(answer) is type(expected), where
    if isinstance(expected, dict):
        assert set(expected) <= set(answer) <= set(expected) | ALSO, where
        for key, value in expected.items():
            check_shape(value, answer[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(answer) == len(expected), where
        for number, (one, other) in enumerate(zip(expected, answer, strict=True)):
            check_shape(one, other, f"{where}[{number}]")


def check(requests, answers, expected):
    assert len(requests) == len(answers) == len(expected)
    for request, answer, call in zip(requests, answers, expected, strict=True):
        label = call["label"]
        assert (request.method, request.status) == (call["method"], call["status"]), label
        assert without_ids(request.path) == without_ids(call["path"])
        assert request.query in ASKED_OTHERWISE.get(label, [call["query"]]), label
        if label != "workspaces.update (NCC attach)":  # its body is an id
            assert request.body == call["body"], label
        check_shape(call["response"], answer, label)
        for key in ALIKE.intersection(call["response"] if isinstance(answer, dict) else ()):
            assert answer[key] == call["response"][key], label


def test_the_account(start, answers):
    stand_in = start(region="us-east-1", workspaces={"ws": Workspace(1234567890)}, rule_states_per_look=3)
    client = account_client(stand_in)
    network, workspaces = client.network_connectivity, client.workspaces
    ncc = network.create_network_connectivity_configuration(
        CreateNetworkConnectivityConfiguration(name="onprem-ncc", region="us-east-1")
    ).network_connectivity_config_id
    assert [one.name for one in network.list_network_connectivity_configurations()] == ["onprem-ncc"]
    assert network.get_network_connectivity_configuration(ncc).region == "us-east-1"
    service = "com.amazonaws.vpce.us-east-1.vpce-svc-0abc"
    rule = network.create_private_endpoint_rule(
        ncc, CreatePrivateEndpointRule(domain_names=["mysql.onprem.internal"], endpoint_service=service)
    ).rule_id
    assert [one.rule_id for one in network.list_private_endpoint_rules(ncc)] == [rule]
    assert network.get_private_endpoint_rule(ncc, rule).vpc_endpoint_id is None  # 0.68 reads CREATING as no state
    seen = network.get_private_endpoint_rule(ncc, rule)
    stand_in.endpoints.accept(seen.vpc_endpoint_id)
    names = UpdatePrivateEndpointRule(domain_names=["mysql.onprem.internal", "pg.onprem.internal"])
    network.update_private_endpoint_rule(ncc, rule, names, "domain_names")
    assert network.delete_private_endpoint_rule(ncc, rule).deactivated is True
    workspaces.get(1234567890)
    attached = SdkWorkspace(network_connectivity_config_id=ncc)
    workspaces.update(1234567890, attached, update_mask="network_connectivity_config_id").result()
    assert [one.network_connectivity_config_id for one in workspaces.list()] == [ncc]
    with pytest.raises(BadRequest, match="has one or more private endpoint rules"):
        network.delete_network_connectivity_configuration(ncc)
    check(stand_in.requests, answers, [call for call in RECORDED if call["path"].startswith("/api/2.0/accounts/")])


def test_a_workspace(start, answers):
    stand_in = start(
        groups={"grp": set(), "data-eng": set()},
        unity_secrets={"main.sec.pgpass": "of-postgresql"},
    )
    client = workspace_client(stand_in)
    mysql = {"host": "10.0.0.10", "port": "3306", "user": "u", "password": "p"}
    client.connections.create("mysql_onprem", ConnectionType.MYSQL, mysql, comment="c", properties={"purpose": "x"})
    assert client.connections.get("mysql_onprem").options == {"host": "10.0.0.10", "port": "3306"}
    assert [one.name for one in client.connections.list()] == ["mysql_onprem"]
    client.connections.update("mysql_onprem", {**mysql, "host": "10.0.0.11", "password": "p2"}, owner="grp")
    postgresql = {
        "connection_type": "POSTGRESQL",
        "name": "pg_sec",
        "options": {"host": "h", "port": "5432", "user": "u"},
        "secrets": {"password": "main.sec.pgpass"},
    }
    client.api_client.do("POST", "/api/2.1/unity-catalog/connections", body=postgresql)  # 0.68 knows no secrets
    client.catalogs.create("onprem_catalog", comment="x", connection_name="mysql_onprem", options={"database": "shop"})
    client.catalogs.get("onprem_catalog")
    client.catalogs.update("onprem_catalog", comment="y", owner="grp")
    with pytest.raises(BadRequest, match="UpdateCatalog options can not be provided."):
        client.catalogs.update("onprem_catalog", options={"database": "z"})
    use = [Privilege.USE_CONNECTION, Privilege.CREATE_FOREIGN_CATALOG]
    client.grants.update("connection", "mysql_onprem", changes=[PermissionsChange(add=use, principal="data-eng")])
    client.grants.get("connection", "mysql_onprem")
    change = PermissionsChange(
        add=[Privilege.USE_CATALOG, Privilege.SELECT], principal="data-eng", remove=[Privilege.BROWSE]
    )
    client.grants.update("catalog", "onprem_catalog", changes=[change])
    assert not client.artifact_allowlists.get(ArtifactType.LIBRARY_MAVEN).artifact_matchers
    connector = ArtifactMatcher("mysql:mysql-connector-java:8.0.33", MatchType.PREFIX_MATCH)
    client.artifact_allowlists.update(ArtifactType.LIBRARY_MAVEN, [connector])
    client.catalogs.delete("onprem_catalog", force=True)
    client.connections.delete("mysql_onprem")
    with pytest.raises(NotFound, match="Connection 'mysql_onprem' does not exist."):
        client.connections.get("mysql_onprem")
    check(stand_in.requests, answers, [call for call in RECORDED if call["path"].startswith("/api/2.1/unity-catalog/")])
