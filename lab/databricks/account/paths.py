ROOT = "/api/2.0/accounts/<account_id>"
NCCS = f"{ROOT}/network-connectivity-configs"
RULES = f"{NCCS}/<ncc_id>/private-endpoint-rules"
WORKSPACES = f"{ROOT}/workspaces"
