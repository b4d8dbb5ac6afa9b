"""A storm of publications, each publisher killed at a random instant, while readers load pages.

``python -m tests.publish.storm --publishes 100 --kills 100 --pages 10000`` runs it at length.
"""

import argparse
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.publish.readers import Readers, Seen
from warehouse.lock import writer_lock
from warehouse.publish import RunInfo, pointer, publish, verify_published, versions
from warehouse.recover import ensure_warehouse
from warehouse.settings import Settings
from warehouse.store import open_store

TABLES = ("facts.one", "facts.two", "marts.three", "marts.four", "contacts.five")


@dataclass
class Outcome:
    publishes: int
    kills: int
    seen: Seen
    problems: list[str]
    seconds: float


def publisher(root: Path, first: int) -> None:
    """Publish run after run; the number of rows of all tables is the number of the run."""
    settings = Settings(home=root, keep_published=2)
    pointer.GRACE = timedelta(0)  # readers must cope even when a version goes the moment it is replaced
    home = settings.layout()
    number = first
    while True:
        with writer_lock(home, "publish", wait_seconds=10):
            ensure_warehouse(home, settings)
            with open_store(home, settings) as con:
                con.execute("begin")
                for table in TABLES:
                    con.execute(f"create schema if not exists {table.split('.')[0]}")
                    con.execute(f"create or replace table {table} as select * from range({number * 10}) as r(i)")
                con.execute("commit")
            publish(home, settings, RunInfo(f"run-{number}", batch_id=number))
        print(number, flush=True)
        number += 1


def storm(root: Path, publishes: int, kills: int, pages: int, seed: int, readers: int = 2) -> Outcome:
    """Kill publishers until there were so many publications, kills and pages."""
    rng, settings = random.Random(seed), Settings(home=root)
    home = settings.layout()
    started, done, killed, problems = time.monotonic(), 0, 0, []

    def start() -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "tests.publish.storm", "--publisher", str(root), "--first", str(done + 1)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def next_publication(process: subprocess.Popen[str]) -> None:
        nonlocal done
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.stderr.read())
        done = int(line)

    process = start()
    next_publication(process)
    with Readers(home, readers) as reading:
        while done < publishes or killed < kills:
            if killed < kills:
                if rng.random() < publishes / (publishes + kills):
                    next_publication(process)
                time.sleep(rng.uniform(0, 0.6))
                process.kill()
                output, errors = process.communicate()
                problems += [errors] if errors else []
                done = max([done, *map(int, output.split())])
                killed += 1
                problems += whole(home)
                process = start()
            else:
                next_publication(process)
        next_publication(process)  # after the last kill there is a whole publication, without help
        while reading.pages() < pages:
            next_publication(process)
        process.kill()
        process.communicate()
    problems += verify_published(home)
    return Outcome(done, killed, reading.seen, problems, time.monotonic() - started)


def whole(home) -> list[str]:
    """Look at what a killed publisher left: the pointer must name a whole version that is written down."""
    target = (home.published / "current.duckdb").resolve()
    with duckdb.connect(str(target), read_only=True) as con:
        rows = con.execute("select version, row_count from meta.publication, meta.published_table").fetchall()
    known = {version.version for version in versions(home)}
    problems = [] if {row[0] for row in rows} == {target.stem} <= known else [f"{target} says {rows}"]
    return problems if len({row[1] for row in rows}) == 1 else [*problems, f"{target} mixes {rows}"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.publish.storm", description=__doc__)
    parser.add_argument("--publisher", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--publishes", type=int, default=100)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.publisher:
        publisher(options.publisher, options.first)
    with TemporaryDirectory() as folder:
        outcome = storm(Path(folder) / "home", options.publishes, options.kills, options.pages, options.seed)
    seen = outcome.seen
    print(
        f"{outcome.publishes} publications, {outcome.kills} kills, {seen.pages} pages over {len(seen.versions)} "
        f"versions, {len(seen.errors)} errors, {len(seen.mixed)} mixed, {len(outcome.problems)} problems, "
        f"{1000 * seen.cpu_seconds / max(1, seen.pages):.1f} ms CPU per page, {outcome.seconds:.0f} s"
    )
    for line in (seen.errors + seen.mixed + outcome.problems)[:20]:
        print(line)


if __name__ == "__main__":
    main()
