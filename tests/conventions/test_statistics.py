"""What every statistic owes its reader: a declared source, a grain, described columns, a place between two phases."""

import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from scoring.scores import score_month
from scoring.specs import SPECS
from tests.laws.compiled import engine, project
from warehouse.computed import rows_of
from warehouse.settings import PROJECT_DIR
from warehouse.statistics import Statistic, statistics

READS = {"facts", "marts", "features", "seeds"}
EXCEPTIONS = {
    "duplicate_pair": {"contacts": "names are compared, and stay inside; the result has ids"},
    **{name: {"raw": "the models in force are no event"} for name in ("churn_risk", "deal_win", "lead_score")},
    **{
        name: {"raw": "the models in force are no event", "staging": "what was known when is asked of the clock"}
        for name in ("customer_value", "revenue_forecast", "score_drift", "score_month", "score_segment")
    },
    "silence_risk": {"staging": "the clock says up to when nothing was heard"},
}
"""Layers that single statistics read besides, and why."""
STATISTICS = [pytest.param(statistic, id=statistic.name) for statistic in statistics()]


def sources() -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in project().manifest["sources"].values() if node["schema"] == "computed"}


def test_every_module_is_a_source_and_every_source_a_module() -> None:
    folders = (PROJECT_DIR / "warehouse" / "statistics", PROJECT_DIR / "scoring" / "scores")
    modules = {path.stem for folder in folders for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert modules == {statistic.name for statistic in statistics()} == set(sources())


@pytest.mark.parametrize("statistic", STATISTICS)
def test_its_source_stands_in_a_file_of_its_name(statistic: Statistic) -> None:
    source = sources()[statistic.name]
    assert source["original_file_path"] == f"models/computed/{statistic.name}.yml"
    assert source["description"].startswith("One row per")


@pytest.mark.parametrize("statistic", STATISTICS)
def test_columns_are_typed_alike_and_described(statistic: Statistic) -> None:
    declared = sources()[statistic.name]["columns"].values()
    assert {column["name"]: column["data_type"] for column in declared} == dict(statistic.columns)
    assert all(column["description"].strip() and "doc(" not in column["description"] for column in declared)
    assert "tenant_id" in statistic.columns
    models = [node for node in project().manifest["nodes"].values() if node["resource_type"] == "model"]
    for model in models:
        for column in model["columns"].values():
            assert statistic.columns.get(column["name"], column["data_type"]) == column["data_type"], column["name"]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_its_grain_is_tested(statistic: Statistic) -> None:
    tests = [
        node
        for node in project().manifest["nodes"].values()
        if node["resource_type"] == "test" and f"source.dealhouse.{statistic.table}" in node["depends_on"]["nodes"]
    ]
    assert any(test["test_metadata"]["name"] == "unique_grain" for test in tests)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_it_reads_what_no_statistic_is_needed_for(statistic: Statistic) -> None:
    nodes = {node.key: node for node in project().nodes}
    assert {table.split(".")[0] for table in statistic.reads} <= READS | EXCEPTIONS.get(statistic.name, {}).keys()
    queue = [name for table in statistic.reads if (name := table.split(".")[1]) in nodes]
    seen = set(queue)
    while queue:
        node = nodes[queue.pop()]
        assert node.schema != "computed", node.key
        queue += [parent for parent in node.parents if parent not in seen]
        seen |= set(node.parents)


@pytest.fixture(scope="module")
def empty() -> dict[str, pl.DataFrame]:
    """Every table that a statistic reads, without rows."""
    tables = engine().build([])
    return {table: rows_of(tables.con, table).clear() for statistic in statistics() for table in statistic.reads}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_of_nothing_it_makes_nothing_with_all_its_columns(statistic: Statistic, empty: dict[str, pl.DataFrame]) -> None:
    result = statistic.compute({table: empty[table] for table in statistic.reads})
    assert isinstance(result, pl.DataFrame)
    assert sorted(result.columns) == sorted(statistic.columns)
    assert result.height == 0


def test_every_file_of_the_folder_is_a_source() -> None:
    assert {path.stem for path in (PROJECT_DIR / "models" / "computed").glob("*")} == set(sources())


def test_listing_them_imports_nothing_heavy() -> None:
    """Every command lists them, when it opens the work file."""
    code = "import sys; from warehouse.statistics import statistics; statistics(); print(*sys.modules)"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_DIR)
    modules = set(listed.stdout.split())
    assert "scoring.scores.churn_risk" in modules
    assert not {"sklearn", "scipy", "numpy", "polars", "splink"} & modules


def test_months_of_scores_are_read_for_every_spec() -> None:
    reads = set(score_month.READS)
    assert {table for spec in SPECS for table in (spec.features, spec.labels)} <= reads
