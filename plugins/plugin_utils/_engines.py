# Copyright (c) 2026 The lakehouse.onprem_tunnel authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of engines. A new engine is one row here and one row in docs/engines.md (a test compares the two)."""

from __future__ import annotations

from dataclasses import dataclass

PROBES = ("mysql", "postgresql", "tds", "tcp")


@dataclass(frozen=True)
class Engine:
    """What is special about an engine, as seen from the tunnel and from Databricks."""

    name: str
    port: int | None
    """The default port; None makes ``port`` a required field."""
    probe: str = "tcp"
    """How the tunnel host may look at it without doing harm; one of PROBES."""
    databricks_type: str | None = None
    """The connection's type in Unity Catalog; None where Databricks has none."""
    catalog_option: str | None = None
    """The option of the foreign catalog that says which database it shows; None where it shows all of the server's."""
    cdc: bool = False
    """Whether the field ``cdc`` makes sense."""
    jdbc: str | None = None
    """The JDBC driver in Maven, as group:artifact."""
    warning: str | None = None
    """How its clients come to dial an address that the tunnel does not carry, and what to do about it."""
    also: tuple[str, ...] = ()
    """Other words that people write for it; only used to suggest the right one."""


_ROWS = (
    Engine(
        name="mysql",
        port=3306,
        probe="mysql",
        databricks_type="MYSQL",
        cdc=True,
        jdbc="com.mysql:mysql-connector-j",
    ),
    Engine(
        name="mariadb",
        port=3306,
        probe="mysql",
        databricks_type="MYSQL",
        cdc=True,
        jdbc="org.mariadb.jdbc:mariadb-java-client",
        warning="MariaDB 11.3 and later send clients to redirect_url where it is set: leave it empty. Databricks reads "
        "MariaDB through its MYSQL connection, but it is not a supported Lakeflow Connect source.",
    ),
    Engine(
        name="postgresql",
        port=5432,
        probe="postgresql",
        databricks_type="POSTGRESQL",
        catalog_option="database",
        cdc=True,
        jdbc="org.postgresql:postgresql",
        also=("postgres", "pgsql", "pg"),
    ),
    Engine(
        name="sqlserver",
        port=1433,
        probe="tds",
        databricks_type="SQLSERVER",
        catalog_option="database",
        cdc=True,
        jdbc="com.microsoft.sqlserver:mssql-jdbc",
        warning="named instances (UDP 1434), read-intent routing, mirroring partners and Azure SQL's redirect policy "
        "send clients to another address: give the instance a fixed port, connect by port, and set the policy to Proxy.",
        also=("mssql", "sql_server", "tsql"),
    ),
    Engine(
        name="oracle",
        port=1521,
        databricks_type="ORACLE",
        catalog_option="service_name",
        cdc=True,
        jdbc="com.oracle.database.jdbc:ojdbc11",
        warning="a RAC SCAN listener and FORWARD_LISTENER send clients to another address: "
        "take the address of one node's own listener.",
    ),
    Engine(
        name="db2",
        port=50000,
        jdbc="com.ibm.db2:jcc",
        warning="the server tells clients of its alternate servers, and they dial those on failover: "
        "switch automatic client reroute off.",
    ),
    Engine(
        name="teradata",
        port=1025,
        databricks_type="TERADATA",
        jdbc="com.teradata.jdbc:terajdbc",
        warning="clients look for the other nodes (COP discovery) and dial those: connect with COP=OFF.",
    ),
    Engine(
        name="mongodb",
        port=27017,
        warning="clients of a replica set dial the members that it names: connect with directConnection=true.",
        also=("mongo",),
    ),
    Engine(
        name="kafka",
        port=9092,
        warning="clients dial what advertised.listeners names: give the brokers a listener that advertises the name and "
        "listen_port used here, and a resource for each broker.",
    ),
    Engine(
        name="redis",
        port=6379,
        warning="Redis Cluster sends clients to other nodes: only a stand-alone server works through one resource.",
    ),
    Engine(
        name="cassandra",
        port=9042,
        warning="drivers dial every node that the first one names: pin the driver to one node, "
        "or translate the addresses in it.",
    ),
    Engine(
        name="elasticsearch",
        port=9200,
        warning="clients that sniff dial the nodes' own addresses: switch sniffing off.",
        also=("elastic", "opensearch"),
    ),
    Engine(
        name="clickhouse",
        port=8123,
        jdbc="com.clickhouse:clickhouse-jdbc",
    ),
    Engine(
        name="tcp",
        port=None,
        also=("other", "generic"),
    ),
)

ENGINES: dict[str, Engine] = {row.name: row for row in _ROWS}
