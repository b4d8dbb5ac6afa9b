"""Reading columns of any frame as numbers or as codes of levels, the same at fit, at predict and in SQL.

No scikit-learn here: a stored model is read by this module, numpy and polars alone.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Kind = Literal["number", "boolean", "date", "category"]
KINDS: tuple[str, ...] = get_args(Kind)

BLANKS = " \t\r\n"
"""Characters that are cut off both ends of a text; a text of nothing else is missing."""
NUMBER_PATTERN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?$"
PARSED_SHARE = 0.95
"""Share of the non-blank texts that must parse before a text column counts as numbers or dates."""
ID_SHARE, ID_LEVELS = 0.9, 20
"""A text column with more than this share of distinct values, and more than this many, tells rows apart: an id."""
RARE_ROWS = 10
"""Levels on fewer rows are pooled with those that were never seen."""
MAX_LEVELS = 200
"""Levels kept of one column, the most frequent; a histogram of boosting has room for 255."""
MICROSECONDS_PER_DAY = 86_400_000_000.0


@dataclass(frozen=True)
class Column:
    """How one column is read.

    Parameters
    ----------
    name, position
        Name of the column and its place among the columns of fit.
    kind
        ``number``; ``boolean`` (0 and 1); ``date`` (days since 1970-01-01 UTC, or days of a duration); ``category``.
    text
        Whether numbers or dates were given as text.
    levels
        Vocabulary of a category, sorted by code point; level i has the code i.
    low, high
        Smallest and largest finite value of fit (numbers, booleans, dates).
    has_missing, has_unseen
        Whether fit saw missing values, and levels that were too rare to keep: only then was something learned on them.
    """

    name: str
    position: int
    kind: Kind
    text: bool = False
    levels: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    has_missing: bool = False
    has_unseen: bool = False

    @property
    def missing_code(self) -> int:
        """Code of a missing category."""
        return len(self.levels)

    @property
    def unseen_code(self) -> int:
        """Code of a category that is not in the vocabulary, and of those pooled because they were rare."""
        return len(self.levels) + 1


@dataclass(frozen=True)
class Dropped:
    """A column that is not used, and why."""

    name: str
    reason: str


def is_frame(X: Any) -> bool:  # noqa: N803
    """Whether X is a polars or pandas frame (pandas is not imported to find out)."""
    return isinstance(X, pl.DataFrame) or (type(X).__module__.split(".")[0] == "pandas" and hasattr(X, "columns"))


def as_frame(X: Any) -> pl.DataFrame:  # noqa: N803
    """Return X, a frame or an array (n, p), as a polars frame; columns without text names are called x0, x1 and so on.

    Raises
    ------
    ValueError
        Where X is not two-dimensional, or two columns have the same name.
    """
    if isinstance(X, pl.DataFrame):
        return X
    if is_frame(X):
        names = [str(name) for name in X.columns]
        if not all(isinstance(name, str) for name in X.columns):
            names = array_names(len(names))
        if len(set(names)) < len(names):
            raise ValueError(f"columns with the same name: {sorted(n for n in set(names) if names.count(n) > 1)}")
        return pl.DataFrame([_of_pandas(name, X.iloc[:, i]) for i, name in enumerate(names)])
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"expected a frame or an array of two dimensions, got {array.ndim}. Reshape your data.")
    names = array_names(array.shape[1])
    return pl.DataFrame([_of_values(name, array[:, i]) for i, name in enumerate(names)])


def array_names(count: int) -> list[str]:
    """Names of the columns of an array."""
    return [f"x{i}" for i in range(count)]


def _of_pandas(name: str, values: Any) -> pl.Series:
    dtype = str(values.dtype)
    if dtype in ("object", "category"):
        plain = np.asarray(values.astype(object).where(values.notna(), None), dtype=object)
        if dtype == "category":
            # Categories of numbers are categories still, as whoever made them said.
            texts = [None if value is None else str(value) for value in plain]
            return pl.Series(name, texts, dtype=pl.String).cast(pl.Categorical)
        return _of_values(name, plain)
    converted: pl.Series = pl.from_pandas(values, nan_to_null=True)  # type: ignore[assignment]
    return converted.alias(name)


def _of_values(name: str, values: npt.NDArray[Any]) -> pl.Series:
    """A series of a numpy column; objects of mixed types become text, as a CSV file would hold them."""
    if values.dtype.kind == "f":
        return pl.Series(name, values.astype(np.float64), nan_to_null=True)
    if values.dtype.kind != "O":
        return pl.Series(name, values)
    plain = [None if _is_missing(value) else value for value in values.tolist()]
    types = {type(value) for value in plain if value is not None}
    if len(types) > 1:
        numeric = all(issubclass(t, (int, float, np.number)) and t is not bool for t in types)
        plain = [None if v is None else float(v) if numeric else str(v) for v in plain]
    try:
        return pl.Series(name, plain, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if v is None else str(v) for v in plain], dtype=pl.String)


def _is_missing(value: Any) -> bool:
    # NaN, NaT and NA are the values that do not equal themselves; NA has no truth value at all.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return bool(isinstance(value, (float, np.floating)) and value != value)


def select(frame: pl.DataFrame, columns: list[Column], known: list[str], *, named: bool) -> list[pl.Series]:
    """Return the series of the columns in use, by name, or by position for models of arrays.

    Raises
    ------
    ValueError
        Where a column in use is missing, where a named column was not there at fit, or where the count differs.
    """
    if not named:
        if frame.width != len(known):
            raise ValueError(f"X has {frame.width} features, but the model is expecting {len(known)} features as input")
        return [frame.to_series(column.position) for column in columns]
    missing = [column.name for column in columns if column.name not in frame.columns]
    unknown = [name for name in frame.columns if name not in set(known)]
    if missing or unknown:
        raise ValueError(
            "The feature names should match those that were passed during fit.\n"
            + (f"Feature names unseen at fit time: {unknown}\n" if unknown else "")
            + (f"Feature names seen at fit time, yet now missing: {missing}\n" if missing else "")
            + "Give the columns of fit (order does not matter; those that were dropped may be left out)."
        )
    return [frame.get_column(column.name) for column in columns]


def trimmed(series: pl.Series) -> pl.Series:
    """Text without blanks at its ends; null where nothing is left."""
    text = series if series.dtype == pl.String else series.cast(pl.String)
    text = text.str.strip_chars(BLANKS)
    return text.set(text == "", None)


def numbers(series: pl.Series, column: Column) -> FloatArray:
    """Values (n,) of a number, boolean or date column; NaN where missing or where a text does not parse.

    Raises
    ------
    ValueError
        Where the type of the series cannot be the kind of the column, such as dates for numbers.
    """
    dtype = series.dtype
    if column.kind == "date":
        return _days(series, column)
    if isinstance(dtype, (pl.String, pl.Categorical, pl.Enum)):
        text = trimmed(series)
        text = text.set(~text.str.contains(NUMBER_PATTERN), None)
        return _floats(text.cast(pl.Float64, strict=False))
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return _floats(series.cast(pl.Float64))
    raise ValueError(f"column {column.name!r} held {column.kind}s at fit and is {dtype} now; cast it as at fit")


def _floats(series: pl.Series) -> FloatArray:
    return np.asarray(series.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _days(series: pl.Series, column: Column) -> FloatArray:
    dtype = series.dtype
    if dtype == pl.String:
        series = parse_dates(series)
    elif dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    elif dtype == pl.Null:
        return np.full(len(series), np.nan)
    elif not isinstance(dtype, (pl.Datetime, pl.Duration)):
        raise ValueError(f"column {column.name!r} held dates at fit and is {dtype} now; cast it as at fit")
    unit = pl.Duration("us") if isinstance(dtype, pl.Duration) else pl.Datetime("us", getattr(dtype, "time_zone", None))
    return _floats(series.cast(unit).to_physical().cast(pl.Float64)) / MICROSECONDS_PER_DAY


def parse_dates(series: pl.Series) -> pl.Series:
    """ISO dates and times of a text column as UTC instants; null where a text is neither."""
    text = trimmed(series)
    text = text.set(~text.str.contains(DATE_PATTERN), None).str.replace("T", " ", literal=True)
    date = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    time = text.str.slice(11).str.to_time("%H:%M:%S%.f", strict=False).cast(pl.Duration("us"))
    only_date = text.str.len_chars() == 10
    return date + time.set(only_date, 0) if len(text) else date


def codes(series: pl.Series, column: Column) -> IntArray:
    """Codes (n,) of a category column: that of its level, `missing_code`, or `unseen_code`."""
    text = trimmed(series)
    code = text.cast(pl.Enum(column.levels), strict=False).to_physical().cast(pl.Int64)
    code = code.fill_null(column.unseen_code)
    return np.where(text.is_null().to_numpy(), column.missing_code, code.to_numpy()).astype(np.int64)


def learn(series: pl.Series, position: int) -> Column | Dropped:
    """Find out how a column is read, from the values of fit."""
    name, dtype = series.name, series.dtype
    if dtype == pl.Boolean:
        return _learn_numbers(series, Column(name, position, "boolean"))
    if dtype.is_numeric() or dtype == pl.Null:
        return _learn_numbers(series, Column(name, position, "number"))
    if isinstance(dtype, (pl.Date, pl.Datetime, pl.Duration)):
        return _learn_numbers(series, Column(name, position, "date"))
    if dtype == pl.String:
        text = trimmed(series).drop_nulls()
        if len(text) and text.str.contains(NUMBER_PATTERN).mean() >= PARSED_SHARE:  # type: ignore[operator]
            return _learn_numbers(series, Column(name, position, "number", text=True))
        if len(text) and parse_dates(text).is_not_null().mean() >= PARSED_SHARE:  # type: ignore[operator]
            return _learn_numbers(series, Column(name, position, "date", text=True))
    elif not isinstance(dtype, (pl.Categorical, pl.Enum)):
        return Dropped(name, f"values of type {dtype} are neither numbers, dates nor text")
    return _learn_levels(series, name, position)


def _learn_numbers(series: pl.Series, column: Column) -> Column | Dropped:
    values = numbers(series, column)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Dropped(column.name, "all values are missing")
    low, high = float(finite.min()), float(finite.max())
    has_missing = bool(np.isnan(values).any())
    if low == high and not has_missing:
        return Dropped(column.name, "constant")
    return Column(column.name, column.position, column.kind, column.text, (), low, high, has_missing)


def _learn_levels(series: pl.Series, name: str, position: int) -> Column | Dropped:
    text = trimmed(series).rename("level")
    counts = text.drop_nulls().value_counts(name="rows").sort(["rows", "level"], descending=[True, False])
    known, has_missing = int(counts["rows"].sum()), text.null_count() > 0
    if not known:
        return Dropped(name, "all values are missing")
    if len(counts) == 1 and not has_missing:
        return Dropped(name, "constant")
    if len(counts) > ID_LEVELS and len(counts) > ID_SHARE * known:
        return Dropped(name, f"an id: {len(counts)} distinct values on {known} rows")
    kept = counts.filter(pl.col("rows") >= RARE_ROWS).head(MAX_LEVELS)
    if not len(kept) and not has_missing:
        return Dropped(name, f"no level has {RARE_ROWS} rows or more")
    levels = tuple(sorted(kept.to_series(0).to_list()))
    return Column(name, position, "category", False, levels, 0.0, 0.0, has_missing, len(kept) < len(counts))
