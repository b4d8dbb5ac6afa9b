"""What stands in a report: which rows of which marts, and in which order.

A value goes from the mart into the report as it is; nothing is added, divided or averaged here.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from warehouse.numbers import fmt, kind_of_unit
from warehouse.reports.parts import Cell, Chart, Figure, Marts, Report, Section, Table, Tone, name_of
from warehouse.reports.period import Period

LISTED = 8
"""Rows of a list that a mail shows; the page that it links to has all of them."""

MOST_FIGURES = 4

BARS = 12
"""Periods that a chart goes back."""


def compile_report(
    con: duckdb.DuckDBPyConnection, tenant_id: str, period: Period, as_of: datetime, version: str, currency: str
) -> Report:
    """Gather what a report says.

    Parameters
    ----------
    con
        The published file.
    as_of
        Instant that its marts stand for, naive UTC.
    """
    marts = Marts(con, tenant_id, currency)
    flows = _flows(marts, period)
    kpis = marts.rows("kpi", "kpi_month = $month", KPI_ORDER, month=period.month)
    figures = _figures(marts, period, flows, kpis)
    sections = [
        *_pipeline(marts, period, flows),
        *_owners(marts, period),
        *_forecast(marts, as_of),
        *_kpis(period, as_of, kpis, currency),
        *_revenue(marts, period, as_of),
        *_shop(marts, period),
        *_bottlenecks(marts, period),
        *_alerts(marts, period),
        *_data(marts),
    ]
    headline = "; ".join(_headlines(figures)) or "no figures yet"
    return Report(tenant_id, period, as_of, version, currency, headline, figures, sections)


KPI_ORDER = "case target_status when 'missed' then 1 when 'met' then 2 when 'no target' then 3 else 4 end asc, kpi asc"


def _flows(marts: Marts, period: Period) -> dict[str, dict[date, dict[str, Any]]]:
    """Flow of each pipeline by the first day of the period, the pipeline with most in it first."""
    rows = marts.rows(
        "pipeline_flow",
        "period_kind = $kind and dimension = 'total' and period_start_date between $first and $last",
        "pipeline asc, period_start_date asc",
        kind=period.kind,
        first=period.starts(BARS),
        last=period.first,
    )
    flows: dict[str, dict[date, dict[str, Any]]] = {}
    for row in rows:
        flows.setdefault(row["pipeline"], {})[row["period_start_date"]] = row
    ending = {name: by_start for name, by_start in flows.items() if period.first in by_start}
    return dict(sorted(ending.items(), key=lambda item: (-item[1][period.first]["closing_base"], item[0])))


def _figures(
    marts: Marts, period: Period, flows: Mapping[str, Mapping[date, Mapping[str, Any]]], kpis: list[dict[str, Any]]
) -> list[Figure]:
    figures = []
    for pipeline, by_start in list(flows.items())[:1]:
        now, before = by_start[period.first], by_start.get(period.before.first, {})
        of = f" ({pipeline})" if len(flows) > 1 else ""
        for label, part in ((f"Won{of}", "won"), (f"New{of}", "new"), (f"Open pipeline{of}", "closing")):
            value, earlier = now[f"{part}_base"], before.get(f"{part}_base")
            tone: Tone = "" if earlier is None or value == earlier else "good" if value > earlier else "bad"
            count = now[f"{part}_count"]
            cell = marts.money(value, f"{fmt(count, 'count')} deal{'' if count == 1 else 's'}", tone)
            figures.append(Figure(label, cell, "" if earlier is None else marts.money(earlier).text))
    for row in kpis:
        if row["kpi"] == "sla_breach_rate" and row["kpi_value"] is not None:
            cell = Cell(fmt(row["kpi_value"], "rate"), f"of {fmt(row['basis_count'], 'count')} timers", _trend(row))
            before = row["previous_value"]
            figures.append(Figure("SLA breaches", cell, "" if before is None else fmt(before, "rate")))
    shop = "shop_week" if period.kind == "week" else "shop_month"
    if not flows:
        for row in _shop_rows(marts, shop, period)[:1]:
            figures.append(Figure("Revenue", marts.money(row["revenue_base"])))
            figures.append(Figure("Orders sold", Cell(fmt(row["sold_count"], "count"))))
    for row in kpis:
        if len(figures) < MOST_FIGURES and row["kpi"] != "sla_breach_rate" and row["kpi_value"] is not None:
            kind = kind_of_unit(row["kpi_unit"])
            cell = Cell(fmt(row["kpi_value"], kind, currency=marts.currency), row["target_status"], _trend(row))
            before = row["previous_value"]
            figures.append(
                Figure(name_of(row["kpi"]), cell, "" if before is None else fmt(before, kind, currency=marts.currency))
            )
    return figures[:MOST_FIGURES]


def _headlines(figures: Sequence[Figure]) -> list[str]:
    chosen = [each for each in figures if each.label.startswith(("Won", "SLA", "Revenue"))] or figures[:1]
    said = []
    for figure in chosen:
        before = f" (before {figure.before})" if figure.before else ""
        label = figure.label.replace("Won", "won").replace("Revenue", "revenue")
        said.append(f"{label} {figure.value.text}{before}")
    return said


FLOW_LINES = (
    ("Open at the start", "opening_count", "opening_base"),
    ("New", "new_count", "new_base"),
    ("Reopened", "reopened_count", "reopened_base"),
    ("Increased", None, "increased_base"),
    ("Decreased", None, "decreased_base"),
    ("Exchange rates", None, "fx_base"),
    ("Won", "won_count", "won_base"),
    ("Lost", "lost_count", "lost_base"),
    ("Cancelled", "cancelled_count", "cancelled_base"),
    ("Open at the end", "closing_count", "closing_base"),
)


def _pipeline(marts: Marts, period: Period, flows: Mapping[str, Mapping[date, Mapping[str, Any]]]) -> list[Section]:
    sections: list[Section] = []
    for pipeline, by_start in flows.items():
        now, before = by_start[period.first], by_start.get(period.before.first)
        lines = []
        for label, count, amount in FLOW_LINES:
            if count is None and period.kind == "week":
                continue  # amounts and rates that changed are for the month
            line = [Cell(label)]
            for row in (now, before):
                line.append(Cell(fmt(row[count] if row and count else None, "count")) if count else Cell(""))
                line.append(marts.money(row[amount] if row else None))
            # A line of nothing but zeros, such as exchange rates of a single currency, says nothing.
            if any(row and (row[amount] or (count and row[count])) for row in (now, before)):
                lines.append(line)
        this = f"This {period.kind}"
        heads = ["", "Deals", this, "Deals", "Before"]
        points = {
            part: [(day, row[part]) for day, row in sorted(by_start.items())] for part in ("won_base", "closing_base")
        }
        chart = Chart(
            f"pipeline-{len(sections)}",
            (
                (f"Won by {period.kind}", points["won_base"]),
                (f"Open at the end of the {period.kind}", points["closing_base"]),
            ),
            period,
            f"Won and open amounts of the last {len(by_start)} {period.kind}s",
        )
        title = f"Pipeline {pipeline}" if len(flows) > 1 else "Pipeline"
        sections.append(Section(title, "sales", "", chart, Table(heads, lines)))
    return sections


def _owners(marts: Marts, period: Period) -> list[Section]:
    rows = marts.rows(
        "pipeline_flow",
        "period_kind = $kind and dimension = 'owner' and period_start_date = $first "
        "and (won_count > 0 or lost_count > 0)",
        "won_base desc, lost_base desc, pipeline asc, dimension_value asc",
        kind=period.kind,
        first=period.first,
    )
    if not rows:
        return []
    lines = [
        [
            Cell(str(row["dimension_value"] or "(none)"), row["pipeline"]),
            marts.money(row["won_base"], fmt(row["won_count"], "count")),
            marts.money(row["lost_base"], fmt(row["lost_count"], "count")),
            marts.money(row["closing_base"], fmt(row["closing_count"], "count")),
        ]
        for row in rows[:LISTED]
    ]
    table = Table(["Owner", "Won", "Lost", "Open at the end"], lines, left_out=len(rows) - len(lines))
    return [Section("Owners", "sales", f"who closed deals in the {period.kind}", table=table)]


def _forecast(marts: Marts, as_of: datetime) -> list[Section]:
    rows = marts.rows(
        "forecast",
        "dimension = 'total' and not is_month_complete and period_month = $month and snapshot_date = "
        "(select max(snapshot_date) from marts.forecast where tenant_id = $tenant_id and snapshot_date <= $today)",
        "pipeline asc",
        month=as_of.date().replace(day=1),
        today=as_of.date(),
    )
    if not rows:
        return []
    lines = [
        [
            Cell(row["pipeline"]),
            marts.money(row["won_to_date_base"]),
            marts.money(row["commit_base"]),
            marts.money(row["best_case_base"]),
            marts.money(row["weighted_base"]),
            marts.money(row["target_base"]),
        ]
        for row in rows
    ]
    heads = ["Pipeline", "Won so far", "Commit", "Best case", "Weighted", "Target"]
    caption = f"{fmt(as_of, 'month')}, as of {fmt(rows[0]['snapshot_date'], 'date')}"
    return [Section("Forecast of the running month", "sales", caption, table=Table(heads, lines))]


def _kpis(period: Period, as_of: datetime, kpis: list[dict[str, Any]], currency: str) -> list[Section]:
    shown = [row for row in kpis if row["kpi_value"] is not None]
    if not shown:
        return []
    lines = []
    for row in shown:
        kind = kind_of_unit(row["kpi_unit"])
        change_kind = "points" if kind == "rate" else kind
        is_small = kind == "rate" and row["basis_count"] is not None and row["basis_count"] < 100
        status: Tone = {"met": "good", "missed": "bad"}.get(row["target_status"], "muted")  # type: ignore[assignment]
        lines.append(
            [
                Cell(name_of(row["kpi"])),
                Cell(fmt(row["kpi_value"], kind, currency=currency), f"n = {row['basis_count']}" if is_small else ""),
                Cell(fmt(row["value_change"], change_kind, currency=currency, signed=True), "", _trend(row)),
                Cell(fmt(row["target"], kind, currency=currency)),
                Cell(row["target_status"], "", status),
            ]
        )
    month = fmt(period.month, "month")
    caption = month if all(row["is_complete"] for row in shown) else f"{month} until {fmt(as_of, 'date')}"
    heads = ["KPI", "Value", "Change", "Target", ""]
    return [Section("KPIs of the month", "overview", caption, table=Table(heads, lines))]


def _trend(row: Mapping[str, Any]) -> Tone:
    return {"better": "good", "worse": "bad"}.get(row["trend"], "")  # type: ignore[return-value]


MRR_LINES = (
    ("At the start", "start_base"),
    ("New", "new_base"),
    ("Reactivated", "reactivation_base"),
    ("Expansion", "expansion_base"),
    ("Contraction", "contraction_base"),
    ("Churn", "churn_base"),
    ("Exchange rates", "fx_base"),
    ("At the end", "end_base"),
)


def _revenue(marts: Marts, period: Period, as_of: datetime) -> list[Section]:
    months = Period("month", period.month)
    rows = marts.rows(
        "mrr_month",
        "segment_kind = 'total' and mrr_month between $first and $last",
        "mrr_month asc",
        first=months.starts(BARS),
        last=months.first,
    )
    by_month = {row["mrr_month"]: row for row in rows}
    now, before = by_month.get(months.first), by_month.get(months.before.first)
    if now is None:
        return []
    lines = [
        [Cell(label), *(marts.money(row[part] if row else None) for row in (now, before))]
        for label, part in MRR_LINES
        if any(row and row[part] for row in (now, before))
    ]
    for label, part in (("Net revenue retention", "nrr"), ("Gross revenue retention", "grr")):
        lines.append([Cell(label), *(Cell(fmt(row[part] if row else None, "rate")) for row in (now, before))])
    chart = Chart(
        "revenue",
        (("Recurring revenue at the end of the month", [(row["mrr_month"], row["end_base"]) for row in rows]),),
        months,
        f"Monthly recurring revenue of the last {len(rows)} months",
    )
    until = "" if now["is_complete"] else f"{fmt(months.first, 'month')} until {fmt(as_of, 'date')}"
    heads = ["", fmt(months.first, "month"), fmt(months.before.first, "month")]
    return [Section("Recurring revenue", "finance", until, chart, Table(heads, lines))]


SHOP_LINES = (
    ("Revenue", "revenue_base", "amount"),
    ("Margin", "margin_base", "amount"),
    ("Margin share", "margin_rate", "rate"),
    ("Orders sold", "sold_count", "count"),
    ("Average order", "average_order_base", "amount"),
    ("New customers", "new_customer_count", "count"),
    ("Returning customers", "returning_customer_count", "count"),
    ("Refunds", "refund_base", "amount"),
    ("Expenses", "expense_base", "amount"),
)


def _shop_rows(marts: Marts, mart: str, period: Period) -> list[dict[str, Any]]:
    day = "week_start_date" if mart == "shop_week" else "calendar_month"
    return marts.rows(
        mart, f"{day} in ($first, $before)", f"{day} desc", first=period.first, before=period.before.first
    )


def _shop(marts: Marts, period: Period) -> list[Section]:
    mart, day = ("shop_week", "week_start_date") if period.kind == "week" else ("shop_month", "calendar_month")
    by_day = {row[day]: row for row in _shop_rows(marts, mart, period)}
    if period.first not in by_day:
        return []
    both = (by_day[period.first], by_day.get(period.before.first))
    lines = [
        [Cell(label), *(Cell(fmt(row[part] if row else None, kind, currency=marts.currency)) for row in both)]
        for label, part, kind in SHOP_LINES
    ]
    return [Section("Shop", "finance", table=Table(["", f"This {period.kind}", "Before"], lines))]


def _bottlenecks(marts: Marts, period: Period) -> list[Section]:
    rows = marts.rows(
        "sla_bottleneck",
        "started_month = $month and (breached_count > 0 or overdue_count > 0)",
        "overdue_count desc, breached_count desc, sla asc, industry asc, budget_band asc, client_type asc",
        month=period.month,
    )
    if not rows:
        return []
    lines = [
        [
            Cell(
                name_of(row["sla"]),
                " · ".join(str(row[part] or "–") for part in ("industry", "budget_band", "client_type")),
            ),
            Cell(fmt(row["overdue_count"], "count"), "", "bad" if row["overdue_count"] else ""),
            Cell(fmt(row["breached_count"], "count")),
            Cell(fmt(row["timer_count"], "count")),
            Cell(fmt(row["breach_rate"], "rate_whole")),
            Cell(fmt(row["median_elapsed_hours"], "hours")),
        ]
        for row in rows[:LISTED]
    ]
    heads = ["Policy", "Overdue", "Late", "Timers", "Breached", "Median"]
    caption = f"timers that started in {fmt(period.month, 'month')}"
    table = Table(heads, lines, left_out=len(rows) - len(lines))
    return [Section("Where deals wait too long", "stages", caption, table=table)]


def _alerts(marts: Marts, period: Period) -> list[Section]:
    rows = marts.rows(
        "alert",
        "is_open and raised_at <= $last + interval 1 day",
        "case severity when 'critical' then 1 else 2 end asc, raised_at desc, alert_rule asc, subject_id asc",
        last=period.last,
    )
    if not rows:
        return []
    lines = [
        [
            Cell(name_of(row["alert_rule"]), row["subject_id"]),
            Cell(row["severity"], "", "bad" if row["severity"] == "critical" else ""),
            Cell(fmt(row["raised_at"], "date")),
            *(
                Cell(fmt(row[part], kind_of_unit(row["alert_unit"]), currency=marts.currency))
                for part in ("alert_value", "alert_threshold")
            ),
        ]
        for row in rows[:LISTED]
    ]
    heads = ["Alert", "Severity", "Since", "Value", "Bound"]
    table = Table(heads, lines, left_out=len(rows) - len(lines))
    return [Section("Open alerts", "overview", "the most serious and latest first", table=table)]


CHECK_KINDS = {"quarantine_share": "rate", "source_silent": "days"}
"""What the value of a check is, where it is no number of rows or subjects."""


def _data(marts: Marts) -> list[Section]:
    rows = marts.rows(
        "data_quality", "check_status = 'warn'", "check_value desc nulls last, check_name asc, subject_id asc"
    )
    if not rows:
        return []
    lines = [
        [
            Cell(name_of(row["check_name"]), row["subject_id"]),
            Cell(fmt(row["check_value"], CHECK_KINDS.get(row["check_name"], "count"))),
            Cell(fmt(row["since_at"], "date")),
        ]
        for row in rows[:LISTED]
    ]
    table = Table(["Check", "Value", "Since"], lines, left_out=len(rows) - len(lines))
    return [Section("Data that needs a look", "data", table=table)]
