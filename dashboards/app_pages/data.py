"""Is what is shown here fresh, whole and checked."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import bars
from dashboards.charts.lines import columns
from dashboards.data import Not, Rows
from dashboards.frame import Page, age_hours, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "operations", "icon": "database", "order": 4}


def main() -> None:
    """Draw the page."""
    page = begin("data", "period")
    view = page.view
    told = view.snapshot.publication
    checks = view.read("facts.fact_check", ("check_status",), count=True, order=("check_status",))
    by_status = {row["check_status"]: row["row_count"] for row in checks}
    taken = view.read(
        "facts.fact_batch", sums=("row_count", "accepted_count", "duplicate_count", "rejected_count", "waiting_count")
    ).first()
    quality = view.read(
        "marts.data_quality",
        ("check_name", "subject_id", "check_status", "check_value", "check_threshold", "since_at"),
        order=("-check_status", "check_name", "subject_id"),
    )
    numbers(
        page,
        [
            Number(page.say("data.age"), age_hours(view.snapshot), "hours", note=fmt(told.published_at, "instant")),
            Number(page.say("data.stands"), told.as_of, "date", note=told.version),
            Number(
                page.say("data.events"),
                taken.get("accepted_count"),
                meaning=view.meaning("facts.fact_batch.accepted_count"),
            ),
            Number(
                page.say("data.rejected"),
                taken.get("rejected_count"),
                note=page.say("data.waiting", count=taken.get("waiting_count") or 0),
            ),
            Number(page.say("data.checks"), by_status.get("pass", 0)),
            Number(page.say("data.failed"), sum(count for status, count in by_status.items() if status != "pass")),
        ],
    )
    left, right = st.columns(2)
    sources = view.read(
        "facts.fact_source_day", ("event_date",), sums=("event_count",), months="event_date", order=("event_date",)
    )
    with left:
        card(page, "data.sources", sources, lambda: _sources(page, sources), note=page.say("data.sources.note"))
    rejected = view.read("facts.fact_rejection", ("reject_reason",), sums=("reject_count",), order=("-reject_count",))
    with right:
        card(page, "data.reasons", rejected, lambda: _reasons(page, rejected))
    table(page, "data.quality", quality, note=page.say("data.quality.note"))
    table(
        page,
        "data.batches",
        view.read(
            "facts.fact_batch",
            (
                "batch_id",
                "batch_kind",
                "file_name",
                "received_at",
                "row_count",
                "accepted_count",
                "duplicate_count",
                "rejected_count",
                "waiting_count",
            ),
            order=("-batch_id",),
            limit=500,
        ),
    )
    table(
        page,
        "data.rejections",
        view.read(
            "facts.fact_rejection",
            ("batch_id", "reject_reason", "event_type", "reject_count", "rejected_at", "replayed_at"),
            order=("-batch_id", "reject_reason"),
            limit=500,
        ),
    )
    table(
        page,
        "data.failed_checks",
        view.read(
            "facts.fact_check",
            ("check_name", "model_name", "severity", "check_status", "failure_count"),
            where={"check_status": Not("pass")},
        ),
    )
    table(
        page,
        "data.unknown_fields",
        view.read("facts.fact_unknown_field", ("event_type", "field_name", "json_type", "first_received_at")),
    )
    table(
        page,
        "data.duplicates",
        view.read(
            "marts.duplicate_candidate",
            ("kind", "left_id", "right_id", "probability", "reasons"),
            order=("-probability",),
            limit=500,
        ),
    )
    deliveries = view.read("facts.fact_delivery", limit=500)
    if not deliveries.missing:  # an installation that writes nothing back has no such table
        table(page, "data.deliveries", deliveries)
    table(
        page,
        "data.tables",
        view.read(
            "meta.published_table", ("schema_name", "table_name", "row_count"), order=("schema_name", "table_name")
        ),
    )
    done("data")


def _sources(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(day, "date") for day in rows.column("event_date")],
        {page.say("data.events"): rows.column("event_count")},
        colours=(page.theme.data,),
    )


def _reasons(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:10]
    return bars(
        page.theme,
        [page.name_of("val", row["reject_reason"]) for row in listed],
        [row["reject_count"] for row in listed],
        colours=[page.theme.warn] * len(listed),
    )


main()
