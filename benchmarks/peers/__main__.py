"""``make bench-peers``: Dealhouse beside its peers on the same data, in one run; times where the rows are equal."""

import argparse
import importlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.peers.bench import Absent, Bench, Result

PEERS = ("dlt", "postgres", "pandas", "lifetimes", "channel_attribution", "pm4py", "spark")
HEAD = (
    "| peer | task | Dealhouse | the peer | time | processor | memory | equal rows |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)
LEGEND = (
    "Each side: seconds by the clock without imports (from start to end of the process), seconds of the processor, "
    "peak GB. Ratios are Dealhouse over the peer."
)
ASK = """
import sys
from importlib import metadata
for name in sys.argv[1:]:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
"""


def main() -> int:
    """Run the chosen peers, print the report as each line is known, and return 1 where rows differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("peers", nargs="*", default=PEERS, help=", ".join(PEERS))
    parser.add_argument(
        "--events", type=int, default=200_000, help="events of the log and of the sample company, about"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both, alternating; medians are told")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--python", default=os.environ.get("DEALHOUSE_PEERS_PYTHON", sys.executable), help="interpreter of the peers"
    )
    options = parser.parse_args()
    unknown = set(options.peers) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    with tempfile.TemporaryDirectory(prefix="dealhouse-peers-") as folder:
        bench = Bench(Path(folder), options.events, options.rounds, options.threads, sys.executable, options.python)
        return report(bench, options.peers)


def report(bench: Bench, peers: Sequence[str]) -> int:
    """Print what is compared and how it ends."""
    modules = {name: importlib.import_module(f"benchmarks.peers.{name}") for name in peers}
    packages = sorted({package for module in modules.values() for package in module.PACKAGES})
    print(f"`python -m benchmarks.peers {' '.join(sys.argv[1:])}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB, load {os.getloadavg()[0]:.1f} at the "
        f"start; {bench.threads} threads, medians of {bench.rounds}"
    )
    ours = ", ".join(f"{name} {metadata.version(name)}" for name in ("duckdb", "dbt-core", "polars"))
    print(f"Dealhouse {metadata.version('dealhouse')} with Python {platform.python_version()}, {ours}")
    print(f"peers: {', '.join(_versions(bench.peers_python, packages))}\n\n{LEGEND}\n\n{HEAD}")
    results: list[Result] = []
    absent: list[Absent] = []
    for module in modules.values():
        for one in module.compare(bench):
            if isinstance(one, Absent):
                absent.append(one)
                print(f"| {one.peer} | {one.task} | did not run: {one.reason} | | | | | |", flush=True)
            else:
                results.append(one)
                print(line(one), flush=True)
    print()
    for text in remarks(results):
        print(f"- {text}")
    differing = sum(not one.is_equal for one in results)
    failed = sum(one.is_failure for one in absent)
    print(
        f"\n{len(results) - differing} equal, {differing} not equal, {len(absent)} did not run (of which {failed} "
        f"failed); load {os.getloadavg()[0]:.1f} at the end"
    )
    return 1 if differing or failed else 0


def remarks(results: Sequence[Result]) -> list[str]:
    """What either side does beyond the other, how much of ours is the models' own, and which rows differ."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in results:
        told.setdefault((one.peer, one.note), []).append(one.task)
    lines = [f"{peer} ({'; '.join(tasks)}): {note}." for (peer, note), tasks in told.items() if note]
    lines += [
        f"{one.peer} ({one.task}): ours ran {one.ours.answer['nodes']} models, seeds and checks; the models that are "
        f"compared took {one.ours.answer['seconds_of_models']:.2f} s of that."
        for one in results
        if isinstance(one.ours.answer, dict)
    ]
    return lines + [
        f"NOT EQUAL: {one.peer}, {one.task}: {one.differing} rows, such as {'; '.join(one.examples)}"
        for one in results
        if not one.is_equal
    ]


def line(one: Result) -> str:
    """A row of the table: without ratios where the rows are not the same, since then they say nothing."""
    sides = " | ".join(
        f"{side.seconds:.2f} s ({side.whole_seconds:.2f}), {side.cpu_seconds:.2f}, {side.peak_gb:.2f}"
        for side in (one.ours, one.theirs)
    )
    if not one.is_equal:
        return f"| {one.peer} | {one.task} | {sides} | | | | NO: {one.differing:,} of {one.rows:,} differ |"
    ratios = " | ".join(
        f"{getattr(one.ours, name) / getattr(one.theirs, name):.2f}" for name in ("seconds", "cpu_seconds", "peak_gb")
    )
    within = f", within {one.largest:.1g} (allowed {one.tolerance:.1g})" if one.tolerance else ""
    return f"| {one.peer} | {one.task} | {sides} | {ratios} | {one.rows:,}{within} |"


def _versions(python: str, packages: Sequence[str]) -> list[str]:
    asked = subprocess.run([python, "-c", ASK, *packages], capture_output=True, text=True, check=True)
    return asked.stdout.splitlines()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    sys.exit(main())
