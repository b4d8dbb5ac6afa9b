"""``make bench``: ratios against baselines measured in the same run, alternating, the median of several rounds."""

import argparse
import math
import platform
import shutil
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks import measure
from benchmarks.data import EVENTS_PER_DEAL, write_log

WORK = "benchmarks.work"


def main() -> None:
    """Run the chosen parts and print a line of ratios for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", default=["ingest", "build", "runs"], help="ingest, build, runs, scaling")
    parser.add_argument("--events", type=int, default=5_000_000, help="events of the log")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of baseline and ours")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    call = " ".join(sys.argv[1:]) or "default"
    versions = f"DuckDB {duckdb.__version__}, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {options.threads} threads, {versions}: {call}")
    with tempfile.TemporaryDirectory(prefix="dealhouse-bench-") as folder:
        bench = Bench(Path(folder), options.events, options.rounds, options.threads)
        for part in options.parts:
            getattr(bench, part)()


class Bench:
    """The parts, on one log."""

    def __init__(self, folder: Path, events: int, rounds: int, threads: int) -> None:
        self.folder, self.events, self.rounds, self.threads = folder, events, rounds, threads
        self.log = write_log(folder / "events.ndjson", events)
        self.home = folder / "home"
        print(f"log: {events:,} events, {events // EVENTS_PER_DEAL:,} deals, {self.log.stat().st_size / 1e9:.2f} GB")

    def ingest(self) -> None:
        """Landing and ingestion against a bare read of the same file."""
        bare, ours = [], []
        for number in range(self.rounds):
            database = self.folder / f"bare-{number}.duckdb"
            bare.append(
                measure.run(WORK, "bare_read", path=str(self.log), database=str(database), threads=self.threads)
            )
            database.unlink()
            shutil.rmtree(self.home, ignore_errors=True)
            ours.append(measure.run(WORK, "take_in", path=str(self.log), home=str(self.home)))
            assert ours[-1].answer == self.events, ours[-1]
        _report("landing and ingestion", ours, bare, "bare read_json into a table", "at most 3")

    def build(self) -> None:
        """Full build of all models with all checks against one script for fact_deal and fact_sla."""
        self._ensure_home()
        bare, ours = [], []
        for number in range(self.rounds):
            ours.append(measure.run(WORK, "build_all", home=str(self.home)))
            database = self.folder / f"by-hand-{number}.duckdb"
            bare.append(measure.run(WORK, "by_hand", home=str(self.home), database=str(database), threads=self.threads))
        found = measure.run(WORK, "differences", home=str(self.home), database=str(database))
        print(f"rows that differ between the script and the models: {found.answer}")
        _report("full build of 33 models and their checks", ours, bare, "one hand-written SQL script", "at most 3")

    def runs(self) -> None:
        """A first run, one with nothing new, one with 1 % new events."""
        self._ensure_home()
        first = measure.run(WORK, "run_all", home=str(self.home))
        nothing = measure.run(WORK, "run_all", home=str(self.home))
        assert nothing.answer == "nothing", nothing
        full = measure.run(WORK, "build_all", home=str(self.home))
        more = write_log(self.folder / "more.ndjson", self.events // 100, first_deal=self.events // EVENTS_PER_DEAL)
        fresh = measure.run(WORK, "run_all", home=str(self.home), path=str(more))
        assert fresh.answer == "incremental", fresh
        print(f"first run {first.seconds:.1f} s; nothing new {nothing.seconds:.1f} s in process (target under 15)")
        share = (fresh.seconds - nothing.seconds) / full.seconds
        print(
            f"1 % new events: {fresh.seconds:.1f} s; less the fixed cost {share:.1%} of the full build's "
            f"{full.seconds:.1f} s (target at most 15 %)"
        )

    def scaling(self) -> None:
        """Exponent of the time of ingestion and of the full build from a tenth of the log to all of it."""
        times = {}
        for events in (self.events // 10, self.events):
            home = self.folder / f"home-{events}"
            log = write_log(self.folder / f"events-{events}.ndjson", events)
            taken = measure.run(WORK, "take_in", path=str(log), home=str(home))
            built = measure.run(WORK, "build_all", home=str(home))
            times[events] = taken.seconds + built.seconds
            print(f"{events:,} events: ingestion {taken.seconds:.1f} s, build {built.seconds:.1f} s, "
                  f"peak {max(taken.peak_gb, built.peak_gb):.2f} GB")  # fmt: skip
            shutil.rmtree(home)
            log.unlink()
        small, large = times
        exponent = math.log(times[large] / times[small]) / math.log(large / small)
        print(f"exponent from {small:,} to {large:,} events: {exponent:.2f} (target at most 1.1)")

    def _ensure_home(self) -> None:
        if not (self.home / "warehouse.duckdb").exists():
            measure.run(WORK, "take_in", path=str(self.log), home=str(self.home))


def _report(what: str, ours: list[measure.Measured], bare: list[measure.Measured], baseline: str, target: str) -> None:
    mine, theirs = (statistics.median(one.seconds for one in runs) for runs in (ours, bare))
    cpu = statistics.median(one.cpu_seconds for one in ours) / statistics.median(one.cpu_seconds for one in bare)
    print(
        f"{what}: {mine:.1f} s, {max(one.peak_gb for one in ours):.2f} GB; {baseline}: {theirs:.1f} s; "
        f"ratio {mine / theirs:.2f} (processor {cpu:.2f}; target {target})"
    )


if __name__ == "__main__":
    main()
