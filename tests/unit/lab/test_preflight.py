"""A machine that cannot run the lab is told so before anything else, with what to do."""

import os
import subprocess
from pathlib import Path

import pytest

PREFLIGHT = Path(__file__).parents[3] / "lab/preflight"


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        pytest.param({"uname": "echo Darwin"}, ["needs Linux, and this is Darwin", "virtual machine"], id="macOS"),
        pytest.param({"id": "echo 1000"}, ["needs root", "sudo make lab"], id="no root"),
        pytest.param(
            {"id": "echo 0", "python3": "case $2 in *exit*) exit 1 ;; *) echo 3.9.2 ;; esac"},
            ["needs Python 3.11 or later, and python3 is 3.9.2"],
            id="old Python",
        ),
        pytest.param(
            {"id": "echo 0", "podman": "exit 1", "ip": "case $* in *root*) echo '10.246.10.0/24 dev tun0' ;; esac"},
            ["10.246.10.0/24 is routed elsewhere", "10.246.10.0/24 dev tun0", "inventories/lab"],
            id="addresses taken",
        ),
    ],
)
def test_it_says_what_is_wrong_and_what_to_do(tmp_path, programs, says):
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([PREFLIGHT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert all(part in done.stderr for part in says), done.stderr
