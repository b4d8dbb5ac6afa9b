"""Charts for mails: PNG images, since mail programs show neither scripts nor SVG.

What is drawn is said by :mod:`warehouse.reports.content`; charts of the dashboards are theirs.
"""

from functools import cache
from typing import Any

import altair as alt
import vl_convert

from warehouse.numbers import MISSING, fmt
from warehouse.reports.parts import Chart

WIDTH, HEIGHT = 600, 150
SCALE = 2.0
"""Pixels for each point of the page, for screens of high density."""

FONTS = ("Source Sans 3", "Source Sans Pro", "Liberation Sans", "Arial", "Helvetica", "DejaVu Sans", "Noto Sans")
"""Fonts in order of preference; the first that is installed is taken."""

DATA, DATA_BEFORE, MUTED, LINE = "#2F5BEA", "#B9C6F5", "#5B6472", "#E3E6EB"


@cache
def font() -> str:
    """First of :data:`FONTS` that is installed; empty where none is.

    The renderer leaves text out, silently, where it does not know the font, so that it is asked to draw a word.
    """
    blank = _word("no such font is installed anywhere")
    return next((name for name in FONTS if _word(name) != blank), "")


def draw(chart: Chart, currency: str) -> bytes:
    """Draw a chart as a PNG of :data:`WIDTH` × :data:`HEIGHT` points.

    One panel or several side by side, each with bars from zero; that of the report's own period is darker, and its
    value stands in the title.
    """
    gap = 36
    width = (WIDTH - gap * (len(chart.panels) - 1)) // len(chart.panels)
    panels = [_panel(chart, title, points, width, currency) for title, points in chart.panels]
    return _png(alt.hconcat(*panels, spacing=gap) if len(panels) > 1 else panels[0])


def _panel(chart: Chart, title: str, points: Any, width: int, currency: str) -> Any:
    values = [
        {
            "day": day.isoformat(),
            "value": value,
            "label": fmt(value, "amount", currency=currency),
            "is_now": day == chart.period.first,
        }
        for day, value in points
        if value is not None
    ]
    base = alt.Chart(alt.InlineData(values)).encode(
        x=alt.X(
            "day:O",
            axis=alt.Axis(
                title=None,
                labelExpr=f"timeFormat(toDate(datum.value), '{'%-d %b' if chart.period.kind == 'week' else '%b'}')",
                labelAngle=0,
                labelOverlap="greedy",
                ticks=False,
                domainColor=LINE,
            ),
            scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
        ),
        y=alt.Y("value:Q", axis=None, scale=alt.Scale(domainMin=0, nice=False)),
    )
    bars = base.mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2).encode(
        color=alt.condition("datum.is_now", alt.value(DATA), alt.value(DATA_BEFORE))
    )
    # Beside its bar the value would stand in the way of the others.
    now = next((value["label"] for value in values if value["is_now"]), MISSING)
    heading = alt.TitleParams(
        f"{title}: {now}", anchor="start", fontSize=12, fontWeight="normal", color=MUTED, offset=10
    )
    return bars.properties(width=width - 10, height=HEIGHT - 50, title=heading)


def _png(chart: Any) -> bytes:
    styled = (
        chart.configure(font=font(), background="#FFFFFF", padding=4)
        .configure_view(stroke=None)
        .configure_axis(labelColor=MUTED, labelFontSize=11, labelFont=font())
        .configure_title(font=font())
        .configure_text(font=font())
    )
    png: bytes = vl_convert.vegalite_to_png(styled.to_dict(), scale=SCALE)
    return png


def _word(name: str) -> bytes:
    mark = alt.Chart(alt.InlineData([{}])).mark_text(font=name, text="Won", fontSize=14)
    png: bytes = vl_convert.vegalite_to_png(mark.properties(width=60, height=20).to_dict())
    return png
