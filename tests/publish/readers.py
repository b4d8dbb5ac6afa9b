"""Readers that load pages of the published file without a pause, and report every page that was not one whole.

Run as a program: ``python -m tests.publish.readers HOME PROGRESS PAUSE``. It reads until its standard input ends,
keeping the number of pages in the file PROGRESS, then prints what it saw as JSON.
"""

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse.publish import open_published
from warehouse.settings import Home


@dataclass
class Seen:
    """What readers saw."""

    pages: int = 0
    versions: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0


def load_page(home: Home, seen: Seen) -> None:
    """Load one page: several statements over one connection, which must all tell of one run."""
    with open_published(home) as con:
        first = publication(con)
        promised = dict(
            con.execute("select schema_name || '.' || table_name, row_count from meta.published_table").fetchall()
        )
        for table, rows in promised.items():
            schema, name = (part.replace('"', '""') for part in table.split(".", 1))
            counted = con.execute(f'select count(*) from "{schema}"."{name}"').fetchone()
            if counted != (rows,):
                seen.mixed.append(f"{first}: {table} has {counted} rows, {rows} were published")
        if publication(con) != first:
            seen.mixed.append(f"{first} turned into {publication(con)} within a page")
        seen.versions.add(first[0])
    seen.pages += 1


def publication(con: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    rows = con.execute("select version, run_id from meta.publication").fetchall()
    assert len(rows) == 1, rows
    return rows[0]


class Readers:
    """Reader processes, from the start of the block to its end; afterwards :attr:`seen` is what they saw."""

    def __init__(self, home: Home, number: int, pause: float = 0.005) -> None:
        self.home, self.pause = home, pause
        self.progress = [home.root.with_name(f"{home.root.name}-reader-{i}") for i in range(number)]
        self.seen = Seen()

    def __enter__(self) -> "Readers":
        arguments = [sys.executable, "-m", "tests.publish.readers", str(self.home.root)]
        self.processes = [
            subprocess.Popen(
                [*arguments, str(path), str(self.pause)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for path in self.progress
        ]
        return self

    def pages(self) -> int:
        """Count the pages that were loaded so far, more or less."""
        return sum(int(path.read_text() or 0) for path in self.progress if path.exists())

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            answer = json.loads(process.communicate("")[0])
            self.seen.pages += answer["pages"]
            self.seen.versions |= set(answer["versions"])
            self.seen.errors += answer["errors"]
            self.seen.mixed += answer["mixed"]
            self.seen.cpu_seconds += answer["cpu_seconds"]


def main() -> None:
    home, progress, seen = Home(Path(sys.argv[1])), Path(sys.argv[2]), Seen()
    started = time.process_time()
    while not select.select([sys.stdin], [], [], float(sys.argv[3]))[0]:
        try:
            load_page(home, seen)
        except Exception as error:
            seen.errors.append(f"{type(error).__name__}: {error}")
        if seen.pages % 10 == 0:
            progress.write_text(str(seen.pages))
    seen.cpu_seconds = time.process_time() - started
    json.dump({**seen.__dict__, "versions": sorted(seen.versions)}, sys.stdout)


if __name__ == "__main__":
    main()
