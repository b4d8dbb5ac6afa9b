"""What kind of value a column holds, from its name: units and clocks stand there (law 5 of CONTRIBUTING.md)."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

if TYPE_CHECKING:
    from dashboards.frame import Page

_ENDINGS = (
    (("_base", "_amount", "amount"), "amount"),
    (("_rate", "_share", "_accuracy"), "share"),
    (("_count", "_counts"), "count"),
    (("_hours",), "hours"),
    (("_days",), "days"),
    (("_months",), "months"),
    (("_minutes",), "minutes"),
    (("_ratio", "roas"), "ratio"),
    (("_month",), "month"),
    (("_date",), "date"),
    (("_at", "as_of"), "instant"),
)
_NAMES = {
    "probability": "share",
    "probability_30d": "share",
    "probability_90d": "share",
    "silence_probability_30d": "share",
    "silence_probability_90d": "share",
    "conversion_probability": "share",
    "nrr": "share",
    "grr": "share",
    "cac": "amount",
    "ltv": "amount",
    "arpa": "amount",
    "quick_ratio": "ratio",
    "retention_bounded": "share",
    "retention_unbounded": "share",
    "nps": "score",
    "score": "score",
    "health_score": "score",
    "coverage": "share",
}


def kind_of(column: str) -> str:
    """Kind of value for :func:`warehouse.numbers.fmt`; ``text`` where the name says none."""
    if column in _NAMES:
        return _NAMES[column]
    return next((kind for endings, kind in _ENDINGS if column.endswith(endings)), "text")


def column_config(page: "Page", rows: pa.Table) -> dict[str, Any]:
    """How Streamlit shows the columns of a table: named in the user's language, described in the model's words."""
    config: dict[str, Any] = {}
    for field in rows.schema:
        label = page.name_of("col", field.name)
        kind = kind_of(field.name)
        if pa.types.is_boolean(field.type):
            config[field.name] = st.column_config.CheckboxColumn(label)
        elif pa.types.is_temporal(field.type):
            form = {"month": "MMM YYYY", "date": "D MMM YYYY"}.get(kind, "D MMM YYYY, HH:mm")
            maker = st.column_config.DateColumn if kind in ("month", "date") else st.column_config.DatetimeColumn
            config[field.name] = maker(label, format=form)
        elif field.name.startswith("probability"):
            config[field.name] = st.column_config.ProgressColumn(label, format="percent", min_value=0, max_value=1)
        elif pa.types.is_floating(field.type) or pa.types.is_integer(field.type) or pa.types.is_decimal(field.type):
            form = {"share": "percent", "amount": "%,.0f", "hours": "%,.1f", "days": "%,.1f", "ratio": "%.2f"}.get(
                kind, "%,.0f" if pa.types.is_integer(field.type) else "%,.2f"
            )
            config[field.name] = st.column_config.NumberColumn(label, format=form)
        else:
            config[field.name] = st.column_config.TextColumn(label)
    return config
