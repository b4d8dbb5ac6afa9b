"""Keeps what the checks of a build have found, for the tables that tell of it in the same build.

Checks are dbt tests; those of severity error fail the build, so that what is worth telling are the others. Whether a
build may be published is decided in :mod:`warehouse.build`; how a finding is judged, in ``marts.data_quality``.
"""

from collections.abc import Sequence

import duckdb

from warehouse.dbt import NodeResult

READERS = "source:raw.check_results+"
"""The models that are built from what the others' checks have found, for dbt's selection."""


def record(con: duckdb.DuckDBPyConnection, nodes: Sequence[NodeResult], is_all: bool) -> None:
    """Keep the findings of these nodes, in one transaction; models and seeds among them are passed over.

    How long a check took, and which build it was, is left out: the same tables have the same findings.

    Parameters
    ----------
    con
        The open work file.
    nodes
        What a build has run so far.
    is_all
        Whether that is all there is. Otherwise the findings of checks that were not run again stand.
    """
    rows = [
        [node.name, node.checked, node.severity, node.status, node.failures or 0]
        for node in nodes
        if node.unique_id.startswith("test.") and node.checked
    ]
    con.execute("begin")
    if is_all:
        con.execute("delete from raw.check_results")
    if rows:
        con.executemany("delete from raw.check_results where check_name = ?", [[name] for name, *_ in rows])
        con.executemany("insert into raw.check_results values (?, ?, ?, ?, ?)", rows)
    con.execute("commit")
