"""Computes the statistics from what an engine beyond this machine has handed back, and puts them where it reads them.

They are computed one by one, from the tables that each one reads: these must fit into memory, the events need not. What
a statistic is, is said in :mod:`warehouse.statistics`.
"""

from pathlib import Path

from warehouse import computed
from warehouse.lake import exporting, handback
from warehouse.settings import Home, Settings
from warehouse.statistics import statistics

SCHEMAS = ("staging", "seeds", "facts", "marts", "features", "contacts")
"""Where statistics read; of staging the clock alone comes back."""


def compute(home: Home, settings: Settings, back: Path, folder: Path) -> dict[str, int]:
    """Compute all statistics from the last build in `back`, and put them in place of those of the export in `folder`.

    Scores are those of the models in force in this home. The caller holds the writer's lock.

    Returns
    -------
    dict
        Rows by ``schema.table``.

    Raises
    ------
    HandbackError
        If there is no complete build, a table is not in it that a statistic reads, or a statistic fails.
    ExportError
        If nothing has been exported to the folder.
    """
    build = back / handback.current(back).run_id
    rows = {}
    with handback.opened(settings, build, SCHEMAS) as con:
        con.execute("create schema raw")
        con.execute(computed.SCORING_MODEL)
        computed.hand_over_models(con, home)
        computed.ensure_tables(con)
        standing = {
            f"{schema}.{table}"
            for schema, table in con.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }
        for statistic in statistics():
            missing = sorted(set(statistic.reads) - standing)
            if missing:
                raise handback.HandbackError(
                    f"The statistic {statistic.name} cannot be computed.",
                    where=str(build),
                    why=f"{', '.join(missing)} is not there",
                    todo="Build with DEALHOUSE_SPARK_LAYERS unset, or name facts, marts, features and contacts.",
                )
            result = computed.run(con, statistic)
            if not result.is_good:
                raise handback.HandbackError(
                    f"The statistic {statistic.name} could not be computed.",
                    where=str(build),
                    why=result.message,
                    todo="Look for what is unusual in the tables that it reads, and compute again.",
                )
            rows[statistic.table] = con.sql(f"from {statistic.table}").count("*").fetchall()[0][0]
        exporting.replace(folder, con, "computed")
    return rows
