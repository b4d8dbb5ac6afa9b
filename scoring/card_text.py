"""The card of a model for people: Markdown that also reads well in a terminal of 80 columns.

Everything that it says is in the card's JSON (:mod:`scoring.card`); tables here show what there is room for.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scoring.plots import calibration_text, lift_text

WIDTH = 78
SHOWN_FEATURES = 15
Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]


def card_text(card: Row) -> str:
    """The card as Markdown, no line of which is longer than :data:`WIDTH`, but for names that are."""
    lines = [f"# {card['score']}", "", *_wrapped(card["purpose"])]
    lines += ["", *_wrapped(f"**Answers with:** {card['kind']}. {card['reason']}")]
    learnt = (
        f"**Learnt from:** {card['row_count']:,} rows, {card['positive_count']:,} positive, cut-offs "
        f"{card['first_cutoff']} to {card['trained_until']}, labels known at {card['as_of']}."
    )
    lines += ["", *_wrapped(learnt), "", *_wrapped(f"**Not for:** {card['not_for']}")]
    if "contest" in card:
        lines += ["", "## Against the model in force", "", *_wrapped(card["contest"]["reason"])]
    if "out_of_time" in card:
        told = card["out_of_time"]
        measured = (
            f"{told['row_count']:,} rows that it had not seen, {told['positive_count']:,} positive. "
            f"AUC {_told(told, 'auc')}, skill over the base rate {_told(told, 'skill')}, "
            f"observed over expected {_told(told, 'oe_ratio')}. "
            f"Calibration error {_number(told['ece'], '.3f')}; chance alone would make "
            f"{_number(told['ece_floor'], '.3f')}."
        )
        lines += ["", "## Out of time", "", *_wrapped(measured)]
    for title, name, told in (
        ("Candidates", "candidates", _candidates),
        ("Periods", "periods", _periods),
        ("Calibration", "reliability", _calibration),
        ("Lift", "deciles", _lift),
        ("Segments", "segments", _segments),
        ("Importance", "importance", _importance),
    ):
        if card.get(name):
            lines += ["", f"## {title}", "", *told(card)]
    if "leaks" in card:
        lines += ["", "## Leaks", "", *_wrapped(card["leaks"]["reason"])]
        lines += [line for item in card["leaks"]["trusted"].items() for line in _wrapped("{}: {}.".format(*item), "- ")]
    if card.get("barred"):
        lines += ["", *_wrapped(f"Never shown to a model: {', '.join(card['barred'])}.")]
    if card.get("limits"):
        lines += ["", "## Limits", "", *(line for one in card["limits"] for line in _wrapped(one, "- "))]
    return "\n".join(lines) + "\n"


def _candidates(card: Row) -> list[str]:
    return _table(
        card["candidates"],
        ("candidate", lambda row: row["candidate"]),
        ("log loss", lambda row: _number(row["log_loss"], ".4f")),
        ("over the best", lambda row: _number(row["excess"], ".4f")),
        ("± error", lambda row: _number(row["excess_error"], ".4f")),
    )


def _periods(card: Row) -> list[str]:
    """Of the candidate that answers; the others are in the JSON."""
    own = [row for row in card["periods"] if row["candidate"] == card["kind"]]
    return [
        f"Of {card['kind']}, in each later period, by its first cut-off.",
        "",
        *_table(
            own or card["periods"],
            ("from", lambda row: str(row["first_cutoff"])[:10]),
            ("rows", lambda row: f"{row['row_count']:,}"),
            ("positive", lambda row: f"{row['positive_count']:,}"),
            ("log loss", lambda row: _number(row["log_loss"], ".3f")),
            ("base", lambda row: _number(row["base_log_loss"], ".3f")),
            ("AUC", lambda row: _number(row["auc"], ".3f")),
            ("O/E", lambda row: _number(row["oe_ratio"], ".2f")),
            ("lift", lambda row: _number(row["lift_at_10"], ".1f")),
        ),
    ]


def _calibration(card: Row) -> list[str]:
    said = "A line per bin: predicted (|) and observed (o) rate, X where both meet; its 90 % interval (-)."
    return [*_wrapped(said), "", "```", *calibration_text(card["reliability"], WIDTH), "```"]


def _lift(card: Row) -> list[str]:
    said = "A line per tenth of the rows, the likeliest first: its rate over that of all, and the share caught so far."
    return [*_wrapped(said), "", "```", *lift_text(card["deciles"], WIDTH), "```"]


def _segments(card: Row) -> list[str]:
    shown = [row for row in card["segments"] if row["assessed"]]
    lines = _table(
        shown,
        ("segment", lambda row: f"{row['segment']} {row['value']}"),
        ("rows", lambda row: f"{row['row_count']:,}"),
        ("rate", lambda row: _number(row["positive_rate"], ".1%")),
        ("AUC", lambda row: _number(row["auc"], ".3f")),
        ("O/E", lambda row: _number(row["oe_ratio"], ".2f")),
        ("90 %", lambda row: f"{_number(row['oe_ratio_low'], '.2f')}-{_number(row['oe_ratio_high'], '.2f')}"),
        ("chosen", lambda row: _number(row["selected_rate"], ".0%")),
    )
    differing = [
        f"- {row['segment']} {row['value']}: {', '.join(row['differs'])}" for row in shown if row.get("differs")
    ]
    if differing:
        lines += ["", "Beyond chance:", "", *differing]
    small = sum(not row["assessed"] for row in card["segments"])
    return [*lines, "", f"{small} more are too small to be assessed."] if small else lines


def _importance(card: Row) -> list[str]:
    ranked = card["importance"]
    top = ranked[0]["mean_absolute_log_odds"] or 1.0
    lines = ["By how many log-odds each moves a score, on average.", "", "```"]
    for row in ranked[:SHOWN_FEATURES]:
        value = row["mean_absolute_log_odds"]
        lines.append(f"{row['feature'][:34]:<34} {value:7.3f} {'#' * round(value / top * (WIDTH - 44))}".rstrip())
    more = len(ranked) - SHOWN_FEATURES
    return [*lines, "```", *([f"And {more} more, each with less."] if more > 0 else [])]


def _told(found: Row, name: str) -> str:
    value, low, high = (_number(found[f"{name}{end}"], ".3f") or "unknown" for end in ("", "_low", "_high"))
    return f"{value} (90 %: {low} to {high})"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _wrapped(text: str, bullet: str = "") -> list[str]:
    indent = " " * len(bullet)
    return textwrap.wrap(
        text, WIDTH, initial_indent=bullet, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _table(rows: Sequence[Row], *columns: Column) -> list[str]:
    """Markdown whose columns are aligned; texts left, numbers right."""
    cells = [[told(row) for _, told in columns] for row in rows]
    widths = [max(len(name), *(len(line[at]) for line in cells), 3) for at, (name, _) in enumerate(columns)]

    def line(parts: Sequence[str]) -> str:
        first, *others = zip(parts, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(part.rjust(width) for part, width in others)]) + " |"

    rule = "| " + " | ".join(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]) + " |"
    return [line([name for name, _ in columns]), rule, *(line(parts) for parts in cells)]
