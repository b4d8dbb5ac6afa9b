"""The reasons of a score, as a card: what moved it most, up and down."""

import json
from typing import Any

import streamlit as st

from dashboards.charts.bars import bars
from dashboards.data import Rows
from dashboards.frame import Page
from dashboards.parts import card
from dashboards.text import plain


def listed(text: str | None) -> list[tuple[str, float]]:
    """Read factors as scores write them: what pushes up and down, in words; or what costs points, by name."""
    told: Any = json.loads(text) if text else {}
    if "up" in told or "down" in told:
        return [(one["words"], float(one["log_odds"])) for side in ("up", "down") for one in told.get(side, [])]
    return [(name, -float(value)) for name, value in told.items() if value]


def factors(page: Page, key: str, rows: Rows) -> None:
    """Draw the factors of the first row; where no model is in force, its reason."""
    first = rows.first()
    pairs = listed(first.get("factors")) if first else []
    if rows.missing or pairs:
        card(
            page,
            key,
            rows,
            lambda: bars(
                page.theme,
                [page.name_of("col", name) for name, _ in pairs],
                [round(value, 2) for _, value in pairs],
                kind="text",
                colours=[page.theme.good if value >= 0 else page.theme.bad for _, value in pairs],
            ),
        )
        return
    with st.container(border=True, height="stretch"):
        st.header(page.say(key), anchor=False)
        st.caption(plain(first.get("model_reason") or "") or page.say("state.empty"))
