"""OAuth from machine to machine: client id and secret become a token, and each call is asked for it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from flask import Flask, jsonify, request

from .errors import unauthenticated
from .world import World

LIFETIME = 3600  # seconds
ACCOUNT = "account"  # the audience of tokens that the account's host gives


@dataclass
class Token:
    client_id: str
    audience: str
    expires: float


class Tokens:
    def __init__(self, world: World):
        self.world, self.given = world, {}

    def give(self, client_id: str, audience: str) -> str:
        text = f"oauth-{secrets.token_hex(16)}"
        self.given[text] = Token(client_id, audience, time.monotonic() + LIFETIME)
        return text

    def client_of(self, header: str, audience: str) -> str:
        """Return whose token it is. The account's are good for each workspace, a workspace's for that one alone."""
        kind, _space, text = header.partition(" ")
        if kind != "Bearer":
            raise unauthenticated()
        if audience != ACCOUNT and text in self.world.personal_access_tokens:
            return self.world.personal_access_tokens[text]
        token = self.given.get(text)
        if token is None or token.expires <= time.monotonic() or token.audience not in (audience, ACCOUNT):
            raise unauthenticated()
        return token.client_id


def add_routes(app: Flask, tokens: Tokens, audience: str):
    @app.get("/.well-known/databricks-config")
    def databricks_config():
        return {"oidc_endpoint": f"{request.host_url}oidc", "cloud": "AWS"}

    @app.get("/oidc/.well-known/oauth-authorization-server")
    def authorization_server():
        root = f"{request.host_url}oidc/v1"
        return {"authorization_endpoint": f"{root}/authorize", "token_endpoint": f"{root}/token"}

    @app.post("/oidc/v1/token")
    def token():
        given = request.authorization
        secret = tokens.world.secrets.get(given.username) if given and given.type == "basic" else None
        if secret is None or not secrets.compare_digest(secret, given.password):
            return refused(401, "invalid_client", "Client authentication failed")
        if request.form.get("grant_type") != "client_credentials":
            return refused(400, "unsupported_grant_type", "grant_type has to be client_credentials")
        if request.form.get("scope") != "all-apis":
            return refused(400, "invalid_scope", "scope has to be all-apis")
        return {
            "access_token": tokens.give(given.username, audience),
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": "all-apis",
        }


def refused(status, code, description):
    return jsonify({"error": code, "error_description": description}), status
