"""The judge of the comparisons with other tools: equal rows are never told unequal, nor unequal ones equal."""

from pathlib import Path

import duckdb
import pytest

from benchmarks.peers.equal import compare

ROWS = [("a", 1, 1.5, "x"), ("b", 2, None, None), ("c", 3, -3.0, "z")]


def told(folder: Path, theirs: str, tolerance: float = 0.0, ours: str | None = None) -> dict[str, object]:
    paths = []
    for name, query in (("ours", ours or table(ROWS)), ("theirs", theirs)):
        paths.append(str(folder / f"{name}.parquet"))
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute(f"copy ({query}) to '{paths[-1]}' (format parquet)")
    return compare(*paths, ["id"], tolerance)


def table(rows: list[tuple[object, ...]], types: tuple[str, ...] = ("varchar", "bigint", "double", "varchar")) -> str:
    written = ", ".join(
        "(" + ", ".join("null" if value is None else repr(value) for value in row) + ")" for row in rows
    )
    cast = ", ".join(
        f"cast({name} as {kind}) as {name}" for name, kind in zip(("id", "n", "v", "t"), types, strict=True)
    )
    return f"select {cast} from (values {written}) as given (id, n, v, t)"


def test_the_same_rows_are_equal_in_any_order_of_rows_and_columns_and_in_wider_types(tmp_path: Path) -> None:
    found = told(tmp_path, table(ROWS[::-1]))
    assert (found["rows"], found["differing"], found["largest"], found["examples"]) == (3, 0, 0.0, [])
    assert told(tmp_path, f"select t, v, n, id from ({table(ROWS)})")["differing"] == 0
    wider = table(ROWS, ("varchar", "double", "double", "varchar"))
    assert told(tmp_path, wider)["differing"] == 0
    zoned = "select 'a' as id, timestamptz '2026-01-01 02:00:00+02' as at"
    assert told(tmp_path, zoned, ours="select 'a' as id, timestamp '2026-01-01' as at")["differing"] == 0


@pytest.mark.parametrize(
    ("rows", "differing"),
    [
        ([*ROWS[:2], ("c", 3, -3.0, "y")], 1),
        ([*ROWS[:2], ("c", 4, -3.0, "z")], 1),
        ([*ROWS[:2], ("c", 3, -3.000001, "z")], 1),
        ([ROWS[0], ("b", 2, 0.0, None), ROWS[2]], 1),
        ([ROWS[0], ("b", 2, None, ""), ROWS[2]], 1),
        (ROWS[:2], 1),
        ([*ROWS, ("d", 4, 1.0, "w")], 1),
        ([*ROWS, ROWS[0]], 1),
        ([*ROWS, (None, 4, 1.0, "w")], 1),
        ([("d", 1, 1.5, "x"), *ROWS[1:]], 2),
        ([("a", 9, 1.5, "x"), ("b", 9, None, None), ("c", 9, -3.0, "z")], 3),
    ],
    ids=[
        *(
            "text",
            "whole number",
            "fraction",
            "null against zero",
            "null against empty",
            "missing",
            "too many",
            "twice",
        ),
        *("without a key", "another key", "all"),
    ],
)
def test_each_way_to_differ_is_told(tmp_path: Path, rows: list[tuple[object, ...]], differing: int) -> None:
    assert told(tmp_path, table(rows))["differing"] == differing


def test_only_fractions_have_a_tolerance_a_share_of_the_larger_or_of_one(tmp_path: Path) -> None:
    ours = table([("a", 1000, 1000.0, "x"), ("b", 1, 0.001, "x")])
    near = table([("a", 1000, 1000.9, "x"), ("b", 1, 0.0015, "x")])
    assert told(tmp_path, near, 1e-3, ours)["differing"] == 0
    assert told(tmp_path, near, 1e-3, ours)["largest"] == pytest.approx(0.9 / 1000.9)
    assert told(tmp_path, near, 1e-4, ours)["differing"] == 2
    assert told(tmp_path, near, 5e-4, ours)["differing"] == 1
    counted = table([("a", 1001, 1000.0, "x"), ("b", 1, 0.001, "x")])
    assert told(tmp_path, counted, 0.5, ours)["differing"] == 1
    missing = table([("a", 1000, None, "x"), ("b", 1, 0.001, "x")])
    assert told(tmp_path, missing, 0.5, ours)["differing"] == 1


def test_what_cannot_be_compared_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="columns differ"):
        told(tmp_path, "select 'a' as id, 1 as n")
    with pytest.raises(ValueError, match="nothing was compared"):
        told(tmp_path, f"select * from ({table(ROWS)}) limit 0", ours=f"select * from ({table(ROWS)}) limit 0")
