"""Plots of a card, drawn from its numbers alone: SVG to look at, and lines of text for a terminal.

What is plotted is measured in :mod:`scoring.evaluation`; nothing is computed here but places on paper.
"""

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, MARGIN = 420, 320, 46
INK, SOFT, MARK, MARK_2 = "#333333", "#cccccc", "#1f6fb2", "#d98032"
Rows = Sequence[Mapping[str, Any]]


def plots_of(card: Mapping[str, Any]) -> dict[str, bytes]:
    """Files that stand beside the card, by name; none where nothing was measured out of time."""
    found = {}
    if card.get("reliability"):
        found["calibration.svg"] = calibration_svg(card["score"], card["reliability"]).encode()
    if card.get("deciles"):
        found["lift.svg"] = lift_svg(card["score"], card["deciles"]).encode()
    return found


def calibration_svg(score: str, rows: Rows) -> str:
    """Observed over predicted rate of each bin, with the 90 % interval of what was observed; the diagonal is right."""
    highest = max(max(row["observed_rate_high"], row["predicted_rate"]) for row in rows)
    top = min(1.0, highest * 1.05) or 1.0
    lines = [_line(_x(0, top), _y(0, top), _x(top, top), _y(top, top), SOFT)]
    for row in rows:
        x = _x(row["predicted_rate"], top)
        lines.append(_line(x, _y(row["observed_rate_low"], top), x, _y(row["observed_rate_high"], top), MARK))
        lines.append(f'<circle cx="{x:.1f}" cy="{_y(row["observed_rate"], top):.1f}" r="4" fill="{MARK}"/>')
    labels = (f"{score}: calibration out of time", "predicted rate", "observed rate")
    return _svg(labels, lines, [(value * top / 4, f"{value * top / 4:.0%}") for value in range(5)], top, top)


def lift_svg(score: str, rows: Rows) -> str:
    """Rate of positives over the rate of all for each tenth of the rows, the likeliest first; 1 is chance."""
    top = max(1.0, *(row["lift"] or 0 for row in rows)) * 1.1
    step = (WIDTH - 2 * MARGIN) / len(rows)
    bars = []
    for number, row in enumerate(rows):
        y = _y(row["lift"] or 0, top)
        bars.append(
            f'<rect x="{MARGIN + number * step + 3:.1f}" y="{y:.1f}" width="{step - 6:.1f}" '
            f'height="{HEIGHT - MARGIN - y:.1f}" fill="{MARK_2}"/>'
        )
    bars.append(_line(MARGIN, _y(1, top), WIDTH - MARGIN, _y(1, top), INK))
    labels = (f"{score}: lift out of time", "tenths of the rows, the likeliest first", "times the rate of all")
    ticks = [((number + 0.5) / len(rows), str(row["decile"])) for number, row in enumerate(rows)]
    return _svg(labels, bars, ticks, 1.0, top)


def calibration_text(rows: Rows, width: int = 76) -> list[str]:
    """A line per bin: predicted (|) and observed (o) rate on one scale, and the interval of what was observed (-)."""
    room = width - 34
    top = max(max(row["observed_rate_high"], row["predicted_rate"]) for row in rows) or 1.0

    def place(rate: float) -> int:
        return min(room - 1, round(rate / top * (room - 1)))

    lines = [f"{'rows':>7} {'predicted':>10} {'observed':>9}   0 {f'{top:.1%}':>{room - 2}}"]
    for row in rows:
        marks = [" "] * room
        for at in range(place(row["observed_rate_low"]), place(row["observed_rate_high"]) + 1):
            marks[at] = "-"
        marks[place(row["predicted_rate"])] = "|"
        observed = place(row["observed_rate"])
        marks[observed] = "X" if marks[observed] == "|" else "o"
        told = f"{row['row_count']:>7,} {row['predicted_rate']:>10.1%} {row['observed_rate']:>9.1%}"
        lines.append(f"{told}   {''.join(marks).rstrip()}")
    return lines


def lift_text(rows: Rows, width: int = 76) -> list[str]:
    """A bar per tenth of the rows, the likeliest first."""
    room = width - 34
    top = max(1.0, *(row["lift"] or 0 for row in rows))
    lines = [f"{'tenth':>7} {'lift':>10} {'caught':>9}"]
    for row in rows:
        lift, caught = row["lift"], row["captured_rate"]
        told = f"{row['decile']:>7} {_number(lift, '.2f'):>10} {_number(caught, '.0%'):>9}"
        lines.append(f"{told}   {'#' * round((lift or 0) / top * room)}".rstrip())
    return lines


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _x(value: float, top: float) -> float:
    return MARGIN + value / top * (WIDTH - 2 * MARGIN)


def _y(value: float, top: float) -> float:
    return HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN)


def _line(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="1.5"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle", turn: str = "") -> str:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turn}>{escaped}</text>'


def _svg(
    labels: tuple[str, str, str], marks: list[str], ticks: list[tuple[float, str]], right: float, top: float
) -> str:
    title, below, beside = labels
    middle = HEIGHT / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(WIDTH / 2, 20, title),
        _line(MARGIN, HEIGHT - MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN, INK),
        _line(MARGIN, MARGIN, MARGIN, HEIGHT - MARGIN, INK),
        *(_text(_x(at, right), HEIGHT - MARGIN + 15, words) for at, words in ticks),
        *(_text(MARGIN - 5, _y(top * part / 4, top) + 4, _short(top * part / 4, top), "end") for part in range(5)),
        _text(WIDTH / 2, HEIGHT - 10, below),
        _text(12, middle, beside, turn=f' transform="rotate(-90 12 {middle:.0f})"'),
        *marks,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _short(value: float, top: float) -> str:
    return f"{value:.0%}" if top <= 1 else f"{value:.1f}"
