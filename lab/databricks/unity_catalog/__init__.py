"""A workspace's API, of which there is Unity Catalog. Each part answers from the metastore of the workspace's region."""

from __future__ import annotations

from flask import Flask

from ..api import Context, make_app
from . import allowlists, catalogs, connections, grants
from .caller import Callers


def make(context: Context, workspace: str) -> Flask:
    app = make_app(context, workspace)
    callers = Callers(context, workspace)
    for part in (connections, catalogs, grants, allowlists):
        part.add_routes(app, callers)
    return app
