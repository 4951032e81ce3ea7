# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The allowlists of artifacts: the workspace's API for them, and what is decided about them apart from it.

A list belongs to the whole metastore, and is only ever written as a whole, without any means to see that somebody else
wrote it in between.
"""

from __future__ import annotations

import re

from ._databricks import Problem
from ._databricks_unity_catalog import ROOT, needs

PATH = f"{ROOT}/artifact-allowlists"
PREFIX_MATCH = "PREFIX_MATCH"
MAVEN = "LIBRARY_MAVEN"
MAVEN_COORDINATE = re.compile(r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]*){0,2}")
PATH_OR_URL = re.compile(r"(/|[a-z0-9]+://)\S+")
MOST_WRITES = 3


def problems(params):
    """Return what is wrong with the module's parameters."""
    if not params["artifacts"]:
        return ["artifacts: is empty; write at least one"]
    wrong = []
    for artifact in params["artifacts"]:
        if "*" in artifact:
            wrong.append(f"artifacts: '{artifact}' has a '*'; write only what the artifacts begin with")
        elif params["artifact_type"] == MAVEN:
            if not MAVEN_COORDINATE.fullmatch(artifact):
                wrong.append(
                    f"artifacts: '{artifact}' is no Maven coordinate; write group:artifact, group:artifact:version, or "
                    "what they begin with"
                )
        elif not PATH_OR_URL.fullmatch(artifact):
            wrong.append(f"artifacts: '{artifact}' is no path; write it as /Volumes/… or s3://…")
    return wrong


class Allowlist:
    """The allowlist of one type of artifact."""

    def __init__(self, workspace, artifact_type):
        self.workspace = workspace
        self.artifact_type = artifact_type
        self.path = f"{PATH}/{artifact_type}"

    def read(self):
        """Return the matchers as Databricks has them, in its order."""
        with needs("MANAGE ALLOWLIST on the metastore"):
            return self.workspace.get(self.path).get("artifact_matchers") or []

    def write(self, merged):
        """Write what is merged into the list as it is right before, and return it."""
        written = []

        def body():
            written[:] = merged(self.read())
            return dict(artifact_matchers=written)

        with needs("MANAGE ALLOWLIST on the metastore"):
            self.workspace.put(self.path, body)
        return written

    def change(self, artifacts, state):
        """Make the list hold the artifacts, or none of them, and return it before and after.

        Nothing tells if somebody else wrote the list between our reading and our writing; so these follow each other at
        once, and what was written and is gone when it is read again fell to somebody who had read the list before us.
        """
        before = now = self.read()
        lost, writes = [], 0
        while lost or merge(now, artifacts, state) != now:
            if writes == MOST_WRITES:
                raise Problem(
                    f"The allowlist {self.artifact_type} is written by somebody else at the same time; after {writes} "
                    "attempts it is not as it should be",
                    hint="run again when the other is done",
                )
            written = self.write(lambda there, lost=lost: merge(with_lost(there, lost), artifacts, state))
            writes += 1
            now = self.read()
            lost = [matcher for matcher in written if matcher not in now]
        return before, now


def ours(artifact):
    return dict(artifact=artifact, match_type=PREFIX_MATCH)


def with_lost(matchers, lost):
    return matchers + [matcher for matcher in lost if matcher not in matchers]


def merge(matchers, artifacts, state):
    """Return the matchers with the artifacts added, or removed. Those of others stay as they are, of any match_type."""
    mine = [ours(artifact) for artifact in dict.fromkeys(artifacts)]
    if state == "absent":
        return [matcher for matcher in matchers if matcher not in mine]
    return matchers + [matcher for matcher in mine if matcher not in matchers]
