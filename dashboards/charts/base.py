"""What all charts share: axes, scales of amounts, tooltips, no animation.

ECharts gets JSON alone, no functions: what a label says is written here, by the one formatter of the product.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from dashboards.theme import FONT, Theme
from warehouse.numbers import fmt

Spec = dict[str, Any]


def frame(theme: Theme, **options: Any) -> Spec:
    """Options that every chart begins with."""
    return {
        "animation": False,
        "textStyle": {"fontFamily": FONT, "color": theme.text},
        "tooltip": {
            "trigger": "item",
            "confine": True,
            "backgroundColor": theme.card,
            "borderColor": theme.border,
            "textStyle": {"color": theme.text, "fontSize": 12},
        },
        "grid": {"left": 8, "right": 16, "top": 16, "bottom": 8, "containLabel": True},
        **options,
    }


def scale(values: Iterable[float | None], kind: str, currency: str = "") -> tuple[float, str, str]:
    """Choose by what an axis divides, the template of its labels, and the format of its tooltip.

    Rates are shown in percent, amounts and counts in K or M where they are large.
    """
    if kind in ("rate", "share", "rate_whole"):
        return 0.01, "{value}%", "%.1f%%"
    values = list(values)
    largest = max((abs(value) for value in values if value is not None), default=0)
    divisor, letter = next(((d, n) for d, n in ((1e9, "B"), (1e6, "M"), (1e4, "K")) if largest >= d), (1.0, ""))
    if letter == "K":
        divisor = 1e3
    # An axis knows no other sign than the one before the digits: "$-1K" is worse than no currency.
    is_signed = any(value < 0 for value in values if value is not None)
    symbol = "$" if kind in ("amount", "money") and currency == "USD" and not is_signed else ""
    unit = {"hours": " h", "days": " d", "months": " mo", "minutes": " min", "ratio": "×"}.get(kind, "")
    digits = 1 if letter or unit or kind in ("amount", "money") else 0
    return divisor, f"{symbol}{{value}}{letter}{unit}", f"{symbol}%,.{digits}f{letter}{unit}"


def scaled(value: float | None, divisor: float) -> float | None:
    """Divide, keeping what is missing."""
    return None if value is None else round(value / divisor, 4)


def label(value: object, kind: str, currency: str = "") -> str:
    """Write a value."""
    return fmt(value, kind, currency=currency)


def hint(text: str) -> dict[str, str]:
    """What a tooltip says. ECharts takes its text for HTML and ``{b}`` for a place; names of users are neither."""
    return {"formatter": escape(text).replace("{", "&#123;").replace("}", "&#125;")}


def category_axis(theme: Theme, labels: list[str], **options: Any) -> Spec:
    """Axis of names: no ticks, a quiet line."""
    return {
        "type": "category",
        "data": labels,
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": theme.border}},
        "axisLabel": {"color": theme.muted, "fontSize": 12},
        **options,
    }


def value_axis(theme: Theme, template: str, **options: Any) -> Spec:
    """Axis of numbers: horizontal grid alone, about four ticks."""
    return {
        "type": "value",
        "splitNumber": 4,
        "axisLabel": {"color": theme.muted, "fontSize": 12, "formatter": template},
        "splitLine": {"lineStyle": {"color": theme.grid}},
        **options,
    }
