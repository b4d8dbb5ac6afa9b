"""The card reads well in a terminal, says for whom it is off, and its plots are drawn from its numbers."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from scoring.card_text import WIDTH, card_text
from scoring.plots import calibration_svg, calibration_text, lift_svg, lift_text, plots_of
from scoring.training import fit
from tests.scoring.test_training import panel, spec

__all__ = ["spec"]
AS_OF = datetime(2026, 6, 1)


@pytest.fixture
def fitted(spec):
    """Channel c is one that no feature tells of: three of four are positive there, whatever x says."""
    rows = panel(900, 1.0)
    rng = np.random.default_rng(3)
    is_odd = rng.random(rows.height) < 0.2
    rows = rows.with_columns(
        label=pl.when(pl.Series(is_odd)).then(pl.Series(rng.random(rows.height) < 0.75)).otherwise(pl.col("label")),
        never=pl.lit(None, dtype=pl.Float64),
        group=pl.Series(np.where(is_odd, "odd", "even")),
    )
    return fit(replace(spec, segments=("group", "channel"), barred=("secret", "group")), rows, AS_OF)


def test_the_card_reads_well_and_says_for_whom_it_is_off(fitted) -> None:
    text = card_text(fitted.card)
    lines = text.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert WIDTH < 80
    for title in ("Out of time", "Candidates", "Periods", "Calibration", "Lift", "Segments", "Importance", "Limits"):
        assert f"## {title}" in lines
    odd = next(row for row in fitted.card["segments"] if row["value"] == "odd")
    assert odd["oe_ratio_low"] > 1
    assert "more came than expected" in odd["differs"]
    assert re.search(r"- group odd: more came than expected", text)
    assert "Nothing was ever known of never" in " ".join(text.split())
    # Its plots are whole SVG and draw every bin.
    plots = plots_of(fitted.card)
    assert set(plots) == {"calibration.svg", "lift.svg"}
    space = "{http://www.w3.org/2000/svg}"
    calibration, lift = (ET.fromstring(plots[name]) for name in ("calibration.svg", "lift.svg"))
    assert len(calibration.findall(f"{space}circle")) == len(fitted.card["reliability"])
    assert len(lift.findall(f"{space}rect")) == 1 + len(fitted.card["deciles"])
    print(text)


def test_places_on_paper_by_hand() -> None:
    """Half predicted, a quarter observed, up to 0.5: the scale ends at 0.525; 328 and 228 points wide and high."""
    row = {
        "row_count": 40,
        "predicted_rate": 0.5,
        "observed_rate": 0.25,
        "observed_rate_low": 0.1,
        "observed_rate_high": 0.5,
    }
    circle = ET.fromstring(calibration_svg("s", [row])).find("{http://www.w3.org/2000/svg}circle")
    assert circle is not None
    assert float(circle.attrib["cx"]) == pytest.approx(46 + 328 * 0.5 / 0.525, abs=0.1)
    assert float(circle.attrib["cy"]) == pytest.approx(320 - 46 - 228 * 0.25 / 0.525, abs=0.1)
    _, line = calibration_text([row], width=55)
    # 21 places from 0 to 0.5: observed at 10, its interval from 4 to 20, where what was predicted stands.
    assert line == "     40      50.0%     25.0%       ------o---------|"
    tenths = [{"decile": 1, "lift": 2.0, "captured_rate": 1.0}, {"decile": 2, "lift": None, "captured_rate": None}]
    assert lift_text(tenths, width=54)[1:] == ["      1       2.00      100%   " + "#" * 20, "      2"]
    assert "<svg" in lift_svg("s", tenths)


def test_a_base_rate_has_a_card_too(spec) -> None:
    card = fit(spec, panel(60, 1.0), AS_OF).card
    assert plots_of(card) == {}
    assert "No model tells subjects apart" in card_text(card)
