"""Rows of one input become events: the compiled form of its blocks, applied to a chunk of rows.

Numbering, tables and files belong in ``mapping``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from warehouse.sources.mapping.conditions import compile_condition
from warehouse.sources.mapping.records import LINE, RECORD
from warehouse.sources.mapping.spec import Constant, Event, Hash, Input, Kind, Spec, Value
from warehouse.sources.mapping.values import FALSE, Compiled, Lookups, Shared, any_of, compile_value, constant

SLOT = "i:slot"
"""0 for the row itself, then one per [[event]] in the order of the file."""

_ENVELOPE = ("id", "source", "time", "subject", "tenantid", "actor")
_UNQUOTED: tuple[Kind, ...] = ("number", "integer", "boolean")
_WITHOUT_ESCAPES: tuple[Kind, ...] = ("date", "timestamp")
NOTHING_REFUSED = pl.DataFrame(
    schema={
        RECORD: pl.Int64,
        LINE: pl.Int64,
        SLOT: pl.Int64,
        "type": pl.String,
        "reason": pl.String,
        "message": pl.String,
    }
)
"""What a refusal tells: the row, the [[event]] it should have become, and why it could not."""


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
        self.shared = Shared()
        self.events = [
            _EventPlan(event, slots[event.name], columns, lookups, self.shared) for event in spec.events_of(one.name)
        ]

    def apply(self, frame: pl.DataFrame) -> Mapped:
        """Map a chunk: every row gives events, refusals, or is counted as skipped."""
        refused = []
        for name, compiled in self.computed:
            bad = _refusals(frame, compiled.failed, compiled.why, slot=0)
            frame = frame if bad.is_empty() else frame.filter(~compiled.failed)
            frame = frame.with_columns(compiled.text.alias(f"c:{name}"))
            refused.append(bad)
        bad = _refusals(frame, self.when.failed, self.when.why, slot=0)
        frame = frame if bad.is_empty() else frame.filter(~self.when.failed)
        refused.append(bad)
        rows = frame.height
        frame = frame.filter(self.when.text).with_columns(self.shared.columns())
        wants = any_of(one for plan in self.events for one in (plan.when.text, plan.when.failed))
        wanted = int(frame.with_columns(wants.alias("i:wanted"))["i:wanted"].sum())
        events = []
        for plan in self.events:
            made, failed = plan.apply(frame)
            events.append(made)
            refused += failed
        return Mapped(pl.concat(events), pl.concat(refused), rows - wanted)


class _EventPlan:
    def __init__(self, event: Event, slot: int, columns: Sequence[str], lookups: Lookups, shared: Shared) -> None:
        self.event, self.slot = event, slot
        self.when = compile_condition(event.when, shared)
        hashed = event.id.take if isinstance(event.id.take, Hash) else None
        identity = event.id
        if hashed is not None and not hashed.columns:
            identity = replace(identity, take=Hash(tuple(columns)))
        values = dict(event.values()) | {"id": identity}
        compiled = {key: compile_value(value, lookups, shared) for key, value in values.items()}
        for key in ("id", "source", "time"):
            compiled[key] = _required(compiled[key], values[key], key)
        failing = {key: one for key, one in compiled.items() if one.failed is not FALSE}
        # Each value is computed once, with its failure; sentences only for the rows that failed.
        self.computed = [
            *(one.text.alias(f"v:{key}") for key, one in compiled.items()),
            *(one.failed.alias(f"f:{key}") for key, one in failing.items()),
        ]
        self.failed = any_of(pl.col(f"f:{key}") for key in failing)
        whys = [pl.when(pl.col(f"f:{key}")).then(one.why) for key, one in failing.items()]
        self.why = pl.concat_str(whys, separator=" ", ignore_nulls=True)
        self.outputs = self._outputs(values, is_hashed=hashed is not None)

    def _outputs(self, values: dict[str, Value], *, is_hashed: bool) -> list[pl.Expr]:
        null = pl.lit(None, dtype=pl.String)
        envelope = {key: pl.col(f"v:{key}") if key in values else null for key in _ENVELOPE}
        content = envelope["id"] if is_hashed else null
        if is_hashed:
            envelope["id"] = null
        fragments = [
            _fragment(key.removeprefix("data."), pl.col(f"v:{key}"), value)
            for key, value in values.items()
            if key.startswith("data.")
        ]
        body = pl.concat_str(fragments, separator=",", ignore_nulls=True) if fragments else pl.lit("")
        return [
            pl.col(RECORD),
            pl.col(LINE),
            pl.lit(self.slot, dtype=pl.Int64).alias(SLOT),
            *(expression.alias(key) for key, expression in envelope.items()),
            pl.lit(self.event.type).alias("type"),
            pl.lit(self.event.name).alias("event"),
            content.alias("content"),
            (pl.lit("{") + body + pl.lit("}")).alias("data"),
        ]

    def apply(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        undecided = _refusals(frame, self.when.failed, self.when.why, self.slot, self.event)
        decided = frame if self.when.failed is FALSE else frame.filter(~self.when.failed)
        made = decided.filter(self.when.text).with_columns(self.computed)
        bad = _refusals(made, self.failed, self.why, self.slot, self.event)
        good = made if bad.is_empty() else made.filter(~self.failed)
        return good.select(self.outputs), [undecided, bad]


def _required(compiled: Compiled, value: Value, key: str) -> Compiled:
    columns = ", ".join(sorted(value.columns()))
    origin = f"column {columns} is empty" if columns else "it has no value"
    why = f"{key}: an event needs it, and {origin}. Fall back with coalesce or default, or filter such rows with when."
    missing = compiled.text.is_null() & ~compiled.failed
    said = pl.when(compiled.failed).then(compiled.why).otherwise(pl.lit(why))
    return Compiled(compiled.text, any_of([compiled.failed, missing]), said)


def _refusals(
    frame: pl.DataFrame, failed: pl.Expr, why: pl.Expr, slot: int, event: Event | None = None
) -> pl.DataFrame:
    if failed is FALSE or frame.is_empty():
        return NOTHING_REFUSED
    label = f'[[event]] "{event.name}", ' if event else ""
    return (
        frame.filter(failed)
        .with_columns(
            pl.lit(slot, dtype=pl.Int64).alias(SLOT),
            pl.lit(event.type if event else None, dtype=pl.String).alias("type"),
            pl.lit("unmappable_row").alias("reason"),
            (pl.lit(label) + why).alias("message"),
        )
        .select(NOTHING_REFUSED.columns)
    )


def _fragment(key: str, value: pl.Expr, made: Value) -> pl.Expr:
    """``"key":value`` as JSON; null where the value is empty, so that the field is left out."""
    name = f"{json.dumps(key, ensure_ascii=False)}:"
    if isinstance(made.take, Constant) and isinstance(text := constant(made, made.take.text), str):
        return pl.lit(name + (text if made.kind in _UNQUOTED else json.dumps(text, ensure_ascii=False)))
    if made.kind in _UNQUOTED:
        return pl.lit(name) + value
    if made.kind in _WITHOUT_ESCAPES:
        return pl.lit(name + '"') + value + pl.lit('"')
    text_of = pl.struct(value.alias(key)).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
    return pl.when(value.is_not_null()).then(text_of)
