"""The encoder: any frame of mixed types becomes numbers and codes, in a way that is learned once and kept."""

from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from scoring.estimators import columns
from scoring.estimators.columns import Column, Dropped, FloatArray


class FrameEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numeric columns and category codes of a polars frame, a pandas frame or an array.

    Numbers, booleans and dates (in days) become floats, NaN where missing. Categories become the code of their level
    in the stored vocabulary; missing ones and those not in the vocabulary have a code of their own. Text of which at
    least 95 % parses becomes numbers or ISO dates. Constant and empty columns and ids are dropped and recorded.

    Attributes
    ----------
    columns_ : list of Column
        Columns in use, in the order of the output.
    dropped_ : list of Dropped
        Columns that are not used, each with the reason.
    """

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Learn kinds and vocabularies from X (n, p)."""
        frame = validated_frame(self, X, reset=True)
        self.columns_, self.dropped_ = learn_columns(frame)
        return self

    def transform(self, X: Any) -> FloatArray:  # noqa: N803
        """Return X (n, p) as floats (n, columns in use); the order of named columns does not matter.

        Raises
        ------
        ValueError
            Where a column is missing, was not there at fit, or has another type than at fit.
        """
        check_is_fitted(self)
        return encode(self, validated_frame(self, X, reset=False))

    def get_feature_names_out(self, input_features: Any = None) -> Any:  # noqa: ARG002
        """Names of the columns in use."""
        check_is_fitted(self)
        return np.asarray([column.name for column in self.columns_], dtype=object)

    def __sklearn_tags__(self) -> Any:
        return mixed_tags(super().__sklearn_tags__())


def mixed_tags(tags: Any) -> Any:
    """Tags of what takes missing values and text."""
    tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
    return tags


def learn_columns(frame: pl.DataFrame) -> tuple[list[Column], list[Dropped]]:
    """Learn each column of a frame; the second list has those that cannot be used."""
    found = [columns.learn(series, i) for i, series in enumerate(frame)]
    return [c for c in found if isinstance(c, Column)], [c for c in found if isinstance(c, Dropped)]


def validated_frame(estimator: Any, X: Any, *, reset: bool) -> pl.DataFrame:  # noqa: N803
    """Check X by scikit-learn's conventions and return it as a polars frame.

    Raises
    ------
    ValueError
        Where X has no rows or columns, another number of columns than at fit, or names that were not there at fit.
    TypeError
        Where X is sparse.
    """
    if not columns.is_frame(X):
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator)  # noqa: N806
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        names = columns.array_names(X.shape[1]) if reset else known_names(estimator)
        return columns.as_frame(X).rename(dict(zip(columns.array_names(X.shape[1]), names, strict=True)))
    frame = columns.as_frame(X)
    if not frame.height or not frame.width:
        kind = "sample" if frame.width else "feature"
        raise ValueError(f"Found array with 0 {kind}(s) (shape={frame.shape}) while a minimum of 1 is required.")
    if reset or not hasattr(estimator, "feature_names_in_"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    return frame


def encode(fitted: Any, frame: pl.DataFrame) -> FloatArray:
    """Return the frame as floats (n, columns in use) by the columns that `fitted` learned."""
    named = hasattr(fitted, "feature_names_in_")
    series = columns.select(frame, fitted.columns_, known_names(fitted), named=named)
    return encoded(series, fitted.columns_, frame.height)


def known_names(fitted: Any) -> list[str]:
    """Names of the columns of fit: those of the frame, or x0, x1, … of an array."""
    if hasattr(fitted, "feature_names_in_"):
        return list(fitted.feature_names_in_)
    return columns.array_names(fitted.n_features_in_)


def encoded(series: list[pl.Series], learned: list[Column], height: int) -> FloatArray:
    """Floats (height, columns) of selected series; numbers beyond the finite range of fit are put at its end."""
    out = np.empty((height, len(series)), order="F")
    for i, (values, column) in enumerate(zip(series, learned, strict=True)):
        if column.kind == "category":
            out[:, i] = columns.codes(values, column)
        else:
            out[:, i] = np.clip(columns.numbers(values, column), column.low, column.high)
    return out
