"""Compares tables whole: every row and every column, floats up to rounding noise."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from tests.laws.compiled import Row, sort_key


def same_value(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float | int):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)


def assert_same_rows(table: str, built: list[Row], expected: list[Row]) -> None:
    """Compare two tables whole, whatever the order of their rows."""
    if built == expected:
        return
    names = list(built[0]) if built else []
    for row in expected:
        assert not built or set(row) == set(names), set(row) ^ set(names)
    keys = sorted(({name: row[name] for name in names or row} for row in expected), key=sort_key)
    found = sorted(built, key=sort_key)
    differing = [
        {name: (left[name], right[name]) for name in left if not same_value(left[name], right[name])}
        | {"row": {name: left[name] for name in list(left)[:6]}}
        for left, right in zip(found, keys, strict=False)
        if any(not same_value(left[name], right[name]) for name in left)
    ]
    assert not differing, f"{table}: (left, right) differ in {differing}"
    assert len(found) == len(keys), f"{table}: left has {len(found)} rows, right {len(keys)}: {found}, {keys}"


def assert_same_tables(
    names: Iterable[str], left: Callable[[str], list[Row]], right: Callable[[str], list[Row]]
) -> None:
    """Compare two builds, table by table; each side is a function from a table's name to its rows."""
    for name in names:
        assert_same_rows(name, left(name), right(name))
