"""Each file of tests has an AWS of its own. Processes that share the files between them do not meet."""

import json
import urllib.request

import pytest
from moto.core.responses import BaseResponse
from stand_in import CALLS, ROOT, TESTS, Aws

from lab.aws import server


@pytest.fixture(scope="session", autouse=True)
def _calls():
    """Keep what the role calls, and compare it with the policy of the documentation when all has run."""
    policy = json.loads((ROOT / "docs/aws-policy.json").read_text())
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    answer = BaseResponse.call_action

    def call_action(response):
        if TESTS not in response.headers.get("User-Agent", ""):
            service = {"elbv2": "elasticloadbalancing"}.get(response.service_name, response.service_name)
            CALLS.append(f"{service}:{response._get_action()}")
        return answer(response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseResponse, "call_action", call_action)
        yield
    assert sorted(set(CALLS) - allowed) == [], "docs/aws-policy.json allows all that the role calls"


@pytest.fixture(scope="module")
def aws():
    made = server.start("127.0.0.1", 0)
    started = Aws(made.get_host_and_port()[1])
    # Its state belongs to the process, and so to all servers that it starts.
    urllib.request.urlopen(urllib.request.Request(f"{started.url}/moto-api/reset", method="POST"), timeout=30).close()
    yield started
    made.stop()
