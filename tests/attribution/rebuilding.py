"""Runs the project's own attribution, SQL and statistic, on paths that are put in place of those of a log."""

from collections.abc import Iterable

import duckdb

from tests.laws.compiled import engine
from warehouse import computed

AFTER_PATHS = ("attribution_transition", "computed.markov_channel", "attribution", "attribution_markov")


def rebuilt_from(select: str, parameters: Iterable[object] = ()) -> duckdb.DuckDBPyConnection:
    """Fill ``marts.attribution_path`` by a query that names its columns, and build what comes after from it alone."""
    con = engine().con
    engine().build([], models=["attribution_markov", "attribution"])
    con.execute("delete from marts.attribution_path")
    con.execute(f"insert into marts.attribution_path by name {select}", list(parameters))
    nodes = {node.key: node for node in engine().project.nodes}
    for key in AFTER_PATHS:
        node = nodes[key]
        if node.statistic is not None:
            computed.refresh(con, node.statistic)
        else:
            con.execute(f"create or replace table {node.schema}.{node.name} as {node.sql}")
    return con
