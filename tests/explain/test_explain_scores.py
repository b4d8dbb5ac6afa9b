"""A score that differs because another model was in force says so, and is rebuilt with the model of its time."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.part import copy_project
from warehouse import registry
from warehouse.explain import explain_change
from warehouse.pipeline import run
from warehouse.settings import Settings


@pytest.mark.slow
def test_a_rebuilt_score_is_given_by_the_model_that_was_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lead, received on 1 April; a base rate of 0.2 is in force from the 2nd, one of 0.4 from the 9th."""
    copy_project(tmp_path / "project", ("lead_score", "feat_lead"))
    settings = Settings(
        home=tmp_path / "home", project_dir=tmp_path / "project", reporting_currency="USD", stage_rule_set="adtech"
    )
    line = {
        "specversion": "1.0", "id": "e1", "source": "crm", "tenantid": "t", "type": "crm.lead.created",
        "time": "2026-03-03T08:00:00Z", "data": {"lead_id": "l1", "lead_source": "paid"},
    }  # fmt: skip
    path = tmp_path / "events.ndjson"
    path.write_text(json.dumps(line) + "\n")
    run(settings, [path], received_at=datetime(2026, 4, 1, tzinfo=UTC))
    for day, rate in ((2, 0.2), (9, 0.4)):
        monkeypatch.setenv("DEALHOUSE_NOW", f"2026-04-0{day}T12:00:00Z")
        model = {
            "schema": 1, "score": "lead_90d", "kind": "base", "reason": "by hand", "base_rate": rate, "features": [],
            "calibration": None, "trained_until": None, "reference": None,
        }  # fmt: skip
        kept = registry.save(settings.layout(), "lead_90d", model, {}, "")
        registry.promote(settings.layout(), "lead_90d", kept.version, "")

    def told(before: str, after: str) -> list[tuple[str, object, object, str]]:
        found = explain_change(settings, "scores.lead_score", before, after)
        return [
            (name, (row.change.before or {}).get(name), (row.change.after or {}).get(name), row.note)
            for row in found.rows
            for name in row.change.columns
            if name in ("probability", "model_version")
        ]

    note = "no event of its own: another model was in force"
    assert told("2026-03-31@2026-04-03", "2026-03-31@2026-04-10") == [
        ("probability", pytest.approx(0.2), pytest.approx(0.4), note),
        ("model_version", "lead_90d-0001", "lead_90d-0002", note),
    ]
    assert told("2026-03-31@2026-04-01", "2026-03-31") == [
        ("probability", None, pytest.approx(0.4), note),
        ("model_version", None, "lead_90d-0002", note),
    ]
