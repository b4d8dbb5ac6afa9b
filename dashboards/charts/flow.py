"""What goes from one state to the next: waterfalls and flows."""

from collections.abc import Sequence

from dashboards.charts.base import Spec, category_axis, frame, label, scale, scaled, value_axis
from dashboards.theme import Theme


def waterfall(
    theme: Theme,
    names: Sequence[str],
    values: Sequence[float],
    *,
    kind: str = "amount",
    currency: str = "",
) -> Spec:
    """Draw how the first value becomes the last one: both stand on the ground, the changes between hang on each other.

    Parameters
    ----------
    values
        Start, changes with their signs, end.
    """
    ground, height, colours = [], [], []
    level = 0.0
    for i, value in enumerate(values):
        if i in (0, len(values) - 1):
            ground.append(0.0)
            height.append(value)
            colours.append(theme.data)
            level = value
        else:
            ground.append(min(level, level + value))
            height.append(abs(value))
            colours.append(theme.good if value >= 0 else theme.bad)
            level += value
    divisor, template, _ = scale([*values, level], kind, currency)
    spec = frame(theme)
    spec["xAxis"] = category_axis(theme, list(names))
    spec["xAxis"]["axisLabel"] |= {"interval": 0, "rotate": 35 if len(names) > 6 else 0}
    spec["yAxis"] = value_axis(theme, template)
    spec["grid"] |= {"top": 28}
    spec["series"] = [
        {
            "type": "bar",
            "stack": "all",
            "silent": True,
            "itemStyle": {"color": "transparent"},
            "data": [scaled(value, divisor) for value in ground],
        },
        {
            "type": "bar",
            "stack": "all",
            "barMaxWidth": 46,
            "label": {"show": True, "position": "top", "color": theme.text, "fontSize": 12},
            "data": [
                {
                    "value": scaled(height[i], divisor),
                    "name": names[i],
                    "itemStyle": {"color": colours[i], "borderRadius": 3},
                    "label": {"formatter": label(values[i], kind, currency)},
                    "tooltip": {"formatter": f"{names[i]}: {label(values[i], kind, currency)}"},
                }
                for i in range(len(values))
            ],
        },
    ]
    return spec


def sankey(theme: Theme, links: Sequence[tuple[str, str, float]]) -> Spec:
    """Draw flows between named states; nothing may flow back to where it came from."""
    names = list(dict.fromkeys(name for a, b, _ in links for name in (a, b)))
    spec = frame(theme)
    spec["series"] = [
        {
            "type": "sankey",
            "layoutIterations": 0,
            "nodeGap": 10,
            "left": 8,
            "right": 110,
            "top": 20,
            "bottom": 8,
            "emphasis": {"focus": "adjacency"},
            "label": {"color": theme.text, "fontSize": 12},
            "lineStyle": {"color": "source", "opacity": 0.22, "curveness": 0.5},
            "data": [
                {"name": name, "itemStyle": {"color": theme.categorical[i % len(theme.categorical)], "borderWidth": 0}}
                for i, name in enumerate(names)
            ],
            "links": [{"source": a, "target": b, "value": value} for a, b, value in links],
        }
    ]
    return spec
