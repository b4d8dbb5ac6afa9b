"""Whether two tables hold the same rows: what has to be shown before the time that they took is worth a word."""

from collections.abc import Sequence
from typing import Any

FLOATING = ("FLOAT", "DOUBLE", "DECIMAL")


def compare(ours: str, theirs: str, keys: Sequence[str], tolerance: float) -> dict[str, Any]:
    """Compare two Parquet files cell by cell.

    Parameters
    ----------
    ours, theirs
        Paths. Columns may be in any order; their names have to be the same.
    keys
        Columns that tell a row, on both sides.
    tolerance
        By how much numbers with a fraction may differ, as a share of the larger one or of 1 where both are smaller.
        0 asks for equal ones. All else has to be equal, nulls included.

    Returns
    -------
    dict
        ``rows`` of ours; ``differing`` rows: missing on one side, there twice, without a key, or with another value;
        ``largest``, the largest difference of two numbers, as a share like the tolerance; up to three ``examples``.

    Raises
    ------
    ValueError
        If the columns are not the same, or neither side has a row.
    """
    import duckdb

    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"create view ours as from read_parquet('{ours}')")
        con.execute(f"create view theirs as from read_parquet('{theirs}')")
        mine, other = (
            {name: kind for name, kind, *_ in con.execute(f"describe {side}").fetchall()} for side in ("ours", "theirs")
        )
        if mine.keys() != other.keys() or not set(keys) <= mine.keys():
            raise ValueError(f"the columns differ: {sorted(mine)} and {sorted(other)}, told apart by {list(keys)}")
        rows, theirs_count = (int(_one(con, f"select count(*) from {side}")) for side in ("ours", "theirs"))
        if not rows and not theirs_count:
            raise ValueError("nothing was compared: neither side has a row")
        named = ", ".join(f'"{key}"' for key in keys)
        complete = " and ".join(f'"{key}" is not null' for key in keys)
        # Rows whose key is shared or missing cannot be matched: each beyond the first of its key differs.
        surplus = sum(
            int(_one(con, f"select count(*) - count(distinct ({named})) filter ({complete}) from {side}"))
            for side in ("ours", "theirs")
        )
        for side in ("ours", "theirs"):
            con.execute(
                f"create table {side}_told as select *, true as is_there from (select *, row_number() over (partition "
                f"by {named}) as copy from {side} where {complete}) where copy = 1"
            )
        values = [name for name in mine if name not in keys]
        floating = {name for name in values if any(kind.startswith(FLOATING) for kind in (mine[name], other[name]))}
        unlike = ["a.is_there is null", "b.is_there is null"]
        unlike += [_unlike(name, tolerance if name in floating else None) for name in values]
        matched = f"ours_told as a full join theirs_told as b using ({named}) where {' or '.join(unlike)}"
        found = con.execute(f"select count(*) from {matched}").fetchall()[0][0]
        shown = ", ".join([named, *(f'a."{name}", b."{name}"' for name in values)])
        examples = con.execute(f"select {shown} from {matched} limit 3").fetchall() if found else []
        gaps = [f"max({_gap(name)})" for name in floating]
        both = f"ours_told as a join theirs_told as b using ({named})"
        largest = con.execute(f"select {', '.join(gaps)} from {both}").fetchall()[0] if gaps else ()
    return {
        "rows": rows,
        "differing": int(found) + surplus,
        "largest": max((float(gap) for gap in largest if gap is not None), default=0.0),
        "examples": [str(row) for row in examples],
    }


def _gap(name: str) -> str:
    a, b = f'cast(a."{name}" as double)', f'cast(b."{name}" as double)'
    return f"abs({a} - {b}) / greatest(1, abs({a}), abs({b}))"


def _unlike(name: str, tolerance: float | None) -> str:
    differs = f'a."{name}" is distinct from b."{name}"'
    return differs if tolerance is None else f"({differs} and not coalesce({_gap(name)} <= {tolerance!r}, false))"


def _one(con: Any, query: str) -> Any:
    return con.execute(query).fetchall()[0][0]
