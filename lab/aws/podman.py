"""The few things that are asked of Podman."""

import json
import subprocess


class PodmanError(Exception):
    """The message is what Podman said."""


def podman(*arguments: str, stdin: str = "", timeout: int = 60) -> str:
    done = subprocess.run(
        ["podman", *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    if done.returncode:
        raise PodmanError(f"podman {' '.join(arguments[:3])}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def containers() -> set[str]:
    """The names of all containers, whether they run or not."""
    return {name for container in json.loads(podman("ps", "--all", "--format", "json")) for name in container["Names"]}


def pid(container: str) -> int:
    """The container's first process, as this machine counts; 0 when it stands still."""
    return int(podman("inspect", "--format", "{{.State.Pid}}", container))
