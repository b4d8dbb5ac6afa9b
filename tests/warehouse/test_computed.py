"""Statistics run between the models that they read and those that read them, and fail a build under their own name."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse import build as build_module
from warehouse import computed
from warehouse.build import BuildFailedError, build, project_fingerprint
from warehouse.dbt import NodeResult
from warehouse.pipeline import take_in
from warehouse.publish import current
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.statistics import Statistic
from warehouse.store import open_store

SOURCE = """
version: 2
sources:
  - name: computed
    tables:
      - name: deal_total
        columns: [{name: tenant_id, data_type: string}, {name: deal_total, data_type: bigint}]
        data_tests: [{unique_grain: {arguments: {columns: [tenant_id]}}}]
"""
MART = "select total.tenant_id, total.deal_total from {{ source('computed', 'deal_total') }} as total"
MART_YML = """
version: 2
models:
  - name: deal_sum
    data_tests:
      - is_true: {arguments: {condition: "deal_total < 4"}}
      - relationships: {arguments: {to: ref('stg_deal_event'), field: tenant_id}, column_name: tenant_id}
    columns: [{name: tenant_id, data_type: string}, {name: deal_total, data_type: bigint}]
"""


def deal_total(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return tables["staging.stg_deal_event"].group_by("tenant_id").agg(pl.len().alias("deal_total"))


def failing(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    raise ArithmeticError("the matrix is singular")


def infinite(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.DataFrame({"tenant_id": ["t"], "deal_total": [float("inf")]})


def misnamed(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.DataFrame({"tenant_id": ["t"], "total": [1]})


def declared(compute: Any) -> Statistic:
    return Statistic(
        "deal_total", ("staging.stg_deal_event",), {"tenant_id": "string", "deal_total": "bigint"}, compute
    )


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A project of two staging models, a statistic, and a mart that reads it; a batch is taken in, nothing is built."""
    project = tmp_path / "project"
    for part in ("macros", "models/columns"):
        shutil.copytree(PROJECT_DIR / part, project / part)
    for part in ("seeds", "models/staging", "models/computed", "models/marts"):
        (project / part).mkdir(parents=True)
    for name in (
        "dbt_project.yml",
        "profiles.yml",
        "models/staging/sources.yml",
        *(f"models/staging/{model}.{kind}" for model in ("stg_clock", "stg_deal_event") for kind in ("sql", "yml")),
    ):
        shutil.copy(PROJECT_DIR / name, project / name)
    (project / "models" / "computed" / "deal_total.yml").write_text(SOURCE)
    (project / "models" / "marts" / "deal_sum.sql").write_text(MART)
    (project / "models" / "marts" / "deal_sum.yml").write_text(MART_YML)
    settings = Settings(home=tmp_path / "home", project_dir=project, reporting_currency="USD", stage_rule_set="adtech")
    with pytest.MonkeyPatch.context() as patch:
        use(patch, deal_total)
        take_in(settings, [deals(tmp_path, 1, 2)])
        yield settings


def use(patch: pytest.MonkeyPatch, compute: Any) -> None:
    for module in (build_module, computed):
        patch.setattr(module, "statistics", lambda: (declared(compute),))


def deals(folder: Path, *numbers: int) -> Path:
    path = folder / f"deals-{numbers[0]}.ndjson"
    events = [
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "crm",
            "tenantid": "t",
            "type": "crm.deal.created",
            "time": f"2026-01-{number:02}T00:00:00Z",
            "data": {"deal_id": f"d{number}"},
        }
        for number in numbers
    ]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def shown(settings: Settings, table: str = "marts.deal_sum") -> list[tuple[Any, ...]]:
    with open_store(settings.layout(), settings) as con:
        rows: list[tuple[Any, ...]] = con.execute(f"from {table}").fetchall()
    return rows


def test_a_build_has_two_phases_with_the_statistics_between_them(settings: Settings, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def note(node: NodeResult, number: int, total: int) -> None:
        seen.append((node.unique_id, number, total))

    built = build(settings, on_node=note)
    ids = [name for name, _, _ in seen]
    # Each node once, numbered through both phases, and told with the same words as it is returned.
    assert [number for _, number, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, _, total in seen} == {len(seen)}
    assert max(Counter(ids).values()) == 1
    assert sorted(ids) == sorted(node.unique_id for node in built.nodes)
    place = {name: number for name, number, _ in seen}
    statistic = place["statistic.dealhouse.deal_total"]
    assert place["model.dealhouse.stg_deal_event"] < statistic < place["model.dealhouse.deal_sum"]
    assert [number for name, number in place.items() if "is_true_deal_sum" in name] > [statistic]
    assert any("relationships_deal_sum" in name for name in ids)
    assert any("source_unique_grain_computed_deal_total" in name for name in ids)
    assert shown(settings) == [("t", 2)]

    # What is added changes the statistic in an incremental build too, and both phases' checks count.
    take_in(settings, [deals(tmp_path, 3)])
    assert build(settings).plan.action == "incremental"
    assert shown(settings) == [("t", 3)]
    take_in(settings, [deals(tmp_path, 4)])
    with pytest.raises(BuildFailedError, match="is_true_deal_sum"):
        build(settings)
    with open_store(settings.layout(), settings) as con:
        assert build_module.plan(con, settings, build_module.Clocks()).action == "incremental"


def test_a_statistic_that_fails_fails_the_build_under_its_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(settings)
    take_in(settings, [deals(tmp_path, 3)])
    for compute, why in (
        (failing, "the matrix is singular"),
        (infinite, "not finite"),
        (misnamed, "declares"),
    ):
        use(monkeypatch, compute)
        with pytest.raises(BuildFailedError) as failure:
            build(settings)
        assert failure.value.where == "statistic.dealhouse.deal_total"
        assert why in failure.value.why
        # Replaced as a whole or not at all.
        assert shown(settings, "computed.deal_total") == [("t", 2)]
    assert current(settings.layout()) is None
    use(monkeypatch, deal_total)
    assert build(settings).plan.action == "incremental"
    assert shown(settings) == [("t", 3)]


def test_rows_reach_a_statistic_in_one_order() -> None:
    orders = []

    def note(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        orders.append(tables["staging.stg_deal_event"]["tenant_id"].to_list())
        return deal_total(tables)

    with duckdb.connect() as con:
        con.execute("create schema staging; create schema computed")
        for rows in ("('b'), ('a')", "('a'), ('b')"):
            con.execute(f"create or replace table staging.stg_deal_event as from (values {rows}) as deals (tenant_id)")
            computed.refresh(con, declared(note))
    assert orders == [["a", "b"], ["a", "b"]]


def test_columns_that_changed_are_taken_over(settings: Settings) -> None:
    home = settings.layout()
    with open_store(home, settings) as con:
        con.execute("create or replace table computed.deal_total as select 't' as tenant_id")
    with open_store(home, settings) as con:
        assert con.execute("from computed.deal_total").fetchall() == []
        assert [column[0] for column in con.description or []] == ["tenant_id", "deal_total"]


def test_the_code_of_statistics_is_part_of_the_fingerprint(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project_fingerprint(settings)
    files = build_module.code_files()
    assert {"markov_channel.py", "churn.py", "model.py"} <= {path.name for path in files}
    original = next(path for path in files if path.name == "churn.py")
    changed = tmp_path / original.parent.name / original.name
    changed.parent.mkdir()
    monkeypatch.setattr(build_module, "code_files", lambda: [changed if one == original else one for one in files])
    changed.write_text(original.read_text())
    assert project_fingerprint(settings) == before
    changed.write_text(original.read_text() + "# another rule")
    assert project_fingerprint(settings) != before
