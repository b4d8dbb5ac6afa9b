"""The statistics of experiments are what scipy and statsmodels say when they are asked directly."""

import math

import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from warehouse.statistics import experiment

CASES = [
    ((30, 240), (22, 239)),
    ((45, 241), (22, 239)),
    ((1, 10), (3, 12)),
    ((0, 25), (4, 30)),
    ((25, 25), (20, 30)),
    ((1234, 20000), (1100, 19000)),
]


def variants(*counts: tuple[int, int], shares: list[float] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "tenant_id": "t",
            "experiment_id": "x",
            "variant": [chr(ord("a") + number) for number in range(len(counts))],
            "is_control": [number == 0 for number in range(len(counts))],
            "expected_share": shares or [1 / len(counts)] * len(counts),
            "subject_count": [subjects for _, subjects in counts],
            "converted_count": [converted for converted, _ in counts],
        }
    )


def computed(frame: pl.DataFrame) -> list[dict[str, float | None]]:
    return experiment.compute({"marts.experiment_variant": frame}).to_dicts()


@pytest.mark.parametrize(("of", "control"), CASES)
def test_p_values_are_those_of_the_libraries(of: tuple[int, int], control: tuple[int, int]) -> None:
    row = computed(variants(control, of))[1]
    _, z_test = proportions_ztest([of[0], control[0]], [of[1], control[1]])
    exact = stats.fisher_exact([[of[0], of[1] - of[0]], [control[0], control[1] - control[0]]]).pvalue
    assert row["p_value"] == pytest.approx(z_test, rel=1e-9)
    assert row["p_value_exact"] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("of", "control"), CASES)
def test_intervals_are_those_of_statsmodels(of: tuple[int, int], control: tuple[int, int]) -> None:
    row = computed(variants(control, of))[1]
    low, high = confint_proportions_2indep(*of, *control, compare="diff", method="newcomb")
    assert row["rate_difference_low"] == pytest.approx(low, abs=1e-9)
    assert row["rate_difference_high"] == pytest.approx(high, abs=1e-9)
    if of[0] and control[0]:
        # statsmodels adds half a conversion to its logarithmic interval only when told to
        low, high = confint_proportions_2indep(*of, *control, compare="ratio", method="log")
        assert row["lift_low"] == pytest.approx(low - 1, rel=1e-9)
        assert row["lift_high"] == pytest.approx(high - 1, rel=1e-9)
    else:
        assert row["lift_low"] is None
        assert row["lift_high"] is None


def test_a_comparison_worked_out_by_hand() -> None:
    """10 of 100 against 20 of 100: pooled rate 0.15, standard error √(0.15 × 0.85 ÷ 50) = 0.0505.

    z = 0.1 ÷ 0.0505 = 1.9803, two-sided p = 0.0477.
    """
    control, row = computed(variants((10, 100), (20, 100)))
    assert row["rate_difference"] == pytest.approx(0.1)
    assert row["lift"] == pytest.approx(1.0)
    assert row["p_value"] == pytest.approx(0.0477, abs=5e-5)
    assert {value for name, value in control.items() if name.startswith(("rate", "lift", "p_value"))} == {None}


def test_samples_are_held_to_the_planned_split() -> None:
    """60 and 40 of 100 against halves: 100 ÷ 50 + 100 ÷ 50 = 4, p = 0.0455; against 60 and 40 parts: 0, p = 1."""
    assert computed(variants((1, 60), (1, 40)))[0]["sample_ratio_p_value"] == pytest.approx(0.0455, abs=5e-5)
    planned = variants((1, 60), (1, 40), shares=[0.6, 0.4])
    assert computed(planned)[1]["sample_ratio_p_value"] == pytest.approx(1.0)
    assert computed(variants((1, 60), (1, 40)))[0]["sample_ratio_p_value"] == pytest.approx(
        stats.chisquare([60, 40]).pvalue
    )


def test_a_variant_that_was_planned_and_shown_to_nobody_spoils_the_split() -> None:
    rows = computed(variants((5, 60), (5, 60), (0, 0)))
    assert rows[0]["sample_ratio_p_value"] == pytest.approx(stats.chisquare([60, 60, 0]).pvalue)
    assert rows[2]["rate_difference"] is None


def test_nothing_to_tell_apart() -> None:
    """Nobody converted: no difference, an interval around it, no lift, no z-test."""
    row = computed(variants((0, 10), (0, 20)))[1]
    assert row["rate_difference"] == 0
    assert row["rate_difference_low"] is not None
    assert (row["lift"], row["lift_low"], row["p_value"]) == (None, None, None)
    assert row["p_value_exact"] == pytest.approx(1.0)


def test_a_single_variant_is_compared_with_nothing() -> None:
    (row,) = computed(variants((3, 10)))
    assert {value for name, value in row.items() if name not in ("tenant_id", "experiment_id", "variant")} == {None}


def test_all_numbers_are_finite() -> None:
    frame = experiment.compute({"marts.experiment_variant": variants((0, 3), (3, 3), (1, 2))})
    for name, kind in frame.schema.items():
        if kind.is_float():
            assert all(math.isfinite(value) for value in frame[name].drop_nulls())


def test_experiments_are_compared_within_themselves_in_any_order_of_rows() -> None:
    first = variants((10, 100), (20, 100))
    second = variants((1, 10), (9, 10)).with_columns(pl.lit("y").alias("experiment_id"))
    both = pl.concat([second, first])
    assert computed(both) == computed(both.reverse()) == computed(first) + computed(second)
