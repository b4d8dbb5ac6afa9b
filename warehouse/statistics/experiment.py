"""Compares each variant of an experiment with its control, and the sizes of all variants with what was planned.

The rates and their difference are tested as two binomial proportions: the z-test with the pooled rate (equal to the
chi-squared test without a correction) for the p-value, and Fisher's exact test beside it for small counts. The interval
of the lift, which is relative, is Katz's (on the logarithm of the ratio of the rates); that of the difference is
Newcombe's (from Wilson's intervals of both rates), which holds at rates of 0 and 1 as well. Who is counted, and who is
left out, is decided in models/marts/experiment_variant.sql.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

READS = ("marts.experiment_variant",)
COLUMNS = {
    "tenant_id": "string",
    "experiment_id": "string",
    "variant": "string",
    "rate_difference": "double",
    "rate_difference_low": "double",
    "rate_difference_high": "double",
    "lift": "double",
    "lift_low": "double",
    "lift_high": "double",
    "p_value": "double",
    "p_value_exact": "double",
    "sample_ratio_p_value": "double",
}
Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(converted: int, subjects: int) -> tuple[float, float]:
    """95 % interval of one rate by Wilson's score."""
    rate, square = converted / subjects, Z95**2
    middle = (rate + square / (2 * subjects)) / (1 + square / subjects)
    half = Z95 * math.sqrt(rate * (1 - rate) / subjects + square / (4 * subjects**2)) / (1 + square / subjects)
    return middle - half, middle + half


def difference_interval(of: tuple[int, int], control: tuple[int, int]) -> tuple[float, float]:
    """95 % interval of the difference of two rates by Newcombe's method; each is (converted, subjects)."""
    rate, base = of[0] / of[1], control[0] / control[1]
    (low, high), (base_low, base_high) = wilson(*of), wilson(*control)
    below = math.sqrt((rate - low) ** 2 + (base_high - base) ** 2)
    above = math.sqrt((high - rate) ** 2 + (base - base_low) ** 2)
    return rate - base - below, rate - base + above


def lift_interval(of: tuple[int, int], control: tuple[int, int]) -> tuple[float, float] | None:
    """95 % interval of the relative lift by Katz's method; None where either has no conversion."""
    if not of[0] or not control[0]:
        return None
    ratio = (of[0] / of[1]) / (control[0] / control[1])
    spread = Z95 * math.sqrt(1 / of[0] - 1 / of[1] + 1 / control[0] - 1 / control[1])
    return ratio * math.exp(-spread) - 1, ratio * math.exp(spread) - 1


def p_values(of: tuple[int, int], control: tuple[int, int]) -> tuple[float | None, float]:
    """Two-sided p-values that the rates are equal: by the z-test, and by Fisher's exact test.

    The z-test has none where nobody, or everybody, converted: there is nothing to tell the variants apart by.
    """
    from scipy import stats

    table = [[of[0], of[1] - of[0]], [control[0], control[1] - control[0]]]
    exact = float(stats.fisher_exact(table).pvalue)
    if of[0] + control[0] in (0, of[1] + control[1]):
        return None, exact
    return float(stats.chi2_contingency(table, correction=False).pvalue), exact


def sample_ratio_p_value(subjects: list[int], shares: list[float]) -> float | None:
    """P-value that the variants got the planned shares of all subjects, by the chi-squared test."""
    from scipy import stats

    total, planned = sum(subjects), sum(shares)
    if len(subjects) < 2 or not total or any(share <= 0 for share in shares):
        return None
    return float(stats.chisquare(subjects, [total * share / planned for share in shares]).pvalue)


def compared(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one experiment: each variant against the control, the control against nothing."""
    ratio = sample_ratio_p_value(
        [variant["subject_count"] for variant in variants], [variant["expected_share"] for variant in variants]
    )
    control = next(variant for variant in variants if variant["is_control"])
    base = (control["converted_count"], control["subject_count"])
    rows = []
    for variant in variants:
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        row |= {name: variant[name] for name in ("tenant_id", "experiment_id", "variant")}
        row["sample_ratio_p_value"] = ratio
        of = (variant["converted_count"], variant["subject_count"])
        if variant is not control and of[1] and base[1]:
            row["rate_difference"] = of[0] / of[1] - base[0] / base[1]
            row["rate_difference_low"], row["rate_difference_high"] = difference_interval(of, base)
            row["lift"] = of[0] / of[1] / (base[0] / base[1]) - 1 if base[0] else None
            row["lift_low"], row["lift_high"] = lift_interval(of, base) or (None, None)
            row["p_value"], row["p_value_exact"] = p_values(of, base)
        rows.append(row)
    return rows


def compute(tables: Mapping[str, "pl.DataFrame"]) -> "pl.DataFrame":
    """Statistics of every variant of every experiment.

    Parameters
    ----------
    tables
        ``marts.experiment_variant``: the counts.

    Returns
    -------
    polars.DataFrame
        A row per variant. All of a comparison is null for the control, and where a variant has no subjects.
    """
    import polars as pl

    frame = tables["marts.experiment_variant"].sort("tenant_id", "experiment_id", "variant")
    rows = [
        row
        for group in frame.partition_by("tenant_id", "experiment_id", maintain_order=True)
        for row in compared(group.to_dicts())
    ]
    types = {"string": pl.String, "double": pl.Float64}
    return pl.DataFrame(rows, schema={name: types[kind] for name, kind in COLUMNS.items()})
