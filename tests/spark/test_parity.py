"""Both engines build the same rows from the same events, at once and batch after batch.

Every table that DuckDB has in the layers is compared; a new model is covered without being named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.spark import engine
from tests.spark.compare import differences
from warehouse import lake
from warehouse.lake.exporting import manifest
from warehouse.lake.handback import current, import_marts
from warehouse.pipeline import run
from warehouse.publish import open_published
from warehouse.sample import write_company
from warehouse.settings import Home, Settings

pytestmark = pytest.mark.slow


@dataclass
class Engines:
    """A home whose work file DuckDB builds, and the folder that Spark hands its tables back to."""

    home: Home
    settings: Settings
    out: Path
    back: Path


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    """The sample in two batches, each built by both engines; the second adds to what the first has left."""
    folder = tmp_path_factory.mktemp("spark")
    settings = Settings(home=folder / "home")
    engines = Engines(settings.layout(), settings, folder / "export", folder / "back")
    spark = folder / "spark"
    spark.mkdir()
    files = write_company(folder / "sample", days=60, accounts=40, seed=7).files
    for number, path in enumerate(files, start=1):
        run(settings, [path], received_at=datetime(2026, 7, number, 12))
        lake.export(engines.home, settings, engines.out)
        # Checks look for mistakes in models and data, which DuckDB's build has done on the same rows.
        engine.build(spark, engines.out, engines.back, "--exclude-resource-type", "test")
    return engines


@pytest.fixture(scope="module")
def con(engines: Engines) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach '{engines.home.warehouse}' as work (read_only)")
        yield con


def test_every_table_has_the_same_rows_on_both_engines(engines: Engines, con: duckdb.DuckDBPyConnection) -> None:
    build = engines.back / current(engines.back).run_id
    assert differences(con, build, engine.LAYERS) == {}


def test_statistics_of_what_spark_has_built_are_those_of_what_duckdb_has(
    engines: Engines, con: duckdb.DuckDBPyConnection
) -> None:
    lake.compute(engines.home, engines.settings, engines.back, engines.out)
    (version,) = {entry["version"] for entry in manifest(engines.out) if entry["relation"].startswith("computed.")}
    assert differences(con, engines.out / version, ("computed",)) == {}


def test_what_spark_has_built_is_published_for_readers(engines: Engines, con: duckdb.DuckDBPyConnection) -> None:
    readers = Settings(home=engines.home.root.parent / "readers")
    published = import_marts(readers.layout(), readers, engines.back)
    assert published is not None
    assert import_marts(readers.layout(), readers, engines.back) is None
    with open_published(engines.home) as mine, open_published(readers.layout()) as theirs:
        asked = (
            "select table_schema, table_name, column_name, data_type, column_comment from information_schema.columns "
            "where table_schema in ('facts', 'marts', 'scores') order by all"
        )
        assert theirs.execute(asked).fetchall() == mine.execute(asked).fetchall()
        clock = "select as_of, known_at, batch_id from meta.publication"
        assert theirs.execute(clock).fetchall() == mine.execute(clock).fetchall()
        counts = "select schema_name, table_name, row_count from meta.published_table order by all"
        assert theirs.execute(counts).fetchall() == mine.execute(counts).fetchall()
