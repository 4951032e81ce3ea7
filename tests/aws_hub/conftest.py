"""Each file of tests has an AWS of its own."""

import sys

import pytest
from stand_in import ROOT, Aws

sys.path.insert(0, str(ROOT))
from lab.aws import server


@pytest.fixture(scope="module")
def aws():
    made = server.start("127.0.0.1", 0)
    yield Aws(made.get_host_and_port()[1])
    made.stop()
