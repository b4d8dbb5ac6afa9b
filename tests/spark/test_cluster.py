"""A cluster of two workers builds what DuckDB builds, also when one of them dies on the way."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.part import PART, copy_project
from tests.spark import cluster, engine
from tests.spark.compare import differences
from warehouse import lake
from warehouse.lake.handback import current
from warehouse.pipeline import run
from warehouse.sample import write_company
from warehouse.settings import Settings

pytestmark = pytest.mark.slow

BUILT = 6
"""Tables of Spark that stand when the worker is killed; the part has more than three times as many."""
SECONDS = 1200.0


def test_a_build_gets_over_the_death_of_a_worker(tmp_path: Path) -> None:
    copy_project(tmp_path / "project", PART)
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project")
    run(settings, write_company(tmp_path / "sample", 60, 20, 3).files, received_at=datetime(2026, 7, 1))
    lake.export(settings.layout(), settings, tmp_path / "out")
    spark = tmp_path / "spark"
    spark.mkdir()
    with cluster.running(tmp_path / "cluster", workers=2) as two, ThreadPoolExecutor(1) as pool:
        build = pool.submit(
            engine.attempt, spark, tmp_path / "out", tmp_path / "back", "--exclude-resource-type", "test",
            project=tmp_path / "project", more={"DEALHOUSE_SPARK_MASTER": two.master, "SPARK_LOCAL_IP": "127.0.0.1"},
        )  # fmt: skip
        until = time.monotonic() + SECONDS
        while len(list((spark / "spark" / "warehouse").glob("*.db/*/_SUCCESS"))) < BUILT:
            assert not build.done(), build.result()[1][-4000:]
            assert time.monotonic() < until, two.said("master")[-4000:]
            time.sleep(0.2)
        assert two.has_executor(0)
        assert two.has_executor(1)
        two.kill(1)
        assert not build.done(), "nothing was left to build when the worker died"
        code, said = build.result()
        assert code == 0, said[-4000:]
        assert "Lost worker" in two.said("master") or "Removing worker" in two.said("master")
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach '{settings.layout().warehouse}' as work (read_only)")
        build_folder = tmp_path / "back" / current(tmp_path / "back").run_id
        assert differences(con, build_folder, ("facts", "marts", "contacts")) == {}
