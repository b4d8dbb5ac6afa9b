"""Colours, type and spacing, said once: as Streamlit's configuration, and as tokens for charts.

Which colour a number deserves is decided where it is shown; pages know no colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CATEGORICAL = ("#2F5BEA", "#12A594", "#E5850B", "#8E4EC6", "#D6409F", "#697177", "#3E9B6E")
"""For values of a dimension, in a fixed order; told apart by colour-blind eyes, and never the only sign."""

CATEGORICAL_DARK = ("#7C9CFF", "#3CC7B5", "#F5A445", "#B98AE6", "#EE7FC1", "#A3ABB8", "#79C79B")

SEQUENTIAL = (
    "#F2F5FF",
    "#DDE5FE",
    "#C2D0FC",
    "#A1B6F9",
    "#7D98F4",
    "#5B7BEF",
    "#3F62E4",
    "#2F4FC4",
    "#22409B",
    "#152B70",
)
SEQUENTIAL_DARK = (
    "#1A2233",
    "#1F2B47",
    "#25365E",
    "#2D4378",
    "#375295",
    "#4464B3",
    "#5778D0",
    "#7591E4",
    "#9AB1F3",
    "#C2D3FC",
)
RISK = ("#F6F7F9", "#FBE3DC", "#F7C4B7", "#EE9A87", "#DE6B54", "#C2452F", "#9F2A17")
RISK_DARK = ("#1C1F26", "#332223", "#4E2A27", "#74342C", "#A04535", "#CB5E49", "#EE8A74")


@dataclass(frozen=True)
class Theme:
    """Tokens of one appearance."""

    is_dark: bool
    background: str
    card: str
    border: str
    grid: str
    text: str
    muted: str
    data: str
    data_soft: str
    track: str
    good: str
    bad: str
    warn: str
    categorical: Sequence[str]
    sequential: Sequence[str]
    risk: Sequence[str]


LIGHT = Theme(
    is_dark=False,
    background="#FFFFFF",
    card="#FFFFFF",
    border="#E3E6EB",
    grid="#EDF0F3",
    text="#0F1728",
    muted="#5B6472",
    data="#2F5BEA",
    data_soft="#C2D0FC",
    track="#F1F3F6",
    good="#0B7A5B",
    bad="#C2331D",
    warn="#A15C00",
    categorical=CATEGORICAL,
    sequential=SEQUENTIAL,
    risk=RISK,
)
DARK = Theme(
    is_dark=True,
    background="#101318",
    card="#101318",
    border="#2A303A",
    grid="#232933",
    text="#E8EBF0",
    muted="#A3ABB8",
    data="#7C9CFF",
    data_soft="#37477A",
    track="#1B2029",
    good="#3CC7B5",
    bad="#F0705B",
    warn="#F5A445",
    categorical=CATEGORICAL_DARK,
    sequential=SEQUENTIAL_DARK,
    risk=RISK_DARK,
)

_BLACK = "#05070C"

FONT = "'Source Sans', sans-serif"
"""Comes with Streamlit; nothing is fetched."""


def of(kind: str | None) -> Theme:
    """Tokens for Streamlit's name of an appearance (``light``, ``dark``, or not known yet)."""
    return DARK if kind == "dark" else LIGHT


def ink(background: str) -> str:
    """Black or white, whichever is read better on `background` (contrast by WCAG 2)."""
    level = luminance(background) + 0.05
    return "#FFFFFF" if 1.05 / level >= level / (luminance(_BLACK) + 0.05) else _BLACK


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB``, 0 to 1, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def step(scale: Sequence[str], share: float) -> str:
    """Colour of a share (0 to 1, clipped) on a scale."""
    return scale[min(len(scale) - 1, max(0, int(share * len(scale))))]


def streamlit_options() -> dict[str, Any]:
    """Streamlit's theme options, for both appearances."""
    options: dict[str, Any] = {
        "theme.baseFontSize": 15,
        "theme.baseRadius": "8px",
        "theme.buttonRadius": "6px",
        "theme.showWidgetBorder": True,
        "theme.showSidebarBorder": True,
        "theme.headingFontSizes": ["1.6rem", "1.15rem", "1.05rem", "1rem", "1rem", "1rem"],
        "theme.headingFontWeights": [650, 600, 600, 600, 600, 600],
        "theme.metricValueFontSize": "1.55rem",
        "theme.paddingTop": "3.2rem",
        "theme.paddingBottom": "3rem",
    }
    for name, one in (("light", LIGHT), ("dark", DARK)):
        side = {"light": ("#F6F7F9", "#E9ECF1"), "dark": ("#15191F", "#222831")}[name]
        options |= {
            f"theme.{name}.primaryColor": "#2649C2" if name == "light" else "#6989F8",
            f"theme.{name}.backgroundColor": one.background,
            f"theme.{name}.secondaryBackgroundColor": one.track,
            f"theme.{name}.textColor": one.text,
            f"theme.{name}.linkColor": one.data,
            f"theme.{name}.borderColor": one.border,
            f"theme.{name}.greenColor": one.good,
            f"theme.{name}.redColor": one.bad,
            f"theme.{name}.orangeColor": one.warn,
            f"theme.{name}.grayColor": one.muted,
            f"theme.{name}.blueColor": one.data,
            f"theme.{name}.chartCategoricalColors": list(one.categorical),
            f"theme.{name}.chartSequentialColors": list(one.sequential),
            f"theme.{name}.dataframeBorderColor": one.border,
            f"theme.{name}.dataframeHeaderBackgroundColor": one.background,
            f"theme.{name}.sidebar.backgroundColor": side[0],
            f"theme.{name}.sidebar.secondaryBackgroundColor": side[1],
            f"theme.{name}.sidebar.textColor": one.text,
            f"theme.{name}.sidebar.borderColor": one.border,
        }
    return options
