"""Values over time."""

from collections.abc import Mapping, Sequence

from dashboards.charts.base import Spec, category_axis, frame, scale, scaled, value_axis
from dashboards.theme import Theme

Series = Mapping[str, Sequence[float | None]]


def lines(
    theme: Theme,
    labels: Sequence[str],
    series: Series,
    *,
    kind: str = "count",
    currency: str = "",
    target: float | None = None,
    target_label: str = "",
    is_last_open: bool = False,
    area: bool = False,
    from_zero: bool = True,
) -> Spec:
    """Draw one line per series, named at its end; a target as a dashed line.

    Parameters
    ----------
    is_last_open
        Whether the last period is not over: it is drawn with a hollow sign, since it may still change.
    from_zero
        Whether the axis begins at zero; lines that stay far from it are told apart better where it does not.
    """
    every = [value for values in series.values() for value in values] + ([target] if target is not None else [])
    divisor, template, tooltip = scale(every, kind, currency)
    drawn = []
    for number, (name, values) in enumerate(series.items()):
        colour = theme.data if len(series) == 1 else theme.categorical[number % len(theme.categorical)]
        points: list[object] = [scaled(value, divisor) for value in values]
        if is_last_open and points and points[-1] is not None:
            points[-1] = {
                "value": points[-1],
                "symbol": "emptyCircle",
                "symbolSize": 9,
                "itemStyle": {"color": colour, "borderWidth": 2},
            }
        drawn.append(
            {
                "name": name,
                "type": "line",
                "data": points,
                "symbol": "circle",
                "symbolSize": 5,
                "connectNulls": False,
                "lineStyle": {"width": 2, "color": colour},
                "itemStyle": {"color": colour},
                "areaStyle": {"color": colour, "opacity": 0.10} if area and len(series) == 1 else None,
                "endLabel": {
                    "show": len(series) > 1,
                    "formatter": "{a}",
                    "color": colour,
                    "fontSize": 12,
                },
                "labelLayout": {"moveOverlap": "shiftY"},
                "tooltip": {"valueFormatter": tooltip},
                "markLine": _target(theme, target, divisor, target_label) if number == 0 else None,
            }
        )
    widest = max((len(name) for name in series), default=0) if len(series) > 1 else 0
    spec = frame(theme)
    spec["tooltip"] |= {"trigger": "axis"}
    spec["grid"] |= {"right": 16 + min(160, 7 * widest)}
    spec["xAxis"] = category_axis(theme, list(labels), boundaryGap=False)
    spec["xAxis"]["axisLabel"] |= {"hideOverlap": True}
    spec["yAxis"] = value_axis(theme, template, scale=not from_zero)
    spec["series"] = drawn
    return spec


def columns(
    theme: Theme,
    labels: Sequence[str],
    series: Series,
    *,
    kind: str = "count",
    currency: str = "",
    colours: Sequence[str] = (),
    stacked: bool = True,
    line: tuple[str, Sequence[float | None]] | None = None,
) -> Spec:
    """Draw stacked columns over time, those below zero downwards; with `line`, a line over them in the same unit."""
    every = [value for values in series.values() for value in values]
    divisor, template, tooltip = scale(every, kind, currency)
    drawn: list[Spec] = [
        {
            "name": name,
            "type": "bar",
            "stack": "all" if stacked else None,
            "data": [scaled(value, divisor) for value in values],
            "itemStyle": {"color": (colours or theme.categorical)[number % len(colours or theme.categorical)]},
            "barMaxWidth": 34,
            "tooltip": {"valueFormatter": tooltip},
        }
        for number, (name, values) in enumerate(series.items())
    ]
    if line is not None:
        drawn.append(
            {
                "name": line[0],
                "type": "line",
                "data": [scaled(value, divisor) for value in line[1]],
                "lineStyle": {"color": theme.text, "width": 2},
                "itemStyle": {"color": theme.text},
                "symbolSize": 5,
                "tooltip": {"valueFormatter": tooltip},
            }
        )
    spec = frame(theme)
    spec["tooltip"] |= {"trigger": "axis"}
    spec["xAxis"] = category_axis(theme, list(labels))
    spec["xAxis"]["axisLabel"] |= {"hideOverlap": True}
    spec["yAxis"] = value_axis(theme, template)
    spec["series"] = drawn
    if len(drawn) > 1:
        spec["legend"] = {
            "top": 0,
            "left": 0,
            "itemWidth": 10,
            "itemHeight": 10,
            "textStyle": {"color": theme.muted, "fontSize": 12},
        }
        spec["grid"] |= {"top": 42}
    return spec


def _target(theme: Theme, target: float | None, divisor: float, text: str) -> Spec | None:
    if target is None:
        return None
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": theme.muted, "type": "dashed", "width": 1.2},
        "label": {"formatter": text, "color": theme.muted, "position": "insideEndTop", "fontSize": 12},
        "data": [{"yAxis": scaled(target, divisor)}],
    }
