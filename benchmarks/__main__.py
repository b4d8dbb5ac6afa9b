"""``make bench``: ratios against baselines measured in the same run, alternating, the median of several rounds."""

import argparse
import math
import platform
import shutil
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import duckdb

from benchmarks import collector, measure
from benchmarks.dashboards import report
from benchmarks.data import EVENTS_PER_DEAL, write_log

WORK = "benchmarks.work"


def main() -> None:
    """Run the chosen parts and print a line of ratios for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        default=["ingest", "build", "runs", "marts"],
        help="ingest, build, runs, marts, scaling, writeback, collector, dashboards",
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the collector is under each load")
    parser.add_argument("--events", type=int, default=5_000_000, help="events of the log")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of baseline and ours")
    parser.add_argument("--rows", type=int, default=100_000, help="rows that are written back")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    call = " ".join(sys.argv[1:]) or "default"
    versions = f"DuckDB {duckdb.__version__}, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {options.threads} threads, {versions}: {call}")
    with tempfile.TemporaryDirectory(prefix="dealhouse-bench-") as folder:
        bench = Bench(Path(folder), options.events, options.rounds, options.threads, options.rows, options.seconds)
        for part in options.parts:
            getattr(bench, part)()


class Bench:
    """The parts, on one log."""

    def __init__(
        self, folder: Path, events: int, rounds: int, threads: int, rows: int = 100_000, seconds: float = 20.0
    ) -> None:
        self.rows = rows
        self.folder, self.events, self.rounds, self.threads = folder, events, rounds, threads
        self.seconds = seconds
        self.home = folder / "home"

    @cached_property
    def log(self) -> Path:
        """The log of deals, written when a part first asks for it."""
        path = write_log(self.folder / "events.ndjson", self.events)
        deals = self.events // EVENTS_PER_DEAL
        print(f"log: {self.events:,} events, {deals:,} deals, {path.stat().st_size / 1e9:.2f} GB")
        return path

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

    def writeback(self) -> None:
        """Changed leads to a PostgreSQL server of its own, against a bare COPY of the same rows."""
        from benchmarks.writeback import compare

        print(compare(self.folder, self.rows, self.rounds))

    def build(self) -> None:
        """Full builds with all checks, of deals and timers and of all models, against one script for both facts."""
        self._ensure_home()
        bare, deals, everything = [], [], []
        for number in range(self.rounds):
            everything.append(measure.run(WORK, "build_all", home=str(self.home)))
            deals.append(measure.run(WORK, "build_spine", home=str(self.home), with_marts=True))
            database = self.folder / f"by-hand-{number}.duckdb"
            bare.append(measure.run(WORK, "by_hand", home=str(self.home), database=str(database), threads=self.threads))
        found = measure.run(WORK, "differences", home=str(self.home), database=str(database))
        print(f"rows that differ between the script and the models: {found.answer}")
        _report("full build of the facts and marts of deals", deals, bare, "one hand-written SQL script", "at most 3")
        _report("full build of all models", everything, bare, "one hand-written SQL script", "no target of its own")

    def runs(self) -> None:
        """A run with nothing new, with one new deal (the fixed cost of any build), and with 1 % new events."""
        self._ensure_home()
        full = measure.run(WORK, "build_all", home=str(self.home))
        measure.run(WORK, "run_all", home=str(self.home))
        nothing = measure.run(WORK, "run_all", home=str(self.home))
        assert nothing.answer == "nothing", nothing
        deals = self.events // EVENTS_PER_DEAL
        one = self._run_more("one.ndjson", EVENTS_PER_DEAL, first_deal=deals)
        fresh = self._run_more("more.ndjson", self.events // 100, first_deal=deals + 1)
        share = (fresh.seconds - one.seconds) / full.seconds
        print(
            f"nothing new: {nothing.seconds:.1f} s in process (target under 15); one new deal: {one.seconds:.1f} s; "
            f"1 % new events: {fresh.seconds:.1f} s, which is the fixed cost and {share:.1%} of the full build's "
            f"{full.seconds:.1f} s (target at most 15 %)"
        )

    def _run_more(self, name: str, events: int, first_deal: int) -> measure.Measured:
        path = write_log(self.folder / name, events, first_deal=first_deal)
        done = measure.run(WORK, "run_all", home=str(self.home), path=str(path))
        assert done.answer == "incremental", done
        return done

    def marts(self) -> None:
        """Full build of all marts over the sample company against the first facts alone; then 1 % new events."""
        home, folder, later = (str(self.folder / name) for name in ("sample-home", "sample", "sample-later"))
        held_back = measure.run(WORK, "write_sample", folder=folder, later=later, events=self.events).answer
        events = measure.run("benchmarks.intake", "take_in_folder", home=home, folder=folder).answer
        spine = measure.run(WORK, "build_spine", home=home)
        full = measure.run(WORK, "build_timed", home=home)
        print(
            f"sample of {events:,} events: all models {full.seconds:.1f} s, {full.peak_gb:.2f} GB (target under 6); "
            f"the first facts {spine.seconds:.1f} s; ratio {full.seconds / spine.seconds:.2f} (processor "
            f"{full.cpu_seconds / spine.cpu_seconds:.2f}; target at most 6)"
        )
        _report_shares(full.answer)
        measure.run(WORK, "run_all", home=home)
        one = self._run_one_event(home)
        fresh = measure.run(WORK, "run_all", home=home, path=later)
        assert fresh.answer == "incremental", fresh
        share = (fresh.seconds - one.seconds) / full.seconds
        print(
            f"{held_back:,} new events ({held_back / events:.1%}): {fresh.seconds:.1f} s; one new deal: "
            f"{one.seconds:.1f} s; less that fixed cost {share:.1%} of the full build (target at most 20 %)"
        )

    def _run_one_event(self, home: str) -> measure.Measured:
        path = write_log(self.folder / "one-more.ndjson", EVENTS_PER_DEAL)
        done = measure.run(WORK, "run_all", home=home, path=str(path))
        assert done.answer == "incremental", done
        return done

    def collector(self) -> None:
        """Events by HTTP against a server that only reads the body; then at a steady 2,000 a second, with memory."""
        collector.compare(self.folder / "collector", self.seconds, self.rounds)

    def scaling(self) -> None:
        """Exponent of what ingestion and a full build of deals take, from a tenth of the log to all of it."""
        clock, processor = {}, {}
        for events in (self.events // 10, self.events):
            home = self.folder / f"home-{events}"
            log = write_log(self.folder / f"events-{events}.ndjson", events)
            taken = measure.run(WORK, "take_in", path=str(log), home=str(home))
            built = measure.run(WORK, "build_spine", home=str(home), with_marts=True)
            clock[events] = taken.seconds + built.seconds
            processor[events] = taken.cpu_seconds + built.cpu_seconds
            peak = max(taken.peak_gb, built.peak_gb)
            print(
                f"{events:,} events: ingestion {taken.seconds:.1f} s, build of deals {built.seconds:.1f} s, "
                f"both {processor[events]:.1f} s of processor, peak {peak:.2f} GB",
                flush=True,
            )
            shutil.rmtree(home)
            log.unlink()
        small, large = clock
        by_clock, by_processor = (
            math.log(one[large] / one[small]) / math.log(large / small) for one in (clock, processor)
        )
        found = f"{by_clock:.2f}, by processor {by_processor:.2f}"
        print(f"exponent from {small:,} to {large:,} events: {found} (target at most 1.1)")

    def dashboards(self) -> None:
        """Pages and their queries beside an empty page, on a sample company of about so many events."""
        home = self.folder / "pages"
        measure.run(WORK, "publish_sample", home=str(home), events=self.events)
        report(measure.run("benchmarks.dashboards", "measure_pages", home=str(home)).answer)

    def _ensure_home(self) -> None:
        if not (self.home / "warehouse.duckdb").exists():
            measure.run(WORK, "take_in", path=str(self.log), home=str(self.home))


def _report_shares(seconds: dict[str, float]) -> None:
    """The marts that take most of the build; shares are of the sum over all models and checks."""
    total = sum(seconds.values())
    models = {name.split(".")[2]: took for name, took in seconds.items() if name.startswith("model.")}
    longest = sorted(models.items(), key=lambda item: -item[1])[:8]
    print("longest models (target for a mart: at most 20 %): " + ", ".join(f"{n} {s / total:.1%}" for n, s in longest))


def _report(what: str, ours: list[measure.Measured], bare: list[measure.Measured], baseline: str, target: str) -> None:
    mine, theirs = (statistics.median(one.seconds for one in runs) for runs in (ours, bare))
    cpu = statistics.median(one.cpu_seconds for one in ours) / statistics.median(one.cpu_seconds for one in bare)
    print(
        f"{what}: {mine:.1f} s, {max(one.peak_gb for one in ours):.2f} GB; {baseline}: {theirs:.1f} s; "
        f"ratio {mine / theirs:.2f} (processor {cpu:.2f}; target {target})"
    )


if __name__ == "__main__":
    main()
