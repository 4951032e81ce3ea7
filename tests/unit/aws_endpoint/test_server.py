"""The lab's AWS over HTTP: in this process, and as the program that runs in the foreground."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from lab.aws import server

ROOT = Path(__file__).parents[3]


@pytest.fixture
def aws():
    """In place of moto in process: nothing here goes anywhere but to the server that the test starts."""


def connections(port):
    ec2 = boto3.client(
        "ec2",
        "eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 0}),
    )
    return ec2.describe_vpc_endpoint_connections()["VpcEndpointConnections"]


def test_in_this_process():
    started = server.start("127.0.0.1", 0)
    host, port = started.get_host_and_port()
    assert host == "127.0.0.1"
    assert connections(port) == []
    started.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, port), timeout=5)


def test_a_port_that_is_taken_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        server.start("127.0.0.1", taken.getsockname()[1])


def test_as_a_program_until_it_is_told_to_end():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = subprocess.Popen(
        [sys.executable, "-m", "lab.aws.server", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert program.poll() is None and time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        assert connections(port) == []
        program.send_signal(signal.SIGTERM)
        said, _ = program.communicate(timeout=30)
    finally:
        program.kill()
    assert (program.returncode, said) == (0, b"")
