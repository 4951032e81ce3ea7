"""Artifact allowlists, each for the whole metastore."""

from __future__ import annotations

from flask import Flask, g

from ..api import body, no_query
from ..errors import invalid
from ..state.common import now
from ..strict import check_fields
from .caller import ROOT, Callers

ALLOWLIST = f"{ROOT}/artifact-allowlists/<artifact_type>"
TYPES = ("INIT_SCRIPT", "LIBRARY_JAR", "LIBRARY_MAVEN")
FIELDS = {
    "artifact_matchers": "list of objects",
    "created_at": "integer",
    "created_by": "string",
    "metastore_id": "string",
}
MATCHER = {"artifact": "string", "match_type": "string"}


def add_routes(app: Flask, callers: Callers):
    metastore = callers.metastore

    def check_access(artifact_type):
        no_query()
        callers.current().need("MANAGE_ALLOWLIST")
        if artifact_type not in TYPES:
            raise invalid(f"'{artifact_type}' is no artifact type; here: {', '.join(TYPES)}.")

    def to_answer(artifact_type) -> dict:
        """An empty list is answered without its key."""
        kept = metastore.allowlists.get(artifact_type, {})
        return {key: value for key, value in kept.items() if value} | {"metastore_id": metastore.id}

    @app.get(ALLOWLIST)
    def get_allowlist(artifact_type):
        check_access(artifact_type)
        return to_answer(artifact_type)

    @app.put(ALLOWLIST)
    def set_allowlist(artifact_type):
        check_access(artifact_type)
        given = body(FIELDS, required=("artifact_matchers",))
        for matcher in given["artifact_matchers"]:
            check_fields(matcher, MATCHER, tuple(MATCHER), "artifact matcher")
            if matcher["match_type"] != "PREFIX_MATCH":
                raise invalid(f"'{matcher['match_type']}' is no match type; there is only PREFIX_MATCH.")
        metastore.allowlists[artifact_type] = {
            "artifact_matchers": given["artifact_matchers"],
            "created_by": g.client_id,
            "created_at": now(),
        }
        return to_answer(artifact_type)
