"""Unity Catalog's connections. Nothing dials their databases here."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import already_exists, invalid, invalid_state, missing
from .common import new_id, now
from .names import new_name

# Type -> what its JDBC URL begins with. The databases, whose hosts are given.
DATABASES = {
    "MYSQL": "jdbc:mysql",
    "POSTGRESQL": "jdbc:postgresql",
    "SQLSERVER": "jdbc:sqlserver",
    "ORACLE": "jdbc:oracle",
    "TERADATA": "jdbc:teradata",
    "REDSHIFT": "jdbc:redshift",
    "SQLDW": "jdbc:sqldw",
}
OTHER_TYPES = {
    "AWS_SECRETS_MANAGER",
    "BIGQUERY",
    "CONFLUENCE",
    "DATABRICKS",
    "DYNAMICS365",
    "GA4_RAW_DATA",
    "GITHUB",
    "GLUE",
    "HIVE_METASTORE",
    "HTTP",
    "HUBSPOT",
    "JDBC",
    "META_MARKETING",
    "NETSUITE",
    "OUTLOOK",
    "POWER_BI",
    "SALESFORCE",
    "SALESFORCE_DATA_CLOUD",
    "SERVICENOW",
    "SMARTSHEET",
    "SNOWFLAKE",
    "TIKTOK_ADS",
    "WORKDAY_RAAS",
    "ZENDESK",
}
REQUIRED_OPTIONS = ("host", "port", "user")  # of a database; a secret stands for an option
# Options that no answer has: those that Databricks' Terraform provider does not expect back.
CREDENTIALS = {
    "user",
    "password",
    "personalAccessToken",
    "access_token",
    "client_secret",
    "OAuthPvtKey",
    "GoogleServiceAccountKeyJson",
}


@dataclass
class Connection:
    name: str
    connection_type: str
    options: dict[str, str]
    owner: str
    created_by: str
    updated_by: str
    secrets: dict[str, str] = field(default_factory=dict)
    comment: str | None = None
    properties: dict[str, str] | None = None
    read_only: bool = True
    environment_settings: dict | None = None
    id: str = field(default_factory=new_id)
    created_at: int = field(default_factory=now)
    updated_at: int = field(default_factory=now)

    @property
    def visible_options(self) -> dict[str, str]:
        return {key: value for key, value in self.options.items() if key not in CREDENTIALS}

    @property
    def url(self) -> str | None:
        start = DATABASES.get(self.connection_type)
        return f"{start}://{self.options['host']}:{self.options['port']}/" if start else None


class Connections:
    def __init__(self, unity_secrets: dict[str, str], keeps_omitted_options: bool):
        self.unity_secrets, self.keeps_omitted_options = unity_secrets, keeps_omitted_options
        self.by_name: dict[str, Connection] = {}

    def create(self, name: str, connection_type: str, options: dict[str, str], owner: str, **others) -> Connection:
        name = self._free(name)
        if connection_type not in DATABASES and connection_type not in OTHER_TYPES:
            raise invalid(f"'{connection_type}' is no connection type.")
        self._check(connection_type, options, others.get("secrets", {}))
        made = Connection(name, connection_type, dict(options), owner, owner, owner, **others)
        self.by_name[name] = made
        return made

    def get(self, name: str) -> Connection:
        if name.lower() not in self.by_name:
            raise missing(f"Connection '{name}' does not exist.")
        return self.by_name[name.lower()]

    def update(self, connection: Connection, by: str, changes: dict):
        """Change it. That options which are not given are lost is unconfirmed."""
        options = changes.get("options", connection.options)
        if self.keeps_omitted_options:
            options = connection.options | options
        secrets = changes.get("secrets", connection.secrets)
        self._check(connection.connection_type, options, secrets)
        if changes.get("new_name", connection.name).lower() != connection.name:
            name = self._free(changes["new_name"])
            del self.by_name[connection.name]
            connection.name, self.by_name[name] = name, connection
        connection.options, connection.secrets = dict(options), dict(secrets)
        connection.owner = changes.get("owner", connection.owner)
        connection.environment_settings = changes.get("environment_settings", connection.environment_settings)
        connection.updated_at, connection.updated_by = now(), by

    def delete(self, connection: Connection, catalogs: list):
        """Delete it. That the foreign catalogs which use it prevent that is unconfirmed."""
        if catalogs:
            names = ", ".join(catalog.name for catalog in catalogs)
            raise invalid_state(f"Connection '{connection.name}' has dependent catalogs: {names}.")
        del self.by_name[connection.name]

    def resolved(self, connection: Connection) -> dict[str, str]:
        """Return all options, with the values of the secrets: what compute connects with."""
        return connection.options | {key: self.unity_secrets[name] for key, name in connection.secrets.items()}

    def _free(self, name: str) -> str:
        name = new_name(name)
        if name in self.by_name:
            raise already_exists("Connection", name)
        return name

    def _check(self, connection_type: str, options: dict[str, str], secrets: dict[str, str]):
        twice = sorted(set(options) & set(secrets))
        if twice:
            raise invalid(f"Given as options and as secrets: {', '.join(twice)}.")
        for name in secrets.values():
            if name not in self.unity_secrets:
                raise missing(f"Secret '{name}' does not exist.")
        if connection_type not in DATABASES:
            return
        absent = [key for key in REQUIRED_OPTIONS if not options.get(key) and key not in secrets]
        if absent:
            raise invalid(f"A connection of type {connection_type} needs the options {', '.join(absent)}.")
        port = options.get("port", "")
        if not (port.isdecimal() and 0 < int(port) < 65536):
            raise invalid(f"The port '{port}' is no port.")
