"""The lab's Databricks: a server that answers as the account API and the workspaces' Unity Catalog API do.

It is stricter than Databricks: what Databricks would pass over, such as an unknown field, is an error here.
"""
