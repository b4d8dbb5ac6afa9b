"""Judges the data of a staged batch by its shape: which keys it has, and of which JSON types.

There are few shapes, however many rows. Each is judged once by its contract; values are a matter for
:mod:`warehouse.ingest.values`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import polars as pl

from warehouse import contracts
from warehouse.contracts import EventContract
from warehouse.ingest import envelope

# json_structure would tell it all at once, but takes four times as long, and breaks the engine on data that is
# nested deeply.
_KEYS_AND_TYPES = "json_keys(data), json_type(data, '$.*')"


@dataclass
class Shapes:
    """What the shapes of a batch showed."""

    drift: list[tuple[str, str, str]] = field(default_factory=list)
    """Unknown fields, as (event type, field, JSON type)."""
    value_fields: dict[type[EventContract], list[str]] = field(default_factory=dict)
    """Fields whose values remain to be judged."""


@dataclass(frozen=True)
class _Verdict:
    """Why all rows of a type, or of a type and shape, are refused."""

    event_type: str
    keys: list[str] | None
    types: list[str] | None
    reason: str
    message: str


def refuse(con: duckdb.DuckDBPyConnection) -> Shapes:
    """Note rows of unknown type or wrong shape in ``refused``; return what else the shapes showed."""
    shapes = Shapes()
    refused: list[_Verdict] = []
    wanted: dict[type[EventContract], set[str]] = {}
    lists: dict[str, set[type[EventContract]]] = {}
    unknown: set[str] = set()
    for event_type, keys, types in _distinct(con):
        contract = contracts.get(event_type)
        if contract is None:
            unknown.add(event_type)
            continue
        kinds = {key: _shape(kind) for key, kind in zip(keys, types, strict=True)}
        verdict = contract.check_shape(kinds)
        problem = _repeated_key(keys) or next(((one.reason, one.sentence) for one in verdict.problems), None)
        if problem:
            refused.append(_Verdict(event_type, keys, types, *problem))
            continue
        shapes.drift += [(event_type, name, kind) for name, kind in verdict.unknown if kind != "null"]
        wanted.setdefault(contract, set()).update(verdict.value_fields)
        for spec in contract.fields():
            if spec.kind == "text_list" and isinstance(kinds.get(spec.name), list):
                lists.setdefault(spec.name, set()).add(contract)
    _refuse_types(con, sorted(unknown))
    _refuse_shapes(con, refused)
    for name, holders in sorted(lists.items()):
        _refuse_lists(con, name, holders)
    for contract, names in wanted.items():
        shapes.value_fields[contract] = [spec.name for spec in contract.value_fields() if spec.name in names]
    return shapes


def _distinct(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[str], list[str]]]:
    found = con.execute(
        f"select distinct event_type, {_KEYS_AND_TYPES} from staged where event_type is not null order by all"
    ).fetchall()
    yield from found


def _shape(json_type: str) -> object:
    # What is in a list is looked at apart; what is in an object matters to no contract.
    return {"ARRAY": ["VARCHAR"], "OBJECT": {}}.get(json_type, json_type)


def _repeated_key(keys: list[str]) -> tuple[str, str] | None:
    if len(set(keys)) == len(keys):
        return None
    key = next(key for number, key in enumerate(keys) if key in keys[:number])
    return (
        "malformed_json",
        f"data holds the key {envelope.shown(key)} more than once, and readers differ in which one they take. "
        "Send each key once.",
    )


def _refuse_types(con: duckdb.DuckDBPyConnection, unknown: list[str]) -> None:
    if not unknown:
        return
    frame = pl.DataFrame({"event_type": unknown, "message": [envelope.unknown_type(name) for name in unknown]})
    con.register("unknown_types", frame.to_arrow())
    con.execute(
        "insert into refused select row_number, 1, 'unknown_type', message from staged inner join unknown_types "
        "using (event_type)"
    )
    con.unregister("unknown_types")


def _refuse_shapes(con: duckdb.DuckDBPyConnection, refused: list[_Verdict]) -> None:
    if not refused:
        return
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "event_type": pl.String,
        "keys": pl.List(pl.String),
        "types": pl.List(pl.String),
        "reason": pl.String,
        "message": pl.String,
    }
    con.register("refused_shapes", pl.DataFrame([vars(one) for one in refused], schema=schema).to_arrow())
    con.execute(
        "insert into refused select row_number, 2, reason, message from staged inner join refused_shapes as shape "
        "on staged.event_type = shape.event_type and json_keys(data) = shape.keys "
        "and json_type(data, '$.*') = shape.types"
    )
    con.unregister("refused_shapes")


def _refuse_lists(con: duckdb.DuckDBPyConnection, name: str, holders: set[type[EventContract]]) -> None:
    """Refuse rows in which a list of texts holds something else."""
    rows = [
        (contract.type, problem.reason, problem.sentence)
        for contract in holders
        for problem in contract.check_shape({name: ["JSON"]}).problems
        if problem.field == name
    ]
    frame = pl.DataFrame(rows, schema=["event_type", "reason", "message"], orient="row")
    con.register("list_holders", frame.to_arrow())
    con.execute(
        "insert into refused select row_number, 2, reason, message from staged inner join list_holders "
        "using (event_type) where not list_has_all(['VARCHAR', 'NULL'], json_type(data, ?)) "
        "and row_number not in (select row_number from refused)",
        [f'$."{name}"[*]'],
    )
    con.unregister("list_holders")
