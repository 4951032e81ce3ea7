"""What is repeated, how often, and what is said of a failure."""

import http.server
import threading

import pytest
import requests
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils import _databricks
from ansible_collections.lakehouse.onprem_tunnel.plugins.module_utils._databricks import Problem

NCCS = "/network-connectivity-configs"
CATALOGS = "/api/2.1/unity-catalog/catalogs"
HTML = "<html><pre>Not Found</pre></html>"


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable", "bad_gateway", "reset"])
def test_what_passes_is_repeated(stand_in, account, clock, kind):
    stand_in.faults.add("GET", NCCS, kind, times=2)
    assert account().pages(NCCS, "items") == []
    assert len(stand_in.requests) == 3
    assert len(clock.slept) == 2


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_the_same_change_twice_is_one(account, answered, make_answer, method):
    api = account()
    answered(api, make_answer(503), requests.exceptions.ReadTimeout(), make_answer(200, "{}"))
    body = {"patch": [{}], "put": [dict], "delete": []}[method]
    assert getattr(api, method)("/x", *body) == {}


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500])
def test_what_does_not_pass_is_not_repeated(account, answered, make_answer, clock, status):
    api = account()
    answered(api, make_answer(status, "{}"))
    with pytest.raises(Problem) as failed:
        api.get("/x")
    assert failed.value.status == status
    assert clock.slept == []


def test_pauses_grow(account, answered, make_answer, clock):
    api = account(retry_timeout=100)
    answered(api, make_answer(503, "{}"))
    with pytest.raises(Problem):
        api.get("/x")
    assert clock.slept == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10, 10]


def test_a_pause_that_is_too_long_is_not_begun(stand_in, account, clock):
    stand_in.faults.add("GET", NCCS, "rate_limited", retry_after=3600)
    with pytest.raises(Problem) as failed:
        account().get(NCCS)
    assert failed.value.code == "REQUEST_LIMIT_EXCEEDED"
    assert "raise retry_timeout" in failed.value.hint
    assert clock.slept == []


def test_a_retry_after_that_is_no_number(account, answered, make_answer, clock):
    api = account()
    answered(api, make_answer(429, "{}", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), make_answer(200, "{}"))
    api.get("/x")
    assert clock.slept == [1]


def test_a_host_that_no_longer_answers(account, answered, clock):
    api = account()
    answered(api, requests.exceptions.ConnectionError("refused"))
    with pytest.raises(Problem) as failed:
        api.get("/x")
    assert failed.value.code == "UNREACHABLE"
    assert failed.value.status is None
    assert f"{api.host} does not answer (ConnectionError)" in str(failed.value)
    assert 0 < clock.now <= _databricks.UNREACHABLE_SECONDS


def test_a_certificate_that_is_not_trusted(account, answered, clock):
    api = account()
    answered(api, requests.exceptions.SSLError("self-signed"))
    with pytest.raises(Problem) as failed:
        api.get("/x")
    assert "REQUESTS_CA_BUNDLE" in failed.value.hint
    assert clock.slept == []


def test_all_pages(stand_in, account):
    stand_in.world.page_size = 2
    for number in range(5):
        stand_in.state.nccs.create(f"ncc-{number}", "eu-central-1")
    assert len(account().pages(NCCS, "items")) == 5
    assert len(stand_in.requests) == 3


def test_what_is_not_there(account):
    api = account()
    assert api.find(f"{NCCS}/nowhere") is None
    assert api.delete(f"{NCCS}/nowhere") == {}


@pytest.mark.parametrize("code", ["RESOURCE_DOES_NOT_EXIST", "CATALOG_DOES_NOT_EXIST"])
def test_absence(account, answered, make_answer, code):
    api = account()
    answered(api, make_answer(404, f'{{"error_code": "{code}", "message": "gone"}}'))
    assert api.find("/x") is None


def test_absence_by_its_code(account, answered, make_answer):
    api = account()
    answered(api, make_answer(400, '{"error_code": "RESOURCE_DOES_NOT_EXIST"}'))
    assert api.find("/x") is None


@pytest.mark.parametrize("body", [HTML, '{"error_code": "ENDPOINT_NOT_FOUND"}'])
@pytest.mark.parametrize("method", ["find", "delete"])
def test_no_absence(account, answered, make_answer, body, method):
    api = account()
    answered(api, make_answer(404, body))
    with pytest.raises(Problem) as failed:
        getattr(api, method)("/x")
    assert _databricks.WRONG_ACCOUNT_HOST in failed.value.hint


@pytest.mark.parametrize("body", ["", "null", "{}"])
def test_empty_answers(account, answered, make_answer, body):
    api = account()
    answered(api, make_answer(200, body))
    assert api.patch("/x", {}) == {}
    assert api.get_list("/x") == []


def test_a_login_page(stand_in, account):
    stand_in.faults.add("GET", NCCS, "login_page")
    with pytest.raises(Problem) as failed:
        account().get(NCCS)
    assert failed.value.code == "NOT_THE_API"
    assert f"{stand_in.account_url} answers with a page that is not Databricks' API" in str(failed.value)
    assert "no proxy or IP access list" in failed.value.hint


def test_a_bad_gateway_that_stays(stand_in, account):
    stand_in.faults.add("GET", NCCS, "bad_gateway", times=None)
    with pytest.raises(Problem, match="HTTP 502") as failed:
        account().get(NCCS)
    assert failed.value.hint == _databricks.TRY_LATER


@pytest.fixture
def redirecting():
    """The URL of a host that sends every call on to a page of its own, which answers with JSON."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.startswith("/login") else 302)
            self.send_header("Location", "/login.html?state=abc")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


def test_a_redirect_is_not_followed(account, redirecting):
    api = account()
    api.host = redirecting
    with pytest.raises(Problem, match=r"answers with a redirect to /login.html \(HTTP 302\)") as failed:
        api.get("/x")
    assert failed.value.code == "NOT_THE_API"


@pytest.mark.parametrize("body", ["", "{}", '["no object"]'])
def test_an_error_without_words(account, answered, make_answer, body):
    api = account()
    answered(api, make_answer(400, body))
    with pytest.raises(Problem, match=r"GET /x: the reason \(400\)"):
        api.get("/x")


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (403, "This API is disabled for users without account admin status.", "account admin"),
        (403, "needs the Enterprise tier", "need the Enterprise plan"),
        (400, "needs the ENTERPRISE tier", "need the Enterprise plan"),
        (401, "who?", "check client_id and client_secret"),
        (500, "sorry", "run again"),
        (400, "wrong", None),
    ],
)
def test_hints_of_the_account(account, answered, make_answer, status, message, hint):
    api = account()
    answered(api, make_answer(status, f'{{"error_code": "CODE", "message": "{message}"}}'))
    with pytest.raises(Problem) as failed:
        api.get("/x")
    assert str(failed.value) == f"GET /x: {message} (CODE)"
    assert failed.value.status == status
    assert hint is None if failed.value.hint is None else hint in failed.value.hint


def test_hint_of_a_workspace(workspace, answered, make_answer):
    api = workspace()
    answered(api, make_answer(403, "{}"))
    with pytest.raises(Problem) as failed:
        api.get("/x")
    assert "lacks the privilege" in failed.value.hint


@pytest.mark.parametrize(
    "fault", ["login_page", "bad_gateway", "reset", "internal_error", "unavailable", "applied_then_reset"]
)
def test_a_password_in_a_request_is_never_said(stand_in, workspace, fault):
    api = workspace(retry_timeout=0)
    stand_in.faults.add("POST", CATALOGS, fault)
    body = dict(name="orders", options=dict(password="the-password"))
    with pytest.raises(Problem) as failed:
        api.create(CATALOGS, body, lambda: None)
    error = failed.value
    while error:
        assert "the-password" not in f"{error!r} {getattr(error, 'hint', '')}"
        error = error.__cause__


def test_a_name_in_a_path_is_one_part_of_it():
    assert _databricks.quoted("../a?b#c d") == "..%2Fa%3Fb%23c%20d"


def test_who_calls(account, answered):
    api = account()
    seen = {}

    def request(*_args, **options):
        seen.update(options["headers"])
        raise requests.exceptions.SSLError

    api.session.request = request
    with pytest.raises(Problem):
        api.get("/x")
    assert seen["User-Agent"].startswith("lakehouse.onprem_tunnel/")
    assert "databricks-sdk-py/" in seen["User-Agent"]
