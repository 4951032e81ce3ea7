"""Private endpoint rules."""

from __future__ import annotations

from flask import Flask

from ..api import Context, body, no_query, query
from ..state.rules import Rule
from ..strict import check_mask, page, without_none
from ..world import World
from .paths import RULES

REFUSAL = "Updating fields {} for AWS private endpoint rule is not supported. No updates were attempted."


def to_answer(rule: Rule, world: World) -> dict:
    return without_none(
        {
            "rule_id": rule.id,
            "network_connectivity_config_id": rule.ncc_id,
            "account_id": world.account_id,
            "connection_state": rule.state,
            "creation_time": rule.creation_time,
            "updated_time": rule.updated_time,
            "deactivated": rule.deactivated,
            "endpoint_service": rule.endpoint_service,
            "domain_names": rule.domain_names,
            "vpc_endpoint_id": rule.vpc_endpoint_id,
            "error_message": rule.error_message,
            "deactivated_at": rule.deactivated_at,
        }
    )


def add_routes(app: Flask, context: Context):
    world, state = context.world, context.state

    @app.post(RULES)
    def create_rule(ncc_id):
        no_query()
        ncc = state.nccs.get(ncc_id)
        types = {"endpoint_service": "string", "domain_names": "list of strings"}
        given = body(types, required=("endpoint_service", "domain_names"))
        return to_answer(state.rules.create(ncc, given["endpoint_service"], given["domain_names"]), world)

    @app.get(RULES)
    def list_rules(ncc_id):
        token = query({"page_token": str}).get("page_token")
        state.nccs.get(ncc_id)
        answer = page(state.rules.of(ncc_id), "items", world.page_size, token)
        for rule in answer.get("items", []):
            state.rules.look(rule)
        return answer | ({"items": [to_answer(rule, world) for rule in answer["items"]]} if "items" in answer else {})

    @app.get(f"{RULES}/<rule_id>")
    def get_rule(ncc_id, rule_id):
        no_query()
        rule = state.rules.get(ncc_id, rule_id)
        state.rules.look(rule)
        return to_answer(rule, world)

    @app.patch(f"{RULES}/<rule_id>")
    def update_rule(ncc_id, rule_id):
        mask = query({"update_mask": str}).get("update_mask")
        rule = state.rules.get(ncc_id, rule_id)
        given = body({"domain_names": "list of strings"})
        check_mask(mask, given, {"domain_names"}, REFUSAL)
        state.rules.set_domain_names(rule, given["domain_names"])
        return to_answer(rule, world)

    @app.delete(f"{RULES}/<rule_id>")
    def delete_rule(ncc_id, rule_id):
        no_query()
        rule = state.rules.get(ncc_id, rule_id)
        state.rules.delete(rule)
        return to_answer(rule, world)
