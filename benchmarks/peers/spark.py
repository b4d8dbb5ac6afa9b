"""Spark on one machine: the same models, by another target of the project.

Its work runs in the environment that `make test-spark` makes, and is that of a user: a `dbt build` in a process that
starts its own Spark. Java is a child of that process, which waits for its end, so that what Java needs is counted.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.bench import DEALHOUSE, Absent, Bench, Result
from benchmarks.peers.postgres import OURS, TABLES
from benchmarks.peers.process import PROJECT, Work

PACKAGES = ("pyspark",)
HERE = "benchmarks.peers.spark"
TASK = "fact_deal and fact_sla from events taken in"


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """Both facts with all that they read, without checks on either side: one round, since it takes minutes."""
    python = Path(os.environ.get("DEALHOUSE_SPARK_PYTHON", PROJECT / ".venv-spark" / "bin" / "python"))
    if not python.exists():
        yield Absent("Spark", TASK, f"it is not installed at {python}: make test-spark installs it")
        return
    yield bench.race(
        "Spark, local", TASK,
        Work(
            DEALHOUSE, "build_deals_unchecked", OURS, {"home": str(bench.log_home)}, prepare="copy_home",
            show="show_facts",
        ),
        Work(
            HERE, "build", ("dbt.cli.main", "pyspark"), {"export": str(bench.log_export)}, show="show_facts",
            is_peer=True, python=str(python),
        ),
        TABLES, 1e-9,
        "the same models and rows; memory is the larger one of dbt and Java, whose heap may grow to 3 GB", rounds=1,
    )  # fmt: skip


def build(folder: str, export: str) -> int:
    """Build both facts and what they read, in a new catalogue; wait for the end of Java."""
    os.environ |= {"DEALHOUSE_HOME": folder, "DEALHOUSE_SPARK_EXPORT": export, "SPARK_LOCAL_DIRS": folder}
    os.chdir(folder)
    sys.path.insert(0, str(PROJECT))
    from dbt.cli.main import dbtRunner
    from pyspark import SparkContext

    arguments = [
        *("build", "--target", "spark", "--quiet", "--exclude-resource-type", "unit_test"),
        *("--exclude-resource-type", "test", "--select", *(f"+{table}" for table in TABLES)),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", f"{folder}/dbt", "--log-path", f"{folder}/dbt"),
    ]
    result = dbtRunner().invoke(arguments)
    if not result.success:
        raise RuntimeError(str(result.exception or [one.message for one in result.result if one.message])[:2000])
    context = SparkContext._active_spark_context
    if context is not None:
        java = context._gateway.proc
        context.stop()
        java.stdin.close()
        java.wait()
    return len(result.result)


def show_facts(folder: str, export: str) -> int:  # noqa: ARG001
    """Write both tables, less the column that only Spark's have."""
    import duckdb

    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for table in TABLES:
            files = f"{folder}/spark/warehouse/facts.db/{table}/**/*.parquet"
            told = con.sql(f"from read_parquet('{files}', hive_partitioning = true)")
            names = ", ".join(
                f"cast({name} as timestamp) as {name}" if str(kind) == "TIMESTAMP WITH TIME ZONE" else name
                for name, kind in zip(told.columns, told.types, strict=True)
                if name != "spark_bucket"
            )
            told.project(names).write_parquet(f"{folder}/{table}.parquet")
    return len(TABLES)
