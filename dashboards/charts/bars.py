"""Bars that lie, with their values written beside them: parts, funnels, limits."""

from collections.abc import Sequence

from dashboards.charts.base import Spec, category_axis, frame, hint, label
from dashboards.theme import Theme, ink


def bars(
    theme: Theme,
    names: Sequence[str],
    values: Sequence[float | None],
    *,
    kind: str = "count",
    currency: str = "",
    notes: Sequence[str] = (),
    colours: Sequence[str] = (),
) -> Spec:
    """Draw one bar per name, from top to bottom, the value (and a note) at its end.

    Parameters
    ----------
    notes
        What is written after each value, such as what it is based on.
    """
    texts = [
        label(value, kind, currency) + (f"  {notes[i]}" if i < len(notes) and notes[i] else "")
        for i, value in enumerate(values)
    ]
    data = [
        {
            "value": value,
            "name": names[i],
            "itemStyle": {"color": colours[i] if i < len(colours) else theme.data, "borderRadius": 3},
            "label": {"formatter": texts[i]},
            "tooltip": hint(f"{names[i]}: {texts[i]}"),
        }
        for i, value in enumerate(values)
    ]
    spec = frame(theme)
    spec["grid"] |= {"right": 24 + 7 * max((len(text) for text in texts), default=0), "top": 4}
    spec["xAxis"] = {"type": "value", "show": False, "min": min([0.0, *(v for v in values if v is not None)])}
    spec["yAxis"] = category_axis(theme, list(names), inverse=True, axisLine={"show": False})
    spec["yAxis"]["axisLabel"] |= {"color": theme.text, "width": 130, "overflow": "truncate"}
    spec["series"] = [
        {
            "type": "bar",
            "data": data,
            "barMaxWidth": 20,
            "label": {"show": True, "position": "right", "color": theme.text, "fontSize": 12},
        }
    ]
    return spec


def funnel(
    theme: Theme, steps: Sequence[str], counts: Sequence[float], rates: Sequence[float | None], kind: str = "count"
) -> Spec:
    """Draw steps as bars on a track; at the right the conversion from each step to the next, the lowest one in red.

    Parameters
    ----------
    rates
        By step: the share that went on to the next one; None after the last.
    """
    largest = max(counts, default=0) or 1
    known = [rate for rate in rates if rate is not None]
    worst = min(known) if len(known) > 1 else None
    data = []
    for i, count in enumerate(counts):
        is_worst = i > 0 and rates[i - 1] is not None and rates[i - 1] == worst
        colour = theme.bad if is_worst else theme.data
        inside = count / largest > 0.45
        data.append(
            {
                "value": count,
                "name": steps[i],
                "itemStyle": {"color": colour, "borderRadius": 4},
                "label": {
                    "formatter": f"{label(count, kind)} · {label(count / largest, 'rate_whole')}",
                    "position": "insideLeft" if inside else "right",
                    "color": ink(colour) if inside else theme.text,
                },
                "tooltip": hint(f"{steps[i]}: {label(count, kind)}"),
            }
        )
    spec = frame(theme)
    spec["grid"] |= {"right": 8, "top": 4}
    spec["xAxis"] = {"type": "value", "show": False, "min": 0, "max": largest}
    names = category_axis(theme, list(steps), inverse=True, axisLine={"show": False})
    names["axisLabel"] |= {"color": theme.text}
    to_step = ["" if i == 0 or rates[i - 1] is None else label(rates[i - 1], "rate_whole") for i in range(len(steps))]
    conversions = category_axis(theme, to_step, inverse=True, position="right", axisLine={"show": False})
    spec["yAxis"] = [names, conversions]
    spec["series"] = [
        {
            "type": "bar",
            "data": data,
            "barMaxWidth": 24,
            "showBackground": True,
            "backgroundStyle": {"color": theme.track, "borderRadius": 4},
            "label": {"show": True, "fontSize": 12},
        },
        {"type": "bar", "yAxisIndex": 1, "data": [], "silent": True},
    ]
    return spec


MOST_SHARE = 2.5
"""A bar that is longer than so many times its limit is cut there: its text says how long it is."""


def bullets(
    theme: Theme, names: Sequence[str], values: Sequence[float | None], limits: Sequence[float | None], unit: str
) -> Spec:
    """Draw a bar against its own limit, as a share of it: the limit is one line for all; over it the bar is red."""
    shares = [None if v is None or not limit else v / limit for v, limit in zip(values, limits, strict=True)]
    texts = [f"{label(value, unit)} / {label(limit, unit)}" for value, limit in zip(values, limits, strict=True)]
    data = [
        {
            "value": None if share is None else min(share, MOST_SHARE),
            "name": names[i],
            "itemStyle": {"color": theme.bad if share is not None and share > 1 else theme.data, "borderRadius": 3},
            "tooltip": hint(f"{names[i]}: {texts[i]}"),
        }
        for i, share in enumerate(shares)
    ]
    longest = max([1.0, *(min(share, MOST_SHARE) for share in shares if share is not None)])
    spec = frame(theme)
    spec["grid"] |= {"top": 4}
    spec["xAxis"] = {"type": "value", "show": False, "min": 0, "max": longest * 1.03}
    left = category_axis(theme, list(names), inverse=True, axisLine={"show": False})
    left["axisLabel"] |= {"color": theme.text, "width": 170, "overflow": "truncate"}
    right = category_axis(theme, texts, inverse=True, position="right", axisLine={"show": False})
    right["axisLabel"] |= {"color": theme.text}
    spec["yAxis"] = [left, right]
    spec["series"] = [
        {
            "type": "bar",
            "data": data,
            "barMaxWidth": 16,
            "showBackground": True,
            "backgroundStyle": {"color": theme.track, "borderRadius": 3},
            "markLine": {
                "silent": True,
                "symbol": "none",
                "label": {"show": False},
                "lineStyle": {"color": theme.text, "type": "solid", "width": 2},
                "data": [{"xAxis": 1}],
            },
        },
        {"type": "bar", "yAxisIndex": 1, "data": [], "silent": True},
    ]
    return spec


def whiskers(
    theme: Theme,
    names: Sequence[str],
    values: Sequence[float | None],
    low: Sequence[float | None],
    high: Sequence[float | None],
    kind: str,
) -> Spec:
    """Draw values with their intervals over time or names; the interval is a band."""
    spec = frame(theme)
    spec["tooltip"] |= {"trigger": "axis"}
    spec["xAxis"] = category_axis(theme, list(names))
    spec["yAxis"] = {
        "type": "value",
        "splitNumber": 4,
        "scale": True,
        "axisLabel": {"color": theme.muted},
        "splitLine": {"lineStyle": {"color": theme.grid}},
    }
    band = [None if a is None or b is None else b - a for a, b in zip(low, high, strict=True)]
    spec["series"] = [
        {
            "type": "line",
            "data": list(low),
            "stack": "band",
            "stackStrategy": "all",
            "symbol": "none",
            "lineStyle": {"opacity": 0},
        }
        | {"tooltip": {"show": False}, "silent": True},
        {
            "type": "line",
            "data": band,
            "stack": "band",
            "stackStrategy": "all",
            "symbol": "none",
            "lineStyle": {"opacity": 0},
        }
        | {"areaStyle": {"color": theme.data, "opacity": 0.14}, "tooltip": {"show": False}, "silent": True},
        {
            "type": "line",
            "data": [
                {"value": value, "label": {"formatter": label(value, kind)}} if value is not None else None
                for value in values
            ],
            "symbolSize": 7,
            "lineStyle": {"color": theme.data, "width": 2},
            "itemStyle": {"color": theme.data},
            "label": {"show": len(values) <= 14, "color": theme.text, "fontSize": 12, "position": "top"},
        },
    ]
    return spec
