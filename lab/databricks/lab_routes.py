"""The stand-in's own routes, for the programs that play the compute of a workspace. Nobody logs in to them.

GET /_lab/workspaces/<name>: the NCC that is attached, and its rules that carry traffic.
GET /_lab/workspaces/<name>/connections/<connection>: what compute connects with, the password among it.
"""

from flask import Flask, jsonify

from .errors import ApiError
from .state import State


def make(state: State) -> Flask:
    app = Flask(__name__, static_folder=None)

    @app.errorhandler(ApiError)
    def refused(error):
        return jsonify({"error_code": error.code, "message": error.message}), error.status

    @app.get("/_lab/workspaces/<name>")
    def network(name):
        return state.network_for_compute(name)

    @app.get("/_lab/workspaces/<name>/connections/<connection>")
    def connection(name, connection):
        return state.connection_for_compute(name, connection)

    return app
