"""Rows of one input become events: the compiled form of its blocks, applied to a chunk of rows.

Numbering, tables and files belong in ``mapping``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import polars as pl

from warehouse.sources.mapping.conditions import compile_condition
from warehouse.sources.mapping.rows import LINE, RECORD
from warehouse.sources.mapping.spec import Event, Hash, Input, Kind, Spec, Value
from warehouse.sources.mapping.values import FALSE, Compiled, Lookups, compile_value

SLOT = "i:slot"
"""0 for the row itself, then one per [[event]] in the order of the file."""

_ENVELOPE = ("id", "source", "time", "subject", "tenantid", "actor")
_UNQUOTED: tuple[Kind, ...] = ("number", "integer", "boolean")
EVENT_COLUMNS = (RECORD, LINE, SLOT, *_ENVELOPE, "type", "event", "content", "data")
REFUSED_COLUMNS = (RECORD, LINE, SLOT, "type", "reason", "message")


@dataclass(frozen=True)
class Mapped:
    """What a chunk became."""

    events: pl.DataFrame
    refused: pl.DataFrame
    skipped: int


class InputPlan:
    """The expressions of one input and its events, compiled once.

    Parameters
    ----------
    spec
        The mapping.
    one
        The input.
    columns
        The columns of its file, for ids that are a hash of the whole row.
    lookups
        The lookups, loaded.
    """

    def __init__(self, spec: Spec, one: Input, columns: Sequence[str], lookups: Lookups) -> None:
        self.computed = [(name, compile_value(value, lookups)) for name, value in one.computed]
        self.when = compile_condition(one.when)
        slots = {event.name: slot for slot, event in enumerate(spec.events, start=1)}
        self.events = [
            _EventPlan(event, slots[event.name], columns, lookups) for event in spec.events_of(one.name)
        ]

    def apply(self, frame: pl.DataFrame) -> Mapped:
        """Map a chunk: every row gives events, refusals, or is counted as skipped."""
        refused = []
        for name, compiled in self.computed:
            refused.append(_refusals(frame, compiled.failed, compiled.why, slot=0))
            frame = frame.filter(~compiled.failed).with_columns(compiled.text.alias(f"c:{name}"))
        refused.append(_refusals(frame, self.when.failed, self.when.why, slot=0))
        frame = frame.filter(~self.when.failed)
        rows = frame.height
        frame = frame.filter(self.when.text)
        wants = reduce(or_, [plan.when.text | plan.when.failed for plan in self.events], FALSE)
        wanted = int(frame.with_columns(wants.alias("i:wanted"))["i:wanted"].sum())
        events = []
        for plan in self.events:
            made, failed = plan.apply(frame)
            events.append(made)
            refused += failed
        return Mapped(
            pl.concat(events), pl.concat(refused), rows - int(wanted or 0) if frame.height else rows
        )


class _EventPlan:
    def __init__(self, event: Event, slot: int, columns: Sequence[str], lookups: Lookups) -> None:
        self.event, self.slot = event, slot
        self.when = compile_condition(event.when)
        hashed = event.id.take if isinstance(event.id.take, Hash) else None
        identity = event.id
        if hashed is not None and not hashed.columns:
            identity = replace(identity, take=Hash(tuple(columns)))
        values = dict(event.values()) | {"id": identity}
        self.compiled = {key: compile_value(value, lookups) for key, value in values.items()}
        for key in ("id", "source", "time"):
            self.compiled[key] = _required(self.compiled[key], values[key], key)
        self.outputs = self._outputs(values, hashed is not None)

    def _outputs(self, values: dict[str, Value], is_hashed: bool) -> list[pl.Expr]:
        null = pl.lit(None, dtype=pl.String)
        envelope = {key: self.compiled[key].text if key in self.compiled else null for key in _ENVELOPE}
        content = envelope["id"] if is_hashed else null
        if is_hashed:
            envelope["id"] = null
        fragments = [
            _fragment(key.removeprefix("data."), self.compiled[key].text, value.kind)
            for key, value in values.items()
            if key.startswith("data.")
        ]
        body = pl.concat_str(fragments, separator=",", ignore_nulls=True) if fragments else pl.lit("")
        return [
            *(expression.alias(key) for key, expression in envelope.items()),
            pl.lit(self.event.type).alias("type"),
            pl.lit(self.event.name).alias("event"),
            content.alias("content"),
            (pl.lit("{") + body + pl.lit("}")).alias("data"),
            pl.lit(self.slot, dtype=pl.Int64).alias(SLOT),
        ]

    def apply(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        undecided = _refusals(frame, self.when.failed, self.when.why, self.slot, self.event)
        wanted = frame.filter(self.when.text & ~self.when.failed)
        failed = reduce(or_, [compiled.failed for compiled in self.compiled.values()], FALSE)
        whys = [pl.when(compiled.failed).then(compiled.why) for compiled in self.compiled.values()]
        why = pl.concat_str(whys, separator=" ", ignore_nulls=True)
        made = wanted.with_columns(failed.alias("i:failed"))
        bad = _refusals(made, pl.col("i:failed"), why, self.slot, self.event)
        good = made.filter(~pl.col("i:failed")).with_columns(self.outputs).select(EVENT_COLUMNS)
        return good, [undecided, bad]


def _required(compiled: Compiled, value: Value, key: str) -> Compiled:
    columns = ", ".join(sorted(value.columns()))
    origin = f"column {columns} is empty" if columns else "it has no value"
    why = (
        f"{key}: an event needs it, and {origin}. "
        "Fall back with coalesce or default, or filter such rows with when."
    )
    missing = compiled.text.is_null() & ~compiled.failed
    said = pl.when(compiled.failed).then(compiled.why).otherwise(pl.lit(why))
    return Compiled(compiled.text, compiled.failed | missing, said)


def _refusals(
    frame: pl.DataFrame, failed: pl.Expr, why: pl.Expr, slot: int, event: Event | None = None
) -> pl.DataFrame:
    label = f'[[event]] "{event.name}", ' if event else ""
    return (
        frame.filter(failed)
        .with_columns(
            pl.lit(slot, dtype=pl.Int64).alias(SLOT),
            pl.lit(event.type if event else None, dtype=pl.String).alias("type"),
            pl.lit("unmappable_row").alias("reason"),
            (pl.lit(label) + why).alias("message"),
        )
        .select(REFUSED_COLUMNS)
    )


def _fragment(key: str, value: pl.Expr, kind: Kind) -> pl.Expr:
    """``"key":value`` as JSON; null where the value is empty, so that the field is left out."""
    if kind in _UNQUOTED:
        name = pl.DataFrame({"": [key]}).select(pl.struct("").struct.json_encode()).item()
        text = pl.lit(name.removeprefix('{"":').removesuffix("}") + ":") + value
    else:
        text = pl.struct(value.alias(key)).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
    return pl.when(value.is_not_null()).then(text)
