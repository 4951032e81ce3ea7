"""The account API, for account admins alone."""

from __future__ import annotations

from flask import Flask, g

from ..api import Context, make_app
from ..errors import denied
from ..oauth import ACCOUNT
from . import nccs, rules, workspaces


def make(context: Context) -> Flask:
    app = make_app(context, ACCOUNT)

    @app.url_value_preprocessor
    def take_account(_endpoint, values):
        if values and "account_id" in values:
            g.account_id = values.pop("account_id")

    @app.before_request
    def authorize():
        world = context.world
        if "account_id" in g and (g.account_id != world.account_id or g.client_id not in world.account_admins):
            raise denied("This API is disabled for users without account admin status.")

    for part in (nccs, rules, workspaces):
        part.add_routes(app, context)
    return app
