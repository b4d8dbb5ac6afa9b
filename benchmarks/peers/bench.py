"""What every peer's module is handed: the data of the run, and a race of two pieces of work with its finish judged."""

import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.peers import process
from benchmarks.peers.process import Measured, Work

ROWS = "rows.parquet"
"""What both sides leave in their folder, to be compared."""
DEALHOUSE = "benchmarks.peers.dealhouse"


@dataclass(frozen=True)
class Result:
    """One line of the report."""

    peer: str
    task: str
    ours: Measured
    theirs: Measured
    rows: int
    differing: int
    largest: float
    tolerance: float
    examples: tuple[str, ...]
    note: str

    @property
    def is_equal(self) -> bool:
        """Whether both did the same thing, so that their times may be compared."""
        return self.differing == 0


@dataclass(frozen=True)
class Absent:
    """A peer, or a part of it, that did not run, and why."""

    peer: str
    task: str
    reason: str


class Bench:
    """The data of a run and its interpreters."""

    def __init__(self, folder: Path, events: int, rounds: int, threads: int, python: str, peers_python: str) -> None:
        self.folder, self.events, self.rounds, self.threads = folder, events, rounds, threads
        self.python, self.peers_python = python, peers_python

    @cached_property
    def logs(self) -> Path:
        """Folder with the log of deals, and a file that brings each hundredth event a second time."""
        folder = self.folder / "logs"
        self.do(Work(DEALHOUSE, "write_logs", arguments={"folder": str(folder), "events": self.events}))
        return folder

    @cached_property
    def log_home(self) -> Path:
        """Home into which the logs have been taken in, and nothing built."""
        home = self.folder / "log-home"
        self.do(Work(DEALHOUSE, "take_in", arguments={"folder": str(home), "logs": str(self.logs)}))
        return home

    @cached_property
    def company(self) -> Path:
        """Home of a sample company of about so many events, all of it built, its facts beside it as Parquet."""
        home = self.folder / "company"
        self.do(Work(DEALHOUSE, "build_company", arguments={"folder": str(home), "events": self.events}))
        return home

    def do(self, work: Work, function: str = "") -> Measured:
        """Do a piece of work in the environment that it belongs to."""
        return process.run(self.peers_python if work.is_peer else self.python, work, self.threads, function)

    def race(
        self,
        peer: str,
        task: str,
        ours: Work,
        theirs: Work,
        keys: tuple[str, ...],
        tolerance: float = 0.0,
        note: str = "",
    ) -> Result | Absent:
        """Let both do their work in turn, each in a new folder, and compare what came out of the last round.

        A failure of ours is an error; one of the peer's is told in its line of the report.
        """
        taken: tuple[list[Measured], list[Measured]] = ([], [])
        for number in range(self.rounds):
            folders = [self.folder / f"race-{side}" for side in ("ours", "theirs")]
            for work, folder, times in zip((ours, theirs), folders, taken, strict=True):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                placed = replace(work, arguments={**work.arguments, "folder": str(folder)})
                try:
                    times.append(self.do(placed))
                    if work.show and number == self.rounds - 1:
                        self.do(placed, work.show)
                except RuntimeError as failure:
                    if not work.is_peer:
                        raise
                    return Absent(peer, task, str(failure).strip().splitlines()[-1])
        found = self.do(_comparison(folders[0], folders[1], keys, tolerance)).answer
        return Result(
            peer, task, _median(taken[0]), _median(taken[1]), found["rows"], found["differing"], found["largest"],
            tolerance, tuple(found["examples"]), note,
        )  # fmt: skip


def _comparison(ours: Path, theirs: Path, keys: tuple[str, ...], tolerance: float) -> Work:
    arguments: Mapping[str, Any] = {
        "ours": str(ours / ROWS), "theirs": str(theirs / ROWS), "keys": list(keys), "tolerance": tolerance,
    }  # fmt: skip
    return Work("benchmarks.peers.equal", "compare", arguments=arguments)


def _median(runs: list[Measured]) -> Measured:
    def of(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    return Measured(
        of("seconds"), of("whole_seconds"), of("cpu_seconds"), max(run.peak_gb for run in runs), runs[-1].answer
    )
