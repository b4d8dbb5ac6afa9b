"""A published file with every table that the models declare, filled with rows of a test's own making.

Tables and their columns come from the yml files of the models, so that a page that asks for what no model declares is
found out. Nothing is built: what numbers mean is tested beside the models; here it counts what pages do with them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from warehouse.publish import RunInfo, publish
from warehouse.settings import PROJECT_DIR, Home, Settings
from warehouse.store import open_store

AS_OF = datetime(2026, 6, 30, 12)
MONTHS = [date(2026, month, 1) for month in range(1, 7)]
TYPES = {"string": "varchar", "integer": "integer"}

WORDS: Mapping[str, tuple[str, ...]] = {
    "pipeline": ("b2b",),
    "stage": ("lead", "qualified", "proposal"),
    "from_stage": ("lead", "qualified"),
    "to_stage": ("won",),
    "aggregated_stage": ("draft", "planning", "running"),
    "dimension": ("total",),
    "dimension_value": ("(all)",),
    "order_rule": ("strict",),
    "step": ("visitor", "lead", "trial", "converted"),
    "period_kind": ("month",),
    "period": ("month",),
    "segment_kind": ("total",),
    "channel": ("(all)", "google", "email"),
    "responder": ("(all)",),
    "activity": ("revenue",),
    "cohort_kind": ("first_payment",),
    "industry": ("retail", "health"),
    "client_type": ("agency", "brand"),
    "budget_band": ("1k to 10k", "10k to 50k"),
    "owner_id": ("U-1", "U-2"),
    "risk_level": ("red", "yellow", "green"),
    "tier": ("hot", "warm", "cold"),
    "severity": ("critical", "warning"),
    "alert_rule": ("sla_overdue", "next_step_missing"),
    "sla": ("lead_to_brief", "brief_to_offer"),
    "model": ("first", "last", "linear"),
    "movement": ("new", "churn"),
    "kpi": ("nrr", "cac", "sales_cycle_days"),
    "kpi_unit": ("share", "money", "days"),
    "target_status": ("met", "missed"),
    "trend": ("better", "worse"),
    "factors": ('{"up": [{"words": "quiet for 9 days", "log_odds": 0.4}], "down": [], "rest": 0.0}',),
    "currency": ("USD",),
    "check_status": ("pass", "warn"),
    "status": ("open", "won", "running"),
    "case_status": ("open", "taken", "handled"),
    "gate": ("G1", "G2"),
    "gate_name": ("has_brief", "mediaplan_ready"),
}


@cache
def declared() -> dict[str, dict[str, str]]:
    """Type by column, of every table that is published."""
    tables = {}
    for schema in ("facts", "marts", "scores", "contacts"):
        for path in sorted((PROJECT_DIR / "models" / schema).glob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
                tables[f"{schema}.{model['name']}"] = {
                    column["name"]: TYPES.get(column["data_type"], column["data_type"]) for column in model["columns"]
                }
    return tables


def invented(table: str, tenant: str = "acme", rows: int = 24) -> list[dict[str, Any]]:
    """Rows of every type and of all months, the same at every call."""
    return [
        {column: _value(column, kind, number, tenant) for column, kind in declared()[table].items()}
        for number in range(rows)
    ]


def make_home(root: Path, rows: Mapping[str, Iterable[Mapping[str, Any]]], without: Iterable[str] = ()) -> Home:
    """Publish a file with all declared tables but those `without`; columns that a row does not name are null."""
    settings = Settings(home=root)
    home = settings.layout()
    publish_rows(home, settings, rows, without)
    return home


def publish_rows(
    home: Home, settings: Settings, rows: Mapping[str, Iterable[Mapping[str, Any]]], without: Iterable[str] = ()
) -> None:
    """Write the work file anew and publish it."""
    home.warehouse.unlink(missing_ok=True)
    with open_store(home, settings) as con:
        for schema in ("facts", "marts", "scores", "contacts"):
            con.execute(f"create schema if not exists {schema}")
        for table, columns in declared().items():
            if table in without:
                continue
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            con.execute(f"create table {table} ({listed}); comment on table {table} is 'One row per row of {table}.'")
            given = list(rows.get(table, ()))
            if given:
                filled = pa.table({name: pa.array([row.get(name) for row in given]) for name in columns})
                con.from_arrow(filled).insert_into(table)
    publish(home, settings, RunInfo(run_id="test", batch_id=1, as_of=AS_OF))


def everything(tenant: str = "acme") -> dict[str, list[dict[str, Any]]]:
    """Invented rows for every table."""
    return {table: invented(table, tenant) for table in declared()}


def _value(column: str, kind: str, number: int, tenant: str) -> Any:
    if column == "tenant_id":
        return tenant
    if column in WORDS:
        return WORDS[column][number % len(WORDS[column])]
    if kind == "varchar":
        return f"{column.removesuffix('_id')}-{number:02d}"
    if kind == "boolean":
        return number % 2 == 0
    if kind == "date":
        return MONTHS[number % len(MONTHS)]
    if kind == "timestamp":
        # What is over by as_of is known to be; half of what may end has not.
        ended = column in ("resolved_at", "closed_at", "left_at", "stopped_at")
        return None if ended and number % 2 else datetime(2026, 1 + number % 6, 3 + number, 8)
    if kind == "double":
        is_share = column.endswith(("_rate", "_share")) or column.startswith(("probability", "retention", "nrr", "grr"))
        return (number % 10 + 1) / 11 if is_share else float((number * 7 + len(column)) % 50 + 1)
    return (number * 7 + len(column)) % 50 + 1
