"""The event log of the sample: columns in, JSON text out, without a Python loop over events.

Deciding what happens belongs in the modules of the business; files, late arrivals and flaws come after.
Instants are decimal days since 1970 in UTC, here and everywhere in the sample.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.sample.ragged import Bools, Floats, Ints

DAY_MS = 86_400_000

SOURCES = {"content": "web", "inbound": "chat"}
"""Producing system of a type by its first word; where none is named, it is that word itself."""

Column = pl.Series | npt.NDArray[np.generic] | str | float | bool
"""Values of a field, one per event or the same for all. NaN, NaT, null and "" all mean: leave it out."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def _json_text(values: pl.Series) -> pl.Expr:
    if bool(values.str.contains(r'["\\\n\t]').any()):
        values = values.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    return pl.format('"{}"', pl.lit(values))


def _json_value(values: pl.Series) -> pl.Expr:
    dtype = values.dtype
    if dtype == pl.String:
        return _json_text(values)
    if isinstance(dtype, pl.List):
        return pl.format('["{}"]', pl.lit(values).list.join('","'))
    if isinstance(dtype, pl.Datetime):
        return pl.lit(values).dt.strftime('"%Y-%m-%dT%H:%M:%SZ"')
    if dtype == pl.Date:
        return pl.format('"{}"', pl.lit(values).cast(pl.String))
    return pl.lit(values).cast(pl.String)


def encode(columns: Mapping[str, pl.Series], height: int) -> pl.Series:
    r"""Encode columns as one JSON object per row; a null is left out.

    Parameters
    ----------
    columns
        Field name to values, all of length ``height``; text, numbers, truth values, dates, timestamps or
        lists of plain words.
    height
        Number of rows, which matters where no column is given.

    Examples
    --------
    >>> encode({"a": pl.Series([1, None]), "b": pl.Series(["x", 'y"'])}, 2).to_list()
    ['{"a":1,"b":"x"}', '{"b":"y\\""}']
    """
    if not columns or height == 0:
        return pl.Series("data", ["{}"] * height, dtype=pl.String)
    parts = [pl.format("{}{}", pl.lit(f'"{name}":'), _json_value(values)) for name, values in columns.items()]
    body = pl.concat_str(parts, separator=",", ignore_nulls=True)
    return pl.select(pl.format("{}{}{}", pl.lit("{"), body, pl.lit("}")).alias("data")).to_series()


def moments(at: Floats) -> pl.Series:
    """Turn instants into timestamps of whole seconds; NaN becomes null."""
    return (pl.Series(np.round(at * 86_400.0), nan_to_null=True).cast(pl.Int64) * 1000).cast(pl.Datetime("ms"))


def dates(at: Floats) -> pl.Series:
    """Turn instants into dates; NaN becomes null."""
    return pl.Series(np.floor(at), nan_to_null=True).cast(pl.Int32).cast(pl.Date)


def when(keep: Bools, values: Column) -> pl.Series:
    """Take ``values`` where ``keep`` holds and null elsewhere."""
    return pl.select(pl.when(pl.Series(keep)).then(pl.lit(as_series(values, len(keep))))).to_series()


def pick(choices: list[str], index: Ints) -> pl.Series:
    """Take the text at each position of ``index``; a negative position gives null."""
    # One more element, a null, stands for the negative positions; it also serves where there is no choice at all.
    return take(pl.Series([*choices, None], dtype=pl.String), np.where(index >= 0, index, len(choices)))


def take(series: pl.Series, index: Ints) -> pl.Series:
    """Take the element at each position of ``index``."""
    return series.gather(pl.Series(index))


def numbered(prefix: str, count: int, first: int = 1, digits: int = 6) -> pl.Series:
    """Return ``count`` identifiers such as ``L-000001``."""
    number = pl.int_range(first, first + count, eager=True).cast(pl.String).str.zfill(digits)
    return pl.select(pl.format("{}{}", pl.lit(prefix), pl.lit(number))).to_series()


def derived(template: str, *parts: pl.Series) -> pl.Series:
    """Return text made from ``template`` with one ``{}`` per part."""
    return pl.select(pl.format(template, *[pl.lit(part.cast(pl.String)) for part in parts])).to_series()


def as_series(values: Column, height: int) -> pl.Series:
    """Return ``values`` as a column of ``height``, with NaN and "" as null."""
    if isinstance(values, (str, bool, float, int)):
        return pl.select(pl.repeat(values, height)).to_series()
    series = values if isinstance(values, pl.Series) else pl.Series(values, nan_to_null=True)
    if len(series) != height:
        raise ValueError(f"a field has {len(series)} values where {height} events happen")
    return series


class EventLog:
    """Collects events; keeps those that happen inside the sample's window and drops the rest.

    Because what happens after the end is dropped here, the modules may live every life to its end.

    Parameters
    ----------
    start, end
        The window, end excluded.
    tag
        Begins every event id, so that events of two different samples never share one.
    """

    def __init__(self, start: float, end: float, tag: str) -> None:
        self.start, self.end = start, end
        self._tag = tag
        self._frames: list[pl.DataFrame] = []
        self._numbers: dict[str, int] = {}

    def emit(
        self,
        event_type: str,
        at: Floats,
        data: Mapping[str, Column],
        *,
        keep: Bools | None = None,
        source: str | None = None,
        tenant: str | pl.Series = "default",
        actor: str | pl.Series | None = None,
        utc_offset: int = 0,
    ) -> None:
        """Add one event per element of ``at``.

        Parameters
        ----------
        event_type
            Type from the catalogue.
        at
            When each happens; NaN for one that never does.
        data
            Fields; the first one is the subject.
        keep
            Which of them happen at all.
        source
            Producing system where it is not the type's own.
        tenant, actor
            Extension attributes of the envelope.
        utc_offset
            Hours east of UTC in which the producer writes its timestamps.
        """
        happens = (at >= self.start) & (at < self.end)
        if keep is not None:
            happens &= keep
        rows = pl.Series(np.flatnonzero(happens))
        height = len(rows)
        if not height:
            return
        fields: dict[str, pl.Series] = {}
        for name, values in data.items():
            series = as_series(values, len(at)).gather(rows)
            if series.dtype == pl.String:
                series = series.replace("", None)
            if series.null_count() < height:
                fields[name] = series
        first = self._numbers.get(event_type, 0)
        self._numbers[event_type] = first + height
        subject = fields[next(iter(data))]
        frame = pl.DataFrame(
            {
                "at": pl.Series(np.round(at[happens] * DAY_MS).astype(np.int64)),
                "type": as_series(event_type, height),
                "id": numbered(f"{self._tag}-{event_type}-", height, first, digits=1),
                "source": as_series(source or SOURCES.get(head := event_type.split(".")[0], head), height),
                "subject": subject.cast(pl.String),
                "tenantid": as_series(tenant, len(at)).gather(rows),
                "actor": pl.Series([None] * height, dtype=pl.String)
                if actor is None
                else as_series(actor, len(at)).gather(rows),
                "utc_offset": pl.repeat(utc_offset, height, dtype=pl.Int8, eager=True),
                "data": encode(fields, height),
            }
        )
        self._frames.append(frame)

    def frame(self) -> pl.DataFrame:
        """Return all events, in the order in which they were added."""
        return pl.concat(self._frames, rechunk=False)
