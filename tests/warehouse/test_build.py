"""What a build does is what is due: nothing, what is new, or everything; and a failed one is never taken for done."""

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.part import copy_project
from warehouse.build import BuildFailedError, Clocks, Plan, build, plan
from warehouse.dbt import BuildResult, NodeResult, invoke
from warehouse.pipeline import run, take_in
from warehouse.publish import current, query
from warehouse.recover import is_corruption
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.store import open_store

PAST = Clocks(as_of=datetime(2026, 1, 2))

CRASHING_BUILD = """
import os, sys
from pathlib import Path
from warehouse.build import build
from warehouse.settings import Settings

def die(node, number, total):
    if node.unique_id == "model.dealhouse.fact_gate_change":
        os._exit(9)

build(Settings(home=Path(sys.argv[1]), project_dir=Path(sys.argv[2])), full_refresh=True, on_node=die)
"""


def event(number: int, kind: str, day: int, **data: Any) -> dict[str, Any]:
    time = f"2026-01-{day:02}T00:00:00Z"
    head = {"specversion": "1.0", "id": f"e{number}", "source": "crm", "tenantid": "t"}
    return {**head, "type": kind, "time": time, "data": data}


FIRST = [
    event(1, "crm.deal.created", 1, deal_id="d1", pipeline="b2b", amount=100, currency="USD"),
    event(2, "crm.deal.created", 3, deal_id="d2", pipeline="adtech", amount=200, currency="USD"),
]
SECOND = [event(3, "crm.deal.won", 5, deal_id="d1")]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in events))
    return path


PART = ("united_stage", "sla_bottleneck", "pipeline_stage", "contact_detail")
"""Marts that are wanted here, with what they read: what a build does is the same for any number of models."""


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project and a home in which one batch has been taken in, built and published."""
    folder = tmp_path_factory.mktemp("built")
    copy_project(folder / "project", PART)
    settings = settings_of(folder, project_dir=folder / "project")
    outcome = run(settings, [write(folder / "first.ndjson", FIRST)])
    assert outcome.built.plan.action == "full"
    return folder


@pytest.fixture
def folder(first_run: Path, tmp_path: Path) -> Path:
    """A copy of it, made while nobody has the work file open."""
    return Path(shutil.copytree(first_run, tmp_path / "copy", symlinks=True))


@pytest.fixture
def settings(folder: Path) -> Settings:
    return settings_of(folder)


def settings_of(folder: Path, **changed: Any) -> Settings:
    values = {"project_dir": folder / "project", "reporting_currency": "USD", "stage_rule_set": "adtech"}
    return Settings(home=folder / "home", **{**values, **changed})


def planned(settings: Settings, clocks: Clocks | None = None) -> Plan:
    with open_store(settings.layout(), settings) as con:
        return plan(con, settings, clocks or Clocks())


def deals(settings: Settings) -> list[tuple[Any, ...]]:
    with open_store(settings.layout(), settings) as con:
        rows: list[tuple[Any, ...]] = con.execute(
            "select deal_id, status, pipeline from facts.fact_deal order by deal_id"
        ).fetchall()
    return rows


def digest(settings: Settings) -> str:
    """Of the work file, while nobody has it open: whatever is written to a table, even the same again, changes it."""
    home = settings.layout()
    assert not home.warehouse.with_name(home.warehouse.name + ".wal").exists()
    return hashlib.sha256(home.warehouse.read_bytes()).hexdigest()


def test_nothing_new_rewrites_nothing(settings: Settings) -> None:
    nodes = []
    first = digest(settings)
    built = build(settings, on_node=lambda node, number, total: nodes.append(node))
    assert (built.plan.action, built.nodes, nodes) == ("nothing", [], [])
    assert built.as_of == datetime(2026, 1, 3)
    assert digest(settings) == first
    # The measure is worth something: a table that is replaced by itself shows in it.
    with open_store(settings.layout(), settings) as con:
        con.execute("create or replace table marts.united_stage as from marts.united_stage")
    assert digest(settings) != first


def test_a_new_batch_is_added_and_then_there_is_nothing_again(settings: Settings, folder: Path) -> None:
    before = build(settings)
    take_in(settings, [write(folder / "second.ndjson", SECOND)])
    assert planned(settings).action == "incremental"
    built = build(settings)
    assert (built.plan.action, built.plan.batch_id) == ("incremental", 2)
    assert built.build_id != before.build_id
    assert built.as_of == datetime(2026, 1, 5)
    assert deals(settings) == [("d1", "won", "b2b"), ("d2", "open", "adtech")]
    assert planned(settings).action == "nothing"


@pytest.mark.parametrize("changed", [{"stage_rule_set": "dsl"}, {"reporting_currency": "EUR"}])
def test_a_changed_setting_is_a_full_build(folder: Path, changed: dict[str, str]) -> None:
    assert planned(settings_of(folder)).action == "nothing"
    assert planned(settings_of(folder, **changed)).action == "full"


@pytest.mark.parametrize(
    "part", ["models/marts/united_stage.sql", "macros/numbers.sql", "seeds/stage.csv", "dbt_project.yml"]
)
def test_a_changed_file_of_the_project_is_a_full_build(settings: Settings, folder: Path, part: str) -> None:
    path = folder / "project" / part
    text = path.read_text()
    path.write_text(text + "\n")
    assert planned(settings).action == "full"
    path.write_text(text)
    assert planned(settings).action == "nothing"


def test_a_past_instant_is_a_full_build_and_so_is_the_present_after_it(settings: Settings) -> None:
    built = build(settings, PAST)
    assert (built.plan.action, built.as_of) == ("full", PAST.as_of)
    assert deals(settings) == [("d1", "open", "b2b")]
    assert planned(settings, PAST).action == "nothing"
    assert build(settings).plan.action == "full"
    assert deals(settings) == [("d1", "open", "b2b"), ("d2", "open", "adtech")]


def test_a_policy_without_a_calendar_fails_the_run_and_publishes_nothing(settings: Settings, folder: Path) -> None:
    shown = current(settings.layout())
    assert shown is not None
    policies = folder / "project" / "seeds" / "sla_policy.csv"
    good = policies.read_text()
    policies.write_text(good.replace("crm.brief.submitted,8,24x7,crm", "crm.brief.submitted,8,nights,crm"))
    assert policies.read_text() != good
    with pytest.raises(BuildFailedError) as failure:
        run(settings, [write(folder / "second.ndjson", SECOND)])
    assert "not_null_dim_sla_policy_time_zone" in failure.value.where
    # Timers were not computed with a calendar that nobody knows, and readers see what they saw.
    assert {node.status for node in failure.value.nodes if node.name == "fact_sla"} == {"skipped"}
    assert current(settings.layout()) == shown
    assert query(settings.layout(), "select count(*) as n from facts.fact_deal where status = 'won'")[
        "n"
    ].to_pylist() == [0]
    assert planned(settings).action == "full"
    # Mending it brings the state back from before: that is no finished build of these tables either.
    policies.write_text(good)
    assert planned(settings).action == "full"
    outcome = run(settings)
    assert outcome.published is not None
    assert deals(settings) == [("d1", "won", "b2b"), ("d2", "open", "adtech")]


def test_a_failed_incremental_build_is_not_taken_for_done(settings: Settings, folder: Path) -> None:
    """The same project, so that the fingerprint cannot give it away: a row that breaks a grain stands in the file."""
    with open_store(settings.layout(), settings) as con:
        con.execute("insert into facts.fact_deal (tenant_id, deal_id) values ('t', 'd2')")
    take_in(settings, [write(folder / "second.ndjson", SECOND)])
    with pytest.raises(BuildFailedError, match="unique_grain_fact_deal"):
        build(settings)
    assert planned(settings).action == "incremental"


DAMAGE = 'IO Error: Could not read enough bytes from file "/h/warehouse.duckdb": attempted to read 262144 bytes'


def test_damage_that_a_build_meets_is_in_the_error_so_that_the_file_is_made_anew(tmp_path: Path) -> None:
    """Also where other nodes failed before, and behind the line in which dbt says where."""
    others = [NodeResult(f"model.dealhouse.m{number}", "error", "Binder Error: no", 0, None) for number in range(9)]
    where = "Runtime Error in model fact_deal (models/facts/fact_deal.sql)"
    struck = NodeResult("model.dealhouse.fact_deal", "error", f"{where}\n  {DAMAGE}\n", 0, None)
    for nodes in ([struck], [*others, struck]):
        error = BuildFailedError(BuildResult(nodes), tmp_path)
        assert is_corruption(error)
        assert is_corruption(str(error))
        assert f"fact_deal ({DAMAGE})" in str(error)
    assert not is_corruption(BuildFailedError(BuildResult(others), tmp_path))


def test_a_run_gets_over_a_file_that_is_torn_where_only_a_build_reads(settings: Settings, folder: Path) -> None:
    """The file opens and takes in a batch; what staging reads of earlier ones is gone."""
    home = settings.layout()
    with home.warehouse.open("r+b") as file:
        length = file.seek(0, 2)
        for start in range(12_288 + 262_144, length, 262_144):
            file.seek(start + 1000)
            file.write(b"\x55" * 64)
    outcome = run(settings, [write(folder / "second.ndjson", SECOND)])
    assert outcome.published is not None
    assert deals(settings) == [("d1", "won", "b2b"), ("d2", "open", "adtech")]


def test_a_build_spills_where_the_next_run_cleans_up(tmp_path: Path) -> None:
    copy_project(tmp_path / "project", ("dim_contact",))
    facts = tmp_path / "project" / "models" / "facts"
    (facts / "spilled.sql").write_text("select current_setting('temp_directory') as folder")
    (facts / "spilled.yml").write_text("models: [{name: spilled, columns: [{name: folder, data_type: string}]}]")
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project")
    home = settings.layout()
    open_store(home, settings).close()
    assert [node.is_good for node in invoke(settings, ["build", "--select", "spilled"]).nodes] == [True]
    with open_store(home, settings) as con:
        assert con.execute("select folder from facts.spilled").fetchall() == [(str(home.root / "tmp"),)]


def test_a_crash_in_a_full_build_makes_the_next_one_full(settings: Settings) -> None:
    home = settings.layout()
    code = subprocess.run(
        [sys.executable, "-c", CRASHING_BUILD, str(home.root), str(settings.project_dir)], check=False, cwd=PROJECT_DIR
    ).returncode
    assert code == 9
    due = planned(settings)
    assert (due.action, due.reason) == ("full", "there is no finished build to start from")
    assert build(settings).plan.action == "full"
    assert deals(settings) == [("d1", "open", "b2b"), ("d2", "open", "adtech")]
