import pytest

from .conftest import UNITY

ALLOWLISTS = f"{UNITY}/artifact-allowlists"
MAVEN = f"{ALLOWLISTS}/LIBRARY_MAVEN"
INVALID = (400, "INVALID_PARAMETER_VALUE")


def matcher(artifact="org.mariadb.jdbc", match_type="PREFIX_MATCH"):
    return {"artifact": artifact, "match_type": match_type}


def test_the_whole_list_is_replaced_and_an_empty_one_has_no_key(stand_in, workspace):
    only_id = {"metastore_id": stand_in.state.metastore("analytics").id}
    assert workspace.call("GET", MAVEN) == only_id
    workspace.call("PUT", MAVEN, {"artifact_matchers": [matcher("a"), matcher("b")]})
    put = workspace.call("PUT", MAVEN, {"artifact_matchers": [matcher("c")]})
    assert put["artifact_matchers"] == [matcher("c")] and put["created_by"] == "admin-client"
    assert workspace.call("GET", MAVEN) == put
    assert "artifact_matchers" not in workspace.call("PUT", MAVEN, {"artifact_matchers": []})
    assert "artifact_matchers" not in workspace.call("GET", MAVEN)


def test_each_type_has_its_own(workspace):
    workspace.call("PUT", MAVEN, {"artifact_matchers": [matcher()]})
    for other in ("LIBRARY_JAR", "INIT_SCRIPT"):
        assert "artifact_matchers" not in workspace.call("GET", f"{ALLOWLISTS}/{other}")
    assert workspace.refused("GET", f"{ALLOWLISTS}/LIBRARY_PYPI")[:2] == INVALID


@pytest.mark.parametrize(
    "wrong", [matcher(match_type="EXACT"), matcher(""), {"artifact": "a"}, {"match_type": "PREFIX_MATCH"}]
)
def test_a_matcher_is_a_prefix(workspace, wrong):
    assert workspace.refused("PUT", MAVEN, {"artifact_matchers": [matcher(), wrong]})[:2] == INVALID
    assert "artifact_matchers" not in workspace.call("GET", MAVEN)


def test_the_list_is_required(workspace):
    assert workspace.refused("PUT", MAVEN, {})[:2] == INVALID
