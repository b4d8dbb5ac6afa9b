"""A run builds what can have changed, and no less: whatever arrives, the tables are those of a full build."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.laws.comparing import assert_same_rows
from tests.part import copy_project
from warehouse import dbt
from warehouse.affected import affected
from warehouse.build import build
from warehouse.pipeline import run
from warehouse.sample import DEFAULT_UNTIL, write_company
from warehouse.settings import Settings
from warehouse.statistics import statistics
from warehouse.store import open_store

LAYERS = ("staging", "facts", "marts", "contacts")
PART = ("united_stage", "sla_bottleneck", "pipeline_stage", "ai_manager", "campaign", "nps", "contact_detail")
"""Marts of deals, of chats and of mail, some of which ask for the time."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory):
    return dbt.parse(Settings(home=tmp_path_factory.mktemp("home")))


def test_events_reach_what_reads_them_and_nothing_else(manifest) -> None:
    found = affected(manifest, statistics(), {"crm.email.opened"}, time_has_passed=False)
    assert {"stg_email_event", "fact_email", "campaign"} <= found
    assert not {"stg_deal_event", "fact_deal_stage", "fact_message", "fact_gate"} & found


def test_what_a_statistic_reads_reaches_its_readers(manifest) -> None:
    found = affected(manifest, statistics(), {"web.session.started"}, time_has_passed=False)
    assert {"fact_touch", "attribution_transition", "markov_channel", "attribution_channel"} <= found


def test_time_alone_reaches_what_asks_for_it(manifest) -> None:
    """Timers run on, open visits grow, months end; a message that was sent stays as it is."""
    found = affected(manifest, statistics(), set(), time_has_passed=True)
    assert {"stg_clock", "fact_sla", "fact_deal_stage", "deal_aging", "mrr_month", "dim_date"} <= found
    assert not {"fact_message", "fact_lead", "fact_touch", "fact_gate", "stg_deal_event"} & found


def test_batches_and_findings_are_told_of_by_every_run(manifest) -> None:
    found = affected(manifest, statistics(), set(), time_has_passed=False)
    assert {"fact_batch", "fact_check", "fact_rejection", "data_quality"} <= found


def _rows(settings: Settings) -> dict[str, list[dict]]:
    with open_store(settings.layout(), settings) as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where list_contains(?, schema_name)", [list(LAYERS)]
        ).fetchall()
        return {
            f"{schema}.{table}": con.sql(f'select * from "{schema}"."{table}"').pl().to_dicts()
            for schema, table in tables
        }


def _is_chat(event: dict) -> bool:
    return event.get("source") == "chat"


def _is_deal(event: dict) -> bool:
    return str(event.get("type", "")).startswith("crm.deal.")


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [PART, ()], ids=["part", "whole project"])
def test_runs_of_some_types_leave_what_a_full_build_makes(tmp_path: Path, wanted: tuple[str, ...]) -> None:
    copy_project(tmp_path / "project", wanted)
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project", pseudonym_key="affected")
    lines = _company(tmp_path / "sample")
    batches: list[Callable[[dict], bool]] = [lambda one: not _is_chat(one) and not _is_deal(one), _is_chat, _is_deal]
    for number, belongs in enumerate(batches):
        path = tmp_path / f"{number}.ndjson"
        path.write_text("".join(line + "\n" for line, event in lines if belongs(event)))
        done = run(settings, [path])
        assert done.built.plan.action == ("incremental" if number else "full")
    built = {node.name for node in done.built.nodes}
    assert "stg_deal_event" in built
    assert "stg_message_event" not in built
    step_by_step = _rows(settings)
    build(settings, full_refresh=True)
    at_once = _rows(settings)
    assert step_by_step.keys() == at_once.keys()
    for table, rows in at_once.items():
        assert_same_rows(table, step_by_step[table], rows)


def _company(folder: Path) -> list[tuple[str, dict]]:
    """Lines of a small company that are JSON, each with what it says."""
    until = DEFAULT_UNTIL - timedelta(days=30)
    texts = [path.read_text() for path in write_company(folder, 60, 20, 3, until).files]
    lines = [line for text in texts for line in text.splitlines()]
    return [(line, json.loads(line)) for line in lines if line.endswith("}")]
