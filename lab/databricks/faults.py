"""Faults on the way: what a client sees when Databricks, or what stands before it, fails."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import dataclass

from werkzeug.wrappers import Response

LOGIN_PAGE = "<!doctype html><html><head><title>Log in</title></head><body>Log in to continue</body></html>"
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
KINDS = (
    "rate_limited",
    "unavailable",
    "applied_then_timeout",
    "applied_then_reset",
    "reset",
    "login_page",
    "bad_gateway",
    "internal_error",
)


@dataclass
class Fault:
    method: str
    path: re.Pattern
    kind: str
    times: int | None
    seconds: float
    retry_after: int | None

    @property
    def carried_out(self) -> bool:
        return self.kind.startswith("applied_then_")

    @property
    def cuts(self) -> bool:
        return self.kind in ("reset", "applied_then_reset")

    def answer(self) -> Response:
        """What is answered instead of carrying the call out."""
        if self.kind == "rate_limited":
            return self._json(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests. Please wait a moment and try again.")
        if self.kind == "unavailable":
            return self._json(503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable.")
        if self.kind == "internal_error":
            return self._json(500, "INTERNAL_ERROR", "Internal error")
        if self.kind == "login_page":
            return Response(LOGIN_PAGE, 200, mimetype="text/html")
        return Response(BAD_GATEWAY, 502, mimetype="text/html")

    def _json(self, status, code, message):
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Response(
            json.dumps({"error_code": code, "message": message}), status, headers, mimetype="application/json"
        )


class Faults:
    def __init__(self):
        self.lock, self.waiting = threading.Lock(), []

    def add(self, method: str, path: str, kind: str, times: int | None = 1, seconds: float = 3, retry_after=None):
        """Let the next calls of the method whose path the pattern is found in fail. times=None: all of them.

        kind: rate_limited (429), unavailable (503), internal_error (500), login_page (200 and HTML), bad_gateway (502 and
        HTML), reset (the connection is closed), applied_then_reset (carried out, then closed), applied_then_timeout
        (carried out, and answered after so many seconds). retry_after (seconds) goes with 429 and 503.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind} is none of {', '.join(KINDS)}")
        if retry_after is None and kind == "rate_limited":
            retry_after = 1
        with self.lock:
            self.waiting.append(Fault(method, re.compile(path), kind, times, seconds, retry_after))

    def clear(self):
        with self.lock:
            self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.waiting:
                if fault.method == method and fault.path.search(path):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self.waiting.remove(fault)
                    return fault
        return None


def cut(environ):
    """Close the connection of a request that werkzeug's server is at."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
