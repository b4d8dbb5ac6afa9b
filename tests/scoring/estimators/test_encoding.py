"""The encoder: what each kind of column becomes, worked out by hand."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from scoring.estimators.encoding import FrameEncoder


def encode(values, **kinds) -> np.ndarray:
    frame = pl.DataFrame({"column": pl.Series(values, **kinds)})
    return FrameEncoder().fit_transform(frame)[:, 0]


def test_numbers_booleans_and_missing_values():
    assert encode([1, None, 3]).tolist() == pytest.approx([1.0, np.nan, 3.0], nan_ok=True)
    assert encode([True, None, False]).tolist() == pytest.approx([1.0, np.nan, 0.0], nan_ok=True)
    assert encode([1.5, float("nan"), -2.0]).tolist() == pytest.approx([1.5, np.nan, -2.0], nan_ok=True)


def test_infinite_values_count_as_the_largest_of_fit():
    assert encode([1.0, float("inf"), 3.0, float("-inf")]).tolist() == [1.0, 3.0, 3.0, 1.0]


def test_dates_are_days_since_1970():
    assert encode([date(1970, 1, 2), date(2024, 1, 1)]).tolist() == [1.0, 19723.0]
    noon = datetime(1970, 1, 1, 12, tzinfo=UTC)
    assert encode([noon, noon + timedelta(days=2)]).tolist() == [0.5, 2.5]
    assert encode([timedelta(hours=6), timedelta(days=1)]).tolist() == [0.25, 1.0]


def test_iso_dates_as_text_are_days_too():
    values = encode(["1970-01-02", "1970-01-03 12:00:00", "1970-01-01T06:00:00.000", "", "1970-01-05"])
    assert values.tolist() == pytest.approx([1.0, 2.5, 0.25, np.nan, 4.0], nan_ok=True)


def test_text_is_numeric_from_95_percent_of_the_values_that_are_not_blank():
    nineteen = [str(i) for i in range(19)]
    values = encode([*nineteen, "unknown", " ", ""])
    assert values.tolist() == pytest.approx([*range(19), np.nan, np.nan, np.nan], nan_ok=True)
    # 18 of 20 is below; each value being there once, it is no category either.
    frame = pl.DataFrame({"column": [*nineteen[:18], "unknown", "none", "x"]})
    encoder = FrameEncoder().fit(frame)
    assert [d.name for d in encoder.dropped_] == ["column"]
    assert "id" in encoder.dropped_[0].reason


def test_categories_missing_rare_and_unseen_ones():
    frame = pl.DataFrame({"c": ["b"] * 12 + ["a"] * 10 + ["rare"] * 2 + [None, "  "]})
    encoder = FrameEncoder().fit(frame)
    assert encoder.columns_[0].levels == ("a", "b")
    later = pl.DataFrame({"c": ["a", " b ", None, "\t", "rare", "new"]})
    assert encoder.transform(later)[:, 0].tolist() == [0, 1, 2, 2, 3, 3]


def test_useless_columns_are_dropped_with_the_reason():
    frame = pl.DataFrame(
        {
            "id": [f"a{i}" for i in range(60)],
            "constant": ["x"] * 60,
            "empty": pl.Series([None] * 60, dtype=pl.String),
            "nan": [float("nan")] * 60,
            "lists": [[1]] * 60,
            "rare": [f"r{i % 20}" for i in range(60)],
            "kept": range(60),
            "sometimes": [None] * 30 + [1.0] * 30,
        }
    )
    encoder = FrameEncoder().fit(frame)
    assert [c.name for c in encoder.columns_] == ["kept", "sometimes"]
    assert encoder.get_feature_names_out().tolist() == ["kept", "sometimes"]
    reasons = {d.name: d.reason for d in encoder.dropped_}
    assert reasons["constant"] == "constant"
    assert reasons["empty"] == reasons["nan"] == "all values are missing"
    assert "60 distinct values on 60 rows" in reasons["id"]
    assert "List" in reasons["lists"]
    assert "10 rows" in reasons["rare"]


def test_pandas_objects_categories_and_nullable_types():
    frame = pd.DataFrame(
        {
            "flag": [True, None, False],
            "mixed": [1, "1", None],
            "code": pd.Categorical([2, 1, 2]),
            "count": pd.array([1, None, 3], dtype="Int64"),
            "at": pd.to_datetime(["1970-01-02", None, "1970-01-04"]),
        }
    )
    frame = pd.concat([frame] * 10, ignore_index=True)
    encoder = FrameEncoder().fit(frame)
    out = encoder.transform(frame.head(3))
    expected = [[1, 1, 1, 1, 1], [np.nan, 1, 0, np.nan, np.nan], [0, np.nan, 1, 3, 3]]
    assert out.tolist() == [pytest.approx(row, nan_ok=True) for row in expected]
    assert encoder.columns_[2].levels == ("1", "2")


def test_output_as_polars_frame():
    frame = pl.DataFrame({"x": [1.0, 2.0], "y": [3, 4]})
    out = FrameEncoder().set_output(transform="polars").fit_transform(frame)
    assert isinstance(out, pl.DataFrame)
    assert out.columns == ["x", "y"]


def test_another_type_than_at_fit_is_an_error():
    encoder = FrameEncoder().fit(pl.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="'x' held numbers at fit and is Date now"):
        encoder.transform(pl.DataFrame({"x": [date(2024, 1, 1)]}))


def test_columns_of_the_same_name_are_an_error():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ValueError, match="same name"):
        FrameEncoder().fit(frame)
