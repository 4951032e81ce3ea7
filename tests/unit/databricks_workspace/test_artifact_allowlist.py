from functools import partial

import pytest
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks_artifact_allowlist import merge
from ansible_collections.lakehouse.onprem_tunnel.plugins.modules import databricks_artifact_allowlist

DRIVER = "org.mariadb.jdbc:mariadb-java-client:3.5.6"
POSTGRESQL = "org.postgresql:postgresql"
MAVEN = "LIBRARY_MAVEN"


def matchers(*artifacts):
    return [dict(artifact=artifact, match_type="PREFIX_MATCH") for artifact in artifacts]


OTHERS = matchers("com.others:one", "com.others:two:1.0")


@pytest.fixture
def allowlist(run):
    return partial(run, databricks_artifact_allowlist)


@pytest.fixture
def put(metastore):
    """Write a list as somebody else would."""
    return lambda *found, kind=MAVEN: metastore.allowlists.update({kind: {"artifact_matchers": list(found)}})


@pytest.fixture
def read(metastore):
    return lambda kind=MAVEN: metastore.allowlists.get(kind, {}).get("artifact_matchers", [])


@pytest.fixture
def while_writing(monkeypatch):
    """Let somebody else do something right before and right after each write."""
    send = _databricks.Workspace._call

    def set_up(before=lambda: None, after=lambda: None):
        def call(workspace, method, *arguments):
            if method != "PUT":
                return send(workspace, method, *arguments)
            before()
            answer = send(workspace, method, *arguments)
            after()
            return answer

        monkeypatch.setattr(_databricks.Workspace, "_call", call)

    return set_up


def test_ladder(allowlist, ladder, read, put):
    put(*OTHERS)
    steps = ladder(
        allowlist,
        read,
        dict(artifacts=[DRIVER]),
        dict(artifacts=[POSTGRESQL, DRIVER, POSTGRESQL]),
        dict(artifacts=[DRIVER, "never:there"], state="absent"),
    )
    for expected in (matchers(DRIVER), matchers(DRIVER, POSTGRESQL), matchers(POSTGRESQL)):
        foreseen, done = next(steps)
        assert foreseen == done == dict(artifact_matchers=OTHERS + expected)
        assert read() == OTHERS + expected
    assert next(steps, None) is None


def test_the_last_entry_goes(allowlist, ladder, read):
    steps = ladder(allowlist, read, dict(artifacts=[DRIVER]), dict(artifacts=[DRIVER], state="absent"))
    assert [done for _foreseen, done in steps][-1] == dict(artifact_matchers=[])
    assert read() == []


@pytest.mark.parametrize(
    ("kind", "artifact"), [("LIBRARY_JAR", "/Volumes/a/b/c.jar"), ("INIT_SCRIPT", "s3://bucket/init")]
)
def test_other_lists(allowlist, read, kind, artifact):
    done = allowlist(artifact_type=kind, artifacts=[artifact])
    assert done["artifact_matchers"] == read(kind) == matchers(artifact)
    assert read() == []


def test_what_is_of_another_kind_of_match_is_sent_back_as_it_was():
    theirs = [dict(artifact=DRIVER, match_type="EXACT_MATCH", note=1), dict(artifact="x:y")]
    assert merge(theirs, [DRIVER], "present") == theirs + matchers(DRIVER)
    assert merge(theirs + matchers(DRIVER), [DRIVER], "absent") == theirs


# --- while others write ------------------------------------------------------------------------------------------


def test_what_others_wrote_before_is_kept(allowlist, put, read):
    allowlist(artifacts=[DRIVER])
    put(*matchers(DRIVER), *OTHERS)
    allowlist(artifacts=[POSTGRESQL])
    assert read() == matchers(DRIVER) + OTHERS + matchers(POSTGRESQL)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_somebody_writes_what_he_had_read_before_us(allowlist, put, read, while_writing, writes, state):
    there = OTHERS + (matchers(DRIVER) if state == "absent" else [])
    put(*there)
    stale = iter([lambda: put(*there[1:], *matchers("com.others:three"))])
    while_writing(after=lambda: next(stale, lambda: None)())
    done = allowlist(artifacts=[DRIVER], state=state)
    expected = OTHERS + matchers("com.others:three") + (matchers(DRIVER) if state == "present" else [])
    assert done["changed"]
    assert done["artifact_matchers"] == read()
    assert sorted(map(str, read())) == sorted(map(str, expected))
    assert len(writes()) == 2


def test_somebody_adds_after_us(allowlist, put, read, while_writing, writes):
    put(*OTHERS)
    while_writing(after=lambda: put(*read(), *matchers("com.others:three")))
    assert allowlist(artifacts=[DRIVER])["artifact_matchers"] == OTHERS + matchers(DRIVER, "com.others:three")
    assert len(writes()) == 1


def test_somebody_who_never_stops(allowlist, put, read, while_writing, writes):
    put(*OTHERS)
    while_writing(after=lambda: put(*OTHERS))
    failed = allowlist(artifacts=[DRIVER])
    assert failed["msg"] == (
        "The allowlist LIBRARY_MAVEN is written by somebody else at the same time; after 3 attempts it is not as it "
        "should be; run again when the other is done"
    )
    assert len(writes()) == 3
    assert read() == OTHERS


def test_the_list_is_read_right_before_it_is_written(allowlist, stand_in):
    allowlist(artifacts=[DRIVER])
    assert [call.method for call in stand_in.requests] == ["GET", "GET", "PUT", "GET"]


def test_what_others_write_while_we_wait_to_try_again_is_kept(allowlist, stand_in, put, read, monkeypatch):
    def pause(_pauses, _problem):
        put(*matchers("com.theirs:new"))
        return True

    monkeypatch.setattr(_databricks.Pauses, "pause", pause)
    stand_in.faults.add("PUT", "/artifact-allowlists/", "unavailable")
    assert not allowlist(artifacts=[DRIVER]).get("failed")
    assert {matcher["artifact"] for matcher in read()} == {"com.theirs:new", DRIVER}


# --- bad input, and what Databricks refuses ----------------------------------------------------------------------

GOOD_COORDINATES = ["a:b", "a.b-c_d:e:1.0-SNAPSHOT", "org.postgresql", "org.postgresql:", "a:b:1."]
NO_COORDINATE = "is no Maven coordinate; write group:artifact, group:artifact:version, or what they begin with"
BAD = [
    (dict(artifacts=[]), "artifacts: is empty; write at least one"),
    (dict(artifacts=["a:b:c:d"]), f"artifacts: 'a:b:c:d' {NO_COORDINATE}"),
    (dict(artifacts=["a b"]), f"artifacts: 'a b' {NO_COORDINATE}"),
    (dict(artifacts=[""]), f"artifacts: '' {NO_COORDINATE}"),
    (dict(artifacts=[":b"]), f"artifacts: ':b' {NO_COORDINATE}"),
    (dict(artifacts=["https://x/y.jar"]), f"artifacts: 'https://x/y.jar' {NO_COORDINATE}"),
    (dict(artifacts=["a:*"]), "artifacts: 'a:*' has a '*'; write only what the artifacts begin with"),
    (
        dict(artifacts=["a:b"], artifact_type="LIBRARY_JAR"),
        "artifacts: 'a:b' is no path; write it as /Volumes/… or s3://…",
    ),
    (
        dict(artifacts=["/a b"], artifact_type="INIT_SCRIPT"),
        "artifacts: '/a b' is no path; write it as /Volumes/… or s3://…",
    ),
    (dict(artifacts=["a:b:c:d", "a:*"]), f"artifacts: 'a:b:c:d' {NO_COORDINATE}; artifacts: 'a:*' has a '*'"),
    (dict(artifact_type="LIBRARY_PYPI", artifacts=["a"]), "value of artifact_type must be one of"),
    ({}, "missing required arguments: artifacts"),
]


@pytest.mark.parametrize(("params", "said"), BAD)
def test_bad_input(allowlist, stand_in, params, said):
    failed = allowlist(**params)
    assert failed["failed"] and said in failed["msg"]
    assert stand_in.requests == []


def test_good_coordinates(allowlist, read):
    allowlist(artifacts=GOOD_COORDINATES)
    assert read() == matchers(*GOOD_COORDINATES)


@pytest.mark.parametrize("check", [True, False])
def test_without_privileges(allowlist, read, check):
    failed = allowlist(client="plain-client", artifacts=[DRIVER], check=check)
    assert (failed["error_code"], failed["status_code"]) == ("PERMISSION_DENIED", 403)
    assert "needs MANAGE ALLOWLIST on the metastore" in failed["hint"]
    assert read() == []


def test_a_refused_write_says_the_privilege(allowlist, stand_in, monkeypatch):
    def refuse(_workspace, _path, _body):
        raise _databricks.Problem("PUT: no", "PERMISSION_DENIED", 403)

    monkeypatch.setattr(_databricks.Workspace, "put", refuse)
    assert "needs MANAGE ALLOWLIST on the metastore" in allowlist(artifacts=[DRIVER])["hint"]


@pytest.mark.parametrize("kind", ["applied_then_reset", "applied_then_timeout", "rate_limited", "unavailable", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_calls_that_fail_on_the_way_are_repeated(allowlist, stand_in, put, read, method, kind):
    put(*OTHERS)
    stand_in.faults.add(method, "/artifact-allowlists/", kind, seconds=1.5, retry_after=0)
    assert allowlist(artifacts=[DRIVER], http_timeout=1)["changed"]
    assert read() == OTHERS + matchers(DRIVER)
