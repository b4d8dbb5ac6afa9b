"""Which channels, campaigns and experiments bring customers, and at what cost."""

from typing import Any

import streamlit as st

from dashboards.charts.bars import bars, funnel
from dashboards.charts.heat import heat
from dashboards.charts.lines import columns
from dashboards.data import Rows
from dashboards.frame import Page, begin, done
from dashboards.parts import Number, card, numbers, table
from warehouse.numbers import fmt

ABOUT = {"group": "revenue", "icon": "campaign", "order": 3}

NOTHING = "(none)"  # conversions that no touch led to
MODELS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "w_shaped", "markov", "shapley")


def main() -> None:
    """Draw the page."""
    page = begin("marketing", "period")
    view = page.view
    cost = view.read(
        "marts.ltv_cac",
        ("calendar_month", "new_customers", "cost_base", "cac", "ltv_cac_ratio", "is_complete"),
        where={"channel": "(all)"},
        months="calendar_month",
        order=("calendar_month",),
    )
    last = next((row for row in reversed(list(cost)) if row["is_complete"]), {})
    leads = view.read(
        "marts.lead_source", sums=("lead_count", "qualified_count", "converted_count"), months="created_month"
    ).first()
    month = fmt(last.get("calendar_month"), "month")
    numbers(
        page,
        [
            Number(page.say("col.lead_count"), leads.get("lead_count")),
            Number(page.say("col.qualified_count"), leads.get("qualified_count")),
            Number(page.say("col.converted_count"), leads.get("converted_count")),
            Number(page.say("col.new_customers"), last.get("new_customers"), note=month),
            Number(
                "CAC",
                last.get("cac"),
                "amount",
                note=month,
                meaning=view.meaning("marts.ltv_cac.cac"),
                trend=cost.column("cac"),
            ),
            Number(
                "LTV / CAC",
                last.get("ltv_cac_ratio"),
                "ratio",
                note=month,
                meaning=view.meaning("marts.ltv_cac.ltv_cac_ratio"),
            ),
        ],
    )
    left, right = st.columns(2)
    steps = view.read(
        "marts.funnel_b2c",
        ("step", "step_number"),
        sums=("entered", "converted"),
        ratios={"conversion_rate": (("converted",), ("entered",))},
        where={"order_rule": "strict", "dimension": "total"},
        months="cohort_month",
        order=("step_number",),
    )
    with left:
        card(page, "marketing.funnel", steps, lambda: _funnel(page, steps), note=page.say("marketing.funnel.note"))
    sources = view.read(
        "marts.lead_source",
        ("lead_source",),
        sums=("lead_count", "qualified_count", "converted_count", "won_amount_base", "cost_base"),
        ratios={
            "conversion_rate": (("converted_count",), ("lead_count",)),
            "cost_per_lead_base": (("cost_base",), ("lead_count",)),
        },
        months="created_month",
        order=("-lead_count",),
    )
    with right:
        card(
            page, "marketing.sources", sources, lambda: _sources(page, sources), note=page.say("marketing.sources.note")
        )
    credit = view.read(
        "marts.attribution_channel",
        ("channel", "model"),
        sums=("conversions", "value_base"),
        months="conversion_month",
        order=("channel", "model"),
    )
    card(
        page,
        "marketing.attribution",
        credit,
        lambda: _credit(page, credit),
        height=340,
        note=page.say("marketing.attribution.note"),
    )
    left, right = st.columns((3, 2))
    spend = view.read(
        "marts.ltv_cac",
        ("calendar_month", "channel"),
        sums=("cost_base", "new_customers"),
        months="calendar_month",
        order=("calendar_month",),
    )
    with left:
        card(page, "marketing.cost", spend, lambda: _cost(page, spend), note=page.say("marketing.cost.note"))
    refer = view.read(
        "marts.referral",
        ("calendar_month", "referral_count", "converted_count", "conversion_rate", "revenue_base"),
        months="calendar_month",
        order=("calendar_month",),
    )
    with right:
        card(page, "marketing.referrals", refer, lambda: _referrals(page, refer))
    table(
        page,
        "marketing.experiments",
        view.read(
            "marts.experiment",
            (
                "experiment_id",
                "variant",
                "is_control",
                "subject_count",
                "converted_count",
                "conversion_rate",
                "rate_difference",
                "rate_difference_low",
                "rate_difference_high",
                "p_value",
                "is_sample_ratio_off",
            ),
            order=("experiment_id", "variant"),
        ),
        note=page.say("marketing.experiments.note"),
    )
    table(
        page,
        "marketing.campaigns",
        view.read(
            "marts.campaign",
            (
                "campaign_name",
                "campaign_type",
                "channel",
                "last_sent_at",
                "sent_count",
                "delivery_failure_rate",
                "open_rate",
                "click_rate",
                "conversion_rate",
                "unsubscribe_rate",
                "cost_base",
            ),
            order=("-last_sent_at",),
        ),
    )
    table(page, "marketing.by_source", sources)
    table(
        page,
        "marketing.funnel_b2b",
        view.read(
            "marts.funnel_b2b",
            (
                "pipeline",
                "cohort_month",
                "step",
                "entered",
                "converted",
                "conversion_rate",
                "matured_conversion_rate",
                "estimated_conversion_rate",
                "median_hours",
                "is_mature",
            ),
            where={"order_rule": "strict", "dimension": "total"},
            months="cohort_month",
            order=("pipeline", "-cohort_month", "step_number"),
            limit=500,
        ),
    )
    table(
        page,
        "marketing.activation",
        view.read(
            "marts.time_to_activation",
            (
                "cohort_month",
                "entered",
                "trial_count",
                "activated_count",
                "activation_rate",
                "median_hours",
                "under_30_minutes_rate",
                "is_mature",
            ),
            where={"dimension": "total"},
            months="cohort_month",
            order=("-cohort_month",),
        ),
    )
    table(
        page,
        "marketing.removal",
        view.read(
            "marts.attribution_markov",
            (
                "conversion_kind",
                "channel",
                "path_count",
                "converted_path_count",
                "conversion_probability",
                "removal_effect",
                "removal_share",
                "conversions",
            ),
            order=("conversion_kind", "-removal_share"),
        ),
        note=page.say("marketing.removal.note"),
    )
    done("marketing")


def _funnel(page: Page, rows: Rows) -> Any:
    return funnel(
        page.theme,
        [page.name_of("val", step) for step in rows.column("step")],
        rows.column("entered"),
        [*rows.column("conversion_rate")[:-1], None],
    )


def _sources(page: Page, rows: Rows) -> Any:
    listed = list(rows)[:9]
    return bars(
        page.theme,
        [page.name_of("val", row["lead_source"] or "–") for row in listed],
        [row["lead_count"] for row in listed],
        notes=[f"· {fmt(row['conversion_rate'], 'rate')}" for row in listed],
    )


def _credit(page: Page, rows: Rows) -> Any:
    by = {(row["channel"], row["model"]): row["conversions"] for row in rows}
    known = {model for _, model in by}
    models = [model for model in MODELS if model in known]
    channels = sorted({channel for channel, _ in by}, key=lambda one: (one == NOTHING, -(by.get((one, "linear")) or 0)))
    channels = [one for one in channels if any(by.get((one, model)) for model in models)]
    most = max((value for (channel, _), value in by.items() if value is not None and channel != NOTHING), default=1)
    return heat(
        page.theme,
        [page.name_of("val", model) for model in models],
        [page.name_of("val", channel) for channel in channels],
        [[by.get((channel, model)) for model in models] for channel in channels],
        kind="count",
        top=most,
    )


def _cost(page: Page, rows: Rows) -> Any:
    months = sorted(set(rows.column("calendar_month")))
    by = {(row["channel"], row["calendar_month"]): row["cost_base"] for row in rows}
    latest = {channel: [by.get((channel, month)) or 0 for month in months] for channel, _ in by if channel != "(all)"}
    channels = sorted((one for one in latest if any(latest[one])), key=lambda one: max(latest[one]), reverse=True)[:7]
    return columns(
        page.theme,
        [fmt(month, "month") for month in months],
        {page.name_of("val", one): [by.get((one, month)) for month in months] for one in channels},
        kind="amount",
        currency=page.currency,
    )


def _referrals(page: Page, rows: Rows) -> Any:
    return columns(
        page.theme,
        [fmt(month, "month") for month in rows.column("calendar_month")],
        {page.name_of("col", name): rows.column(name) for name in ("referral_count", "converted_count")},
        stacked=False,
    )


main()
