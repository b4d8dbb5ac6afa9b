"""Heat maps: cells whose colours mean the same under every filter, with their values written in them."""

from collections.abc import Sequence

from dashboards.charts.base import Spec, category_axis, frame, hint, label
from dashboards.theme import Theme, ink, step

Cells = Sequence[Sequence[float | None]]


def heat(
    theme: Theme,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Cells,
    *,
    kind: str = "rate_whole",
    top: float = 1.0,
    is_risk: bool = False,
    notes: Sequence[Sequence[str]] = (),
    selectable: bool = False,
) -> Spec:
    """Draw a matrix, one line of `cells` per row name.

    Parameters
    ----------
    top
        The value of the strongest colour. It does not follow the data, so that colours stay comparable.
    is_risk
        Whether much is bad.
    notes
        By row and column: what the tooltip adds, such as what a rate is based on.
    """
    colours = theme.risk if is_risk else theme.sequential
    data = []
    for y, line in enumerate(cells):
        for x, value in enumerate(line):
            if value is None:
                continue
            colour = step(colours, value / top if top else 0)
            text = label(value, kind)
            note = notes[y][x] if notes else ""
            data.append(
                {
                    "value": [x, y, value],
                    "name": text,
                    "itemStyle": {"color": colour, "borderColor": theme.card, "borderWidth": 2, "borderRadius": 3},
                    "label": {"color": ink(colour)},
                    "tooltip": hint(f"{rows[y]} · {columns[x]}: {text}" + (f" ({note})" if note else "")),
                }
            )
    spec = frame(theme)
    spec["grid"] |= {"top": 8}
    spec["xAxis"] = category_axis(theme, list(columns), position="top", axisLine={"show": False})
    spec["xAxis"]["axisLabel"] |= {"interval": 0, "hideOverlap": True, "width": 90, "overflow": "truncate"}
    spec["yAxis"] = category_axis(theme, list(rows), inverse=True, axisLine={"show": False})
    spec["yAxis"]["axisLabel"] |= {"color": theme.text, "width": 130, "overflow": "truncate"}
    spec["series"] = [
        {
            "type": "heatmap",
            "data": data,
            "selectedMode": "single" if selectable else False,
            "label": {"show": True, "formatter": "{b}", "fontSize": 12},
            "labelLayout": {"hideOverlap": True},
        }
    ]
    # ECharts wants a visualMap beside a heat map; the colours are given cell by cell.
    spec["visualMap"] = {
        "show": False,
        "min": 0,
        "max": top or 1,
        "inRange": {"color": list(colours)},
        "seriesIndex": [],
    }
    return spec
