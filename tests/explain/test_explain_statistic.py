"""Why a number changed that a statistic has computed: between two publications, and two dates, which are rebuilt.

Experiment x: a was shown to l1 and l2, of whom l1 converted; b to l3 and l4. First nobody of b had converted: 0 − 1/2,
and with the pooled rate of 1/4 a z of 0.5 ÷ √(1/4 × 3/4 × (1/2 + 1/2)) = 1.1547, p = 0.2482. That l3 converted, too, on
the 12th, came a week later: the rates are equal, p = 1.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.part import copy_project
from warehouse.explain import ExplainedRow, explain_change
from warehouse.pipeline import run
from warehouse.settings import Settings

pytestmark = pytest.mark.slow
"""Two publications and four states that are built anew."""


def event(number: int, kind: str, time: str, **data: Any) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": f"e{number}", "source": "crm", "tenantid": "t"}
    return {**head, "type": kind, "time": f"2026-{time}:00Z", "data": data}


FIRST = [
    *(
        event(number, "crm.experiment.exposed", "03-01T08:00", experiment_id="x", variant=variant, lead_id=f"l{number}")
        for number, variant in enumerate("aabb", start=1)
    ),
    event(5, "crm.lead.converted", "03-10T08:00", lead_id="l1"),
    event(6, "crm.lead.created", "03-31T08:00", lead_id="l9", lead_source="paid"),
]
SECOND = [event(7, "crm.lead.converted", "03-12T08:00", lead_id="l3")]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with two publications; the statistic is run in each build."""
    folder = tmp_path_factory.mktemp("statistic")
    copy_project(folder / "project", ("experiment", "experiment_variant"))
    settings = Settings(
        home=folder / "home", project_dir=folder / "project", reporting_currency="USD", stage_rule_set="adtech"
    )
    for number, (events, received_at) in enumerate([(FIRST, datetime(2026, 4, 1)), (SECOND, datetime(2026, 4, 8))]):
        path = folder / f"part-{number}.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in events))
        run(settings, [path], received_at=received_at.replace(tzinfo=UTC))
    return settings


def of_b(settings: Settings, before: str, after: str) -> ExplainedRow:
    explanation = explain_change(settings, "experiment", before, after)
    assert explanation.counts == {"changed": 1}
    (row,) = explanation.rows
    assert row.change.key == {"tenant_id": "t", "experiment_id": "x", "variant": "b"}
    assert row.change.before is not None
    assert row.change.after is not None
    assert (row.change.before["rate_difference"], row.change.after["rate_difference"]) == (-0.5, 0)
    assert row.change.before["p_value"] == pytest.approx(0.2482, abs=1e-4)
    assert row.change.after["p_value"] == pytest.approx(1)
    return row


def told(row: ExplainedRow) -> set[tuple[str, str, str]]:
    behind = [event for one in row.cause.upstream for event in one.events]
    return {(event.event_id, event.seen_by, event.why) for event in [*row.cause.events, *behind]}


def test_two_publications_differ_by_what_a_statistic_makes_of_late_events(settings: Settings) -> None:
    assert told(of_b(settings, "previous", "current")) == {("e7", "second", "arrived later")}


def test_a_statistic_is_computed_anew_for_each_of_two_dates(settings: Settings) -> None:
    row = of_b(settings, "2026-03-11", "2026-03-13")
    assert told(row) == {("e7", "second", "happened later")}
    assert not list(settings.layout().root.glob("explain-*"))
