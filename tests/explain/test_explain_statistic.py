"""Why a number changed that a statistic has computed: between two publications, and two dates, which are rebuilt.

Experiment x: a was shown to l1 and l2, of whom l1 converted; b to l3 and l4, of whom nobody did. The rates differ by
0 − 1/2; with the pooled rate of 1/4 z is 0.5 ÷ √(1/4 × 3/4 × (1/2 + 1/2)) = 1.1547, p = 0.2482; a split of 2 and 2 is
as planned, p = 1. That b was shown to l5, too, on the 12th, came a week later: the pooled rate is 1/5, z is
0.5 ÷ √(1/5 × 4/5 × (1/2 + 1/3)) = 1.3693, p = 0.1709; of 2 and 3 where 2.5 each were expected, 0.1 + 0.1, p = 0.6547.
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
SECOND = [event(7, "crm.experiment.exposed", "03-12T08:00", experiment_id="x", variant="b", lead_id="l5")]


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
    """Variant b; of the control, a, the split alone has changed, which is of both."""
    explanation = explain_change(settings, "experiment", before, after)
    rows = {row.change.key["variant"]: row for row in explanation.rows}
    assert rows.keys() == {"a", "b"}
    assert rows["a"].change.columns == ("sample_ratio_p_value",)
    assert told(rows["a"]) == told(rows["b"])
    was, now = rows["b"].change.before, rows["b"].change.after
    assert was is not None
    assert now is not None
    assert (was["p_value"], now["p_value"]) == (pytest.approx(0.2482, abs=1e-4), pytest.approx(0.1709, abs=1e-4))
    assert (was["sample_ratio_p_value"], now["sample_ratio_p_value"]) == (1, pytest.approx(0.6547, abs=1e-4))
    return rows["b"]


def told(row: ExplainedRow) -> set[tuple[str, str, str]]:
    behind = [event for one in row.cause.upstream for event in one.events]
    return {(event.event_id, event.seen_by, event.why) for event in [*row.cause.events, *behind]}


def test_two_publications_differ_by_what_a_statistic_makes_of_late_events(settings: Settings) -> None:
    assert told(of_b(settings, "previous", "current")) == {("e7", "second", "arrived later")}


def test_a_statistic_is_computed_anew_for_each_of_two_dates(settings: Settings) -> None:
    row = of_b(settings, "2026-03-11", "2026-03-13")
    assert told(row) == {("e7", "second", "happened later")}
    assert not list(settings.layout().root.glob("explain-*"))
