"""What every peer's module is handed: the data of the run, and a race of two pieces of work with its finish judged."""

import importlib
import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.peers import process
from benchmarks.peers.process import Measured, Work

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
    is_failure: bool = False
    """Whether it was there, and failed."""


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
    def log_export(self) -> Path:
        """What that home has taken in, as an engine beyond this machine gets it."""
        folder = self.folder / "log-export"
        self.do(Work(DEALHOUSE, "export", arguments={"folder": str(folder), "home": str(self.log_home)}))
        return folder

    @cached_property
    def company(self) -> Path:
        """Home of a sample company of about so many events, all of it built, its facts beside it as Parquet."""
        home = self.folder / "company"
        self.do(Work(DEALHOUSE, "build_company", arguments={"folder": str(home), "events": self.events}))
        return home

    def do(self, work: Work, function: str = "") -> Measured:
        """Do a piece of work in the environment that it belongs to."""
        python = work.python or (self.peers_python if work.is_peer else self.python)
        return process.run(python, work, self.threads, function)

    def race(
        self,
        peer: str,
        task: str,
        ours: Work,
        theirs: Work,
        keys: tuple[str, ...] | Mapping[str, tuple[str, ...]],
        tolerance: float = 0.0,
        note: str = "",
        rounds: int = 0,
    ) -> Result | Absent:
        """Let both do their work in turn, each in a new folder, and compare what came out of the last round.

        ``keys`` tell the rows of ``rows.parquet``, or of a file of each name that is given; ``rounds``, where given,
        are as many instead of those of the run. A failure of ours is an error; one of the peer's is told in its line.
        """
        folders = [self.folder / f"race-{side}" for side in ("ours", "theirs")]
        taken: tuple[list[Measured], list[Measured]] = ([], [])
        rounds = rounds or self.rounds
        for number in range(rounds):
            for work, folder, times in zip((ours, theirs), folders, taken, strict=True):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                placed = replace(work, arguments={**work.arguments, "folder": str(folder)})
                try:
                    times.append(self.do(placed))
                    if work.show and number == rounds - 1:
                        self.do(placed, work.show)
                except RuntimeError as failure:
                    if not work.is_peer:
                        raise
                    reason = str(failure).strip().splitlines()[-1]
                    return Absent(peer, task, reason, is_failure=not _is_not_installed(reason, work))
        tables = keys if isinstance(keys, Mapping) else {"rows": keys}
        found = [self.do(_comparison(*folders, table, names, tolerance)).answer for table, names in tables.items()]
        return Result(
            peer,
            task,
            _median(taken[0]),
            _median(taken[1]),
            sum(one["rows"] for one in found),
            sum(one["differing"] for one in found),
            max(one["largest"] for one in found),
            tolerance,
            tuple(example for one in found for example in one["examples"]),
            note,
        )


def _is_not_installed(reason: str, work: Work) -> bool:
    """Whether a package of the peer is missing; that of anything else is a mistake of ours."""
    packages = importlib.import_module(work.module).PACKAGES
    return reason in {f"ModuleNotFoundError: No module named {name!r}" for name in packages}


def _comparison(ours: Path, theirs: Path, table: str, keys: tuple[str, ...], tolerance: float) -> Work:
    name = f"{table}.parquet"
    arguments: dict[str, Any] = {"ours": str(ours / name), "theirs": str(theirs / name), "keys": list(keys)}
    return Work("benchmarks.peers.equal", "compare", arguments=arguments | {"tolerance": tolerance})


def _median(runs: list[Measured]) -> Measured:
    def of(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    return Measured(
        of("seconds"), of("whole_seconds"), of("cpu_seconds"), max(run.peak_gb for run in runs), runs[-1].answer
    )
