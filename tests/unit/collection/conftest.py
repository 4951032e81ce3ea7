from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session", name="root")
def _root():
    return ROOT


@pytest.fixture(scope="session", name="run")
def _run():
    """Run a command of this virtual environment with nothing of the user's environment but PATH."""

    def run(*command, cwd, home=None, **environment):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        home = home or cwd
        return subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )

    return run
