"""What goes from one state to the next: waterfalls."""

from collections.abc import Sequence

from dashboards.charts.base import Spec, category_axis, frame, hint, label, scale, scaled, value_axis
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
                    "tooltip": hint(f"{names[i]}: {label(values[i], kind, currency)}"),
                }
                for i in range(len(values))
            ],
        },
    ]
    return spec
