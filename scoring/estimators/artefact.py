"""An additive model as a document of numbers and text, and back; reading one checks everything and executes nothing."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from scoring.estimators.columns import KINDS, Column, Dropped, FloatArray
from scoring.estimators.tables import AdditiveTables, FeatureTable

SCHEMA = "dealhouse.additive"
SCHEMA_VERSION = 1
MAX_COLUMNS, MAX_ENTRIES, MAX_TEXT = 10_000, 100_000, 10_000
MAX_CONTRIBUTION = 1e4
"""Largest absolute contribution that is believed; log-odds of 40 are certainty already."""

_MODEL_KEYS = {"schema", "schema_version", "intercept", "classes", "names", "named", "dropped", "features"}
_COMMON_KEYS = {"name", "position", "kind", "has_missing", "missing"}
_CATEGORY_KEYS = _COMMON_KEYS | {"levels", "values", "has_unseen", "unseen"}
_NUMBER_KEYS = _COMMON_KEYS | {"text", "low", "high", "edges", "steps", "knots", "pieces"}


def to_dict(model: AdditiveTables) -> dict[str, Any]:
    """The model in values that JSON has: text, finite numbers, booleans, lists and dictionaries.

    Raises
    ------
    ValueError
        Where the classes are neither text, numbers nor booleans.
    """
    _classes(list(model.classes))
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "intercept": model.intercept,
        "classes": list(model.classes),
        "names": list(model.names),
        "named": model.named,
        "dropped": [{"name": d.name, "reason": d.reason} for d in model.dropped],
        "features": [_feature(table) for table in model.features],
    }


def _feature(table: FeatureTable) -> dict[str, Any]:
    column = table.column
    common = {
        "name": column.name,
        "position": column.position,
        "kind": column.kind,
        "has_missing": column.has_missing,
        "missing": table.missing,
    }
    if column.kind == "category":
        return {
            **common,
            "levels": list(column.levels),
            "values": table.values.tolist(),
            "has_unseen": column.has_unseen,
            "unseen": table.unseen,
        }
    return {
        **common,
        "text": column.text,
        "low": column.low,
        "high": column.high,
        "edges": table.edges.tolist(),
        "steps": table.steps.tolist(),
        "knots": table.knots.tolist(),
        "pieces": table.pieces.tolist(),
    }


def from_dict(document: Any) -> AdditiveTables:
    """Read a document of `to_dict`.

    Raises
    ------
    ValueError
        Where anything is missing, of another type, too long, not finite, out of bounds, not in order, or unknown.
    """
    model = _keys(document, _MODEL_KEYS, "model")
    if model["schema"] != SCHEMA or model["schema_version"] != SCHEMA_VERSION or model["schema_version"] is True:
        raise ValueError(f"not a document of schema {SCHEMA!r}, version {SCHEMA_VERSION}")
    names = [_text(name, "names") for name in _list(model["names"], "names", MAX_COLUMNS)]
    if len(set(names)) < len(names) or not names:
        raise ValueError("names: a name is there twice, or there is none")
    features = tuple(_read_feature(f, names) for f in _list(model["features"], "features", MAX_COLUMNS))
    dropped = tuple(_read_dropped(d) for d in _list(model["dropped"], "dropped", MAX_COLUMNS))
    if sorted([f.column.name for f in features] + [d.name for d in dropped]) != sorted(names):
        raise ValueError("features and dropped: each of the names must be in one of them, once")
    return AdditiveTables(
        intercept=_number(model["intercept"], "intercept", MAX_CONTRIBUTION),
        features=features,
        names=tuple(names),
        named=_boolean(model["named"], "named"),
        dropped=dropped,
        classes=_classes(_list(model["classes"], "classes", 2)),
    )


def _read_dropped(document: Any) -> Dropped:
    found = _keys(document, {"name", "reason"}, "dropped")
    return Dropped(_text(found["name"], "dropped: name"), _text(found["reason"], "dropped: reason"))


def _read_feature(document: Any, names: list[str]) -> FeatureTable:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"features: kind must be one of {', '.join(KINDS)}")
    found = _keys(document, _CATEGORY_KEYS if kind == "category" else _NUMBER_KEYS, "feature")
    name = _text(found["name"], "feature: name")
    position = found["position"]
    if type(position) is not int or not 0 <= position < len(names) or names[position] != name:
        raise ValueError(f"feature {name[:80]!r}: its position is not that of its name")
    missing = _number(found["missing"], f"{name}: missing", MAX_CONTRIBUTION)
    has_missing = _boolean(found["has_missing"], f"{name}: has_missing")
    if kind == "category":
        return _read_category(found, name, position, missing, has_missing)
    low, high = (_number(found[key], f"{name}: {key}") for key in ("low", "high"))
    if low > high:
        raise ValueError(f"{name}: low is above high")
    column = Column(
        name,
        position,
        kind,  # type: ignore[arg-type]  # is one of KINDS
        text=_boolean(found["text"], f"{name}: text"),
        low=low,
        high=high,
        has_missing=has_missing,
    )
    edges, steps = _rising(found["edges"], f"{name}: edges"), _numbers(found["steps"], f"{name}: steps")
    knots = _rising(found["knots"], f"{name}: knots")
    rows = [_numbers(row, f"{name}: pieces") for row in _list(found["pieces"], f"{name}: pieces", MAX_ENTRIES)]
    if len(steps) != len(edges) + 1 or len(rows) != max(0, len(knots) - 1) or len(knots) == 1:
        raise ValueError(f"{name}: there must be one step more than edges, and one piece less than knots")
    if any(len(row) != 4 for row in rows):
        raise ValueError(f"{name}: a piece has four coefficients")
    return FeatureTable(
        column, missing=missing, edges=edges, steps=steps, knots=knots, pieces=np.array(rows).reshape(-1, 4)
    )


def _read_category(found: dict[str, Any], name: str, position: int, missing: float, has_missing: bool) -> FeatureTable:
    levels = tuple(_text(level, f"{name}: levels") for level in _list(found["levels"], f"{name}: levels", MAX_ENTRIES))
    values = _numbers(found["values"], f"{name}: values")
    if len(values) != len(levels) or any(a >= b for a, b in pairwise(levels)):
        raise ValueError(f"{name}: levels must be sorted, each once, with one value each")
    column = Column(
        name,
        position,
        "category",
        levels=levels,
        has_missing=has_missing,
        has_unseen=_boolean(found["has_unseen"], f"{name}: has_unseen"),
    )
    unseen = _number(found["unseen"], f"{name}: unseen", MAX_CONTRIBUTION)
    return FeatureTable(column, missing=missing, unseen=unseen, values=values)


def _keys(value: Any, keys: set[str], where: str) -> dict[str, Any]:
    if type(value) is not dict or set(value) != keys:
        raise ValueError(f"{where}: expected a dictionary with the keys {', '.join(sorted(keys))}, and no other")
    return value


def _list(value: Any, where: str, longest: int) -> list[Any]:
    if type(value) is not list or len(value) > longest:
        raise ValueError(f"{where}: expected a list of at most {longest}")
    return value


def _text(value: Any, where: str) -> str:
    if type(value) is not str or len(value) > MAX_TEXT or "\0" in value:
        raise ValueError(f"{where}: expected text of at most {MAX_TEXT} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: text that is not Unicode") from None
    return value


def _boolean(value: Any, where: str) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{where}: expected true or false")
    return value


def _number(value: Any, where: str, largest: float = math.inf) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"{where}: expected a number")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{where}: the number is too large") from None
    if not math.isfinite(number) or abs(number) > largest:
        raise ValueError(f"{where}: expected a finite number of at most {largest:g}")
    return number


def _numbers(value: Any, where: str, largest: float = MAX_CONTRIBUTION) -> FloatArray:
    return np.array([_number(v, where, largest) for v in _list(value, where, MAX_ENTRIES)], dtype=np.float64)


def _rising(value: Any, where: str) -> FloatArray:
    found = _numbers(value, where, math.inf)
    if not (np.diff(found) > 0).all():
        raise ValueError(f"{where}: must rise from each to the next")
    return found


def _classes(value: list[Any]) -> tuple[Any, Any]:
    kinds = {type(v) for v in value}
    if len(value) != 2 or len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise ValueError("classes: expected two texts, two numbers or two booleans")
    if any(isinstance(v, float) and not math.isfinite(v) for v in value) or not value[0] < value[1]:
        raise ValueError("classes: expected finite values in rising order")
    for v in value:
        if isinstance(v, str):
            _text(v, "classes")
    return value[0], value[1]
