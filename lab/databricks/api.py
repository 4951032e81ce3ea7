"""What the hosts have in common: who calls, what is recorded, what fails, and the shape of an error."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, field

from flask import Flask, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response

from . import oauth
from .errors import ApiError, malformed, no_such_endpoint
from .faults import Faults, cut
from .state import State
from .strict import check_fields, check_query, parse_body
from .world import World


@dataclass
class Request:
    """A call as it came; status is None while it has no answer, and where the connection was closed."""

    method: str
    path: str
    query: dict[str, str]
    body: object
    status: int | None = None


@dataclass
class Context:
    """What all hosts of a stand-in share."""

    world: World
    state: State
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self):
        self.tokens = oauth.Tokens(self.world)


def body(types: dict[str, str], required=()) -> dict:
    """Return the request's JSON, which has these fields."""
    given = parse_body(request.get_data(), request.content_type or "")
    check_fields(given, types, required, "request object")
    return given


def query(readers: dict) -> dict:
    """Return the request's query parameters, each read by its reader; it may have no others."""
    return check_query(request.args, readers)


def no_query():
    query({})


def is_login(path: str) -> bool:
    return path.startswith(("/oidc/", "/.well-known/"))


def make_app(context: Context, audience: str) -> Flask:
    """Return an app that lets nobody in without a token of the audience. g.client_id says who calls."""
    app = Flask(__name__, static_folder=None)
    app.json.sort_keys = False
    oauth.add_routes(app, context.tokens, audience)

    @app.before_request
    def authenticate():
        if not is_login(request.path):
            g.client_id = context.tokens.client_of(request.headers.get("Authorization", ""), audience)
        if request.method in ("GET", "DELETE") and request.get_data():
            raise malformed(f"Could not parse request object: a {request.method} has none.")

    @app.errorhandler(ApiError)
    def refused(error):
        return jsonify({"error_code": error.code, "message": error.message}), error.status

    @app.errorhandler(HTTPException)
    def unknown(_error):
        return refused(no_such_endpoint(request.method, request.path))

    @app.errorhandler(Exception)
    def failed(error):
        app.logger.exception("%s %s", request.method, request.path)
        return refused(ApiError(500, "INTERNAL_ERROR", f"The stand-in itself failed: {error!r}"))

    return app


class Host:
    """An app as it is served: recorded, and with its faults. One call is carried out at a time."""

    def __init__(self, app: Flask, context: Context):
        self.app, self.context = app, context

    def __call__(self, environ, start_response):
        call = self._record(HttpRequest(environ))
        fault = self.context.faults.take(call.method, call.path)
        if fault is None or fault.carried_out:
            with self.context.state.lock:
                response = Response.from_app(self.app, environ, buffered=True)
        elif fault.cuts:
            response = Response()
        else:
            response = fault.answer()
        if fault is not None and fault.kind == "applied_then_timeout":
            time.sleep(fault.seconds)
        if fault is not None and fault.cuts:
            cut(environ)
        else:
            call.status = response.status_code
        return response(environ, start_response)

    def _record(self, request: HttpRequest) -> Request:
        data = request.get_data()
        request.environ["wsgi.input"] = io.BytesIO(data)  # for the app, which reads it again
        try:
            content = json.loads(data) if data else None
        except ValueError:
            content = data.decode(errors="replace")
        call = Request(request.method, request.path, request.args.to_dict(), content)
        if not is_login(call.path):
            self.context.requests.append(call)
        return call
