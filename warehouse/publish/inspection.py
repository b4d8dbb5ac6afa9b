"""Looks at finished DuckDB files from a process of its own: opens, counts, syncs and hashes them.

It has to be another process for two reasons. A file counts as published only if somebody else can open it. A
process that writes with DuckDB must never open such a file in another way, since that drops its lock. Run as
a program, this file does the looking; :func:`inspect` starts it. What is expected is not decided here.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

DUCKDB_SETTINGS = {"threads": "1", "autoload_known_extensions": "false"}


def inspect(paths: list[Path], *, count: bool = True) -> dict[str, dict[str, Any]]:
    """Open, count, sync and hash the files in another process.

    Parameters
    ----------
    count
        Whether to open them with DuckDB and count rows, besides hashing.

    Returns
    -------
    dict
        By file name: ``sha256``, ``bytes``, and with `count` also ``rows`` by ``schema.table`` and the
        ``publication`` row; or ``error``, a sentence, where the file could not be read.
    """
    question = json.dumps({"paths": [str(path) for path in paths], "count": count})
    # -P: the folder of this file must not become a place to import from.
    answer = subprocess.run(
        [sys.executable, "-P", __file__], input=question, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        error = answer.stderr.strip()[-500:] or f"the process that was to read it ended with code {answer.returncode}"
        return {path.name: {"error": error} for path in paths}
    result: dict[str, dict[str, Any]] = json.loads(answer.stdout)
    return result


def _look(path: Path, count: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if count:
        import duckdb

        with duckdb.connect(str(path), read_only=True, config=DUCKDB_SETTINGS) as con:
            tables = con.execute(
                "select schema_name, table_name from duckdb_tables() where not internal order by all"
            ).fetchall()
            found["rows"] = {f"{schema}.{table}": _count(con, schema, table) for schema, table in tables}
            publication = con.execute("select version, run_id from meta.publication").fetchall()
            found["publication"] = [list(row) for row in publication]
    with path.open("rb") as file:
        os.fsync(file.fileno())
        found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        found["bytes"] = os.fstat(file.fileno()).st_size
    return found


def _count(con: Any, schema: str, table: str) -> int:
    schema, table = schema.replace('"', '""'), table.replace('"', '""')
    row = con.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    return int(row[0])


def main() -> None:
    """Answer one question from standard input."""
    question = json.load(sys.stdin)
    answer = {}
    for name in question["paths"]:
        try:
            answer[Path(name).name] = _look(Path(name), question["count"])
        except Exception as error:
            answer[Path(name).name] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
