"""Readers while runs publish: processor time of a page against an idle warehouse, and the time of a rollback.

``python -m benchmarks.pages``. What is called a page here opens the published file and asks five questions of marts of
a realistic size; it draws nothing, and keeps nothing between two calls as the dashboards do (``python -m benchmarks
dashboards`` measures those). Whether every page was whole is the matter of ``tests/publish``; what it costs is measured
here.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from warehouse.lock import writer_lock
from warehouse.publish import RunInfo, open_published, publish, rollback, versions
from warehouse.publish.pointer import point_to
from warehouse.settings import Settings
from warehouse.store import open_store

MART = """
create schema if not exists marts;
create or replace table marts.mart_{number} as
select i as deal_id, i % 12 as month, i % 40 as segment, hash(i, {run}) % 100000 / 7.0 as amount
from range(400000) as deals(i)
"""
"""Four of these make a file of some 13 MB, the size at which the designs of publishing were compared."""

QUESTIONS = (
    "select month, sum(amount) from marts.mart_1 group by month",
    "select segment, count(*), avg(amount) from marts.mart_2 group by segment",
    "select deal_id, amount from marts.mart_3 order by amount desc limit 50",
    "select count(*) from marts.mart_4 where amount > 5000",
    "select version from meta.publication",
)


def main() -> None:
    """Print the ratio of processor time of pages and the times of a hundred rollbacks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=600, help="pages of each kind")
    parser.add_argument("--rollbacks", type=int, default=100)
    parser.add_argument("--publisher", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publisher:
        _publish_without_end(options.publisher)
    with tempfile.TemporaryDirectory(prefix="dealhouse-pages-") as folder:
        settings = Settings(home=Path(folder) / "home", keep_published=5)
        for run in range(1, 6):
            _publish(settings, run)
        _pages(settings, options.pages)
        _rollbacks(settings, options.rollbacks)


def _publish(settings: Settings, run: int) -> None:
    home = settings.layout()
    home.root.mkdir(exist_ok=True)
    with writer_lock(home, "publish", wait_seconds=10):
        with open_store(home, settings) as con:
            for number in range(1, 5):
                con.execute(MART.format(number=number, run=run))
        publish(home, settings, RunInfo(f"run-{run}", batch_id=run))


def _publish_without_end(root: Path) -> None:
    settings, run = Settings(home=root, keep_published=5), 10
    while True:
        _publish(settings, run)
        run += 1


def _pages(settings: Settings, pages: int) -> None:
    """Idle and busy stretches take turns, so that whatever else the machine does falls on both."""
    cost: dict[str, list[float]] = {"idle": [], "busy": []}
    before = len(_all_published(settings))
    for _ in range(3):
        cost["idle"] += _load(settings, pages // 3)
        publisher = subprocess.Popen([sys.executable, "-m", "benchmarks.pages", "--publisher", str(settings.home)])
        time.sleep(3)  # it imports first
        cost["busy"] += _load(settings, pages // 3)
        publisher.kill()
        publisher.wait()
    published = len(_all_published(settings)) - before
    idle, busy = (sorted(cost[kind]) for kind in ("idle", "busy"))
    print(
        f"processor time of a page, {len(busy)} while {published} versions were published, {len(idle)} with nothing "
        f"else: median {statistics.median(busy):.1f} against {statistics.median(idle):.1f} ms, ratio "
        f"{statistics.median(busy) / statistics.median(idle):.2f}; 95th of 100 {_p95(busy):.1f} against "
        f"{_p95(idle):.1f} ms, ratio {_p95(busy) / _p95(idle):.2f} (target at most 1.15)"
    )


def _all_published(settings: Settings) -> list[str]:
    lines = (settings.layout().published / "manifest.ndjson").read_text().splitlines()
    return [line for line in lines if '"publish"' in line]


def _load(settings: Settings, pages: int) -> list[float]:
    """Milliseconds of processor time of this process, page by page."""
    home, took = settings.layout(), []
    for _ in range(pages):
        started = time.process_time()
        with open_published(home) as con:
            for question in QUESTIONS:
                con.execute(question).fetchall()
        took.append(1000 * (time.process_time() - started))
    return took


def _rollbacks(settings: Settings, number: int) -> None:
    home = settings.layout()
    names = [published.version for published in versions(home)]
    probe, synced, flips, whole = home.published / "probe", [], [], []
    for turn in range(number):
        started = time.perf_counter()
        with probe.open("w") as file:
            file.write("x")
            os.fsync(file.fileno())
        synced.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        point_to(home, names[turn % len(names)])
        flips.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        rollback(home, to=names[(turn + 1) % len(names)])
        whole.append(1000 * (time.perf_counter() - started))
        with open_published(home) as con:
            assert con.execute(QUESTIONS[-1]).fetchone() == (names[(turn + 1) % len(names)],)
    probe.unlink()
    flip, everything, one_byte = (_p95(sorted(times)) for times in (flips, whole, synced))
    print(
        f"{number} rollbacks, each seen by the next page; 95th of 100: the pointer {flip:.2f} ms (target 5), all "
        f"of it with the manifest {everything:.2f} ms; writing and syncing one byte on this disk {one_byte:.2f} ms"
    )


def _p95(ordered: list[float]) -> float:
    return ordered[int(0.95 * (len(ordered) - 1))]


if __name__ == "__main__":
    main()
