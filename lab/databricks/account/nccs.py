"""Network connectivity configurations (NCCs)."""

from __future__ import annotations

from flask import Flask

from ..api import Context, body, no_query, query
from ..state.nccs import STABLE_ADDRESSES, Ncc
from ..strict import page
from .paths import NCCS
from .rules import to_answer as rule_answer


def add_routes(app: Flask, context: Context):
    world, state = context.world, context.state

    def to_answer(ncc: Ncc) -> dict:
        return {
            "network_connectivity_config_id": ncc.id,
            "account_id": world.account_id,
            "name": ncc.name,
            "region": ncc.region,
            "creation_time": ncc.creation_time,
            "updated_time": ncc.creation_time,
            "egress_config": {
                "default_rules": {"aws_stable_ip_rule": {"cidr_blocks": STABLE_ADDRESSES}},
                "target_rules": {
                    "aws_private_endpoint_rules": [rule_answer(rule, world) for rule in state.rules.of(ncc.id)]
                },
            },
        }

    @app.post(NCCS)
    def create_ncc():
        no_query()
        given = body({"name": "string", "region": "string"}, required=("name", "region"))
        return to_answer(state.nccs.create(given["name"], given["region"]))

    @app.get(NCCS)
    def list_nccs():
        token = query({"page_token": str}).get("page_token")
        return page([to_answer(ncc) for ncc in state.nccs.by_id.values()], "items", world.page_size, token)

    @app.get(f"{NCCS}/<ncc_id>")
    def get_ncc(ncc_id):
        no_query()
        return to_answer(state.nccs.get(ncc_id))

    @app.delete(f"{NCCS}/<ncc_id>")
    def delete_ncc(ncc_id):
        no_query()
        rules = [rule for rule in state.rules.of(ncc_id) if not rule.deactivated or world.deactivated_rules_hold_ncc]
        state.nccs.delete(ncc_id, rules, state.workspaces.attached_to(ncc_id))
        return {}
