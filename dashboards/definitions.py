"""What KPIs, alert rules and policies mean, in the words of the seeds that define them. Nothing is said twice."""

import csv
from functools import cache

from warehouse.settings import Settings


@cache
def _seed(name: str, key: str) -> dict[str, str]:
    path = Settings().project_dir / "seeds" / f"{name}.csv"
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {row[key]: row.get("description", "") for row in csv.DictReader(lines)}


def kpi(name: str) -> str:
    """Define a KPI."""
    return _seed("kpi_target", "kpi").get(name, "")


def alert(rule: str) -> str:
    """Define an alert rule."""
    return _seed("alert_rule", "rule").get(rule, "")
