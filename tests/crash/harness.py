"""Kills the whole job at random instants and damages its work file, and checks that nothing comes of it.

After every death the job is simply started again. What must hold is known from elsewhere: from how the files
were made (:mod:`tests.crash.files`), and from one uninterrupted run over a copy of landing.

The harness may be killed as well: what it has done stands in ``state.json`` after each round, and each round is
drawn from the seed and its number, so that another call in the same folder goes on where it was.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import duckdb

from tests.crash.damage import strike
from tests.crash.files import Files
from tests.crash.worker import PHASES
from tests.part import PART, copy_project
from tests.publish.readers import Readers, Seen
from warehouse.landing import Landing
from warehouse.publish import content_hashes, current, open_published, verify_published
from warehouse.settings import PROJECT_DIR, Settings

SHARE = {"take_in": 0.35, "build": 0.4, "publish_build": 0.25}
"""In which phase the job is killed; by time alone it would nearly always be the build."""
FIRST_GUESS = {"take_in": 0.3, "build": 8.0, "publish_build": 1.0}
CLOCK = datetime(2026, 6, 1, tzinfo=UTC)
STUCK_SECONDS = 300


@dataclass
class Report:
    """What was done, and everything that should not have been."""

    kills: Counter[str] = field(default_factory=Counter)
    tears: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    """What the job said where the disk took no more."""
    runs: int = 0
    files: int = 0
    events: int = 0
    seen: Seen = field(default_factory=Seen)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.kills.total()} kills {dict(self.kills)}, {self.tears.total()} tears, {self.runs} whole runs, "
            f"{self.files} files, {self.events} events; readers: {self.seen.pages} pages over "
            f"{len(self.seen.versions)} versions, {len(self.seen.errors)} errors, {len(self.seen.mixed)} mixed; "
            f"{len(self.problems)} problems; {self.seconds:.0f} s"
        )


class Worker:
    """The process that forks the jobs."""

    def __init__(self, home: Path, project: Path) -> None:
        self.lines: Queue[str] = Queue()
        self.durations = dict(FIRST_GUESS)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker", str(home), str(project)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put("gone")

    def run(
        self, now: datetime, kill_in: str | None = None, fraction: float = 0, largest_file: int = 0
    ) -> tuple[str, list[str]]:
        """Run the job once, killing it in a phase after this fraction of its usual length.

        With `largest_file`, no file can grow beyond so many bytes. Returns the phase in which it died, or
        "whole", and problems.
        """
        self.process.stdin.write(f"{now.isoformat()} {largest_file}\n")
        self.process.stdin.flush()
        pid, phase, began, problems, ended = 0, "start", time.monotonic(), [], "killed"
        killer = threading.Timer(0, lambda: None)
        while True:
            line = self.lines.get(timeout=STUCK_SECONDS)
            if line.startswith("pid "):
                pid = int(line[4:])
            elif line in PHASES:
                self._took(phase, began, ended)
                phase, began = line, time.monotonic()
                if phase == kill_in:
                    killer = threading.Timer(fraction * self.durations[phase], kill, [pid])
                    killer.start()
            elif line == "done":
                self._took(phase, began, ended)
                ended = "whole"
            elif line == "gone":
                killer.cancel()
                return phase, [*problems, "the worker died"]
            elif line == "exit":
                killer.cancel()  # by now the number may belong to somebody else
                return (ended if ended == "whole" else phase), problems
            else:
                problems.append(line)

    def _took(self, phase: str, began: float, ended: str) -> None:
        if phase in self.durations and ended != "whole":
            self.durations[phase] = 0.5 * self.durations[phase] + 0.5 * (time.monotonic() - began)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def kill(pid: int) -> None:
    assert pid > 1, "0 and below mean whole groups of processes"
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Harness:
    """One home, its worker, and what must be true of it.

    Parameters
    ----------
    folder
        Where the home and the state of the harness are; one that was left by another call is gone on with.
    models
        Names of the models that are built; none means all.
    """

    def __init__(self, folder: Path, seed: int, models: tuple[str, ...] = PART) -> None:
        self.seed, self.folder, self.report = seed, folder, Report()
        self.rng = random.Random(seed)
        self.project = folder / "project"
        if not self.project.exists():
            copy_project(self.project, models)
        self.settings = Settings(home=folder / "home")
        self.home = self.settings.layout()
        self.home.inbox.mkdir(parents=True, exist_ok=True)
        self.files = Files(seed)
        self.turn = 0
        self._resume()
        self.worker = Worker(self.home.root, self.project)

    def _resume(self) -> None:
        if not (self.folder / "state.json").exists():
            return
        state = json.loads((self.folder / "state.json").read_text())
        assert state["seed"] == self.seed, f"{self.folder} was begun with seed {state['seed']}"
        self.turn = state["turn"]
        for name in ("kills", "tears"):
            setattr(self.report, name, Counter(state[name]))
        for name in ("runs", "seconds", "problems"):
            setattr(self.report, name, state[name])
        # The last file may have got lost with the call that was to write it; sent twice, it changes nothing.
        for _ in range(state["files"]):
            last = self.files.write_next(self.home.inbox)
            if self.files.number < state["files"]:
                last.unlink()

    def _save(self) -> None:
        state = {
            "seed": self.seed,
            "turn": self.turn,
            "files": self.files.number,
            "kills": self.report.kills,
            "tears": self.report.tears,
            "runs": self.report.runs,
            "seconds": self.report.seconds,
            "problems": self.report.problems,
        }
        draft = self.folder / "state.json.tmp"
        draft.write_text(json.dumps(state))
        draft.replace(self.folder / "state.json")

    def go(self, kills: int, tears: int, readers: int = 1, tell: Callable[[str], None] = lambda _: None) -> Report:
        """Kill and tear until it was done so often, then compare with an uninterrupted run; `tell` of each round."""
        done = self.report
        if not self.files.number:
            self._new_file()
        self._run_whole()
        with Readers(self.home, readers, pause=0.1) as reading:
            while done.kills.total() < kills or done.tears.total() < tears:
                started = time.monotonic()
                what = self._round(max(0, kills - done.kills.total()), max(0, tears - done.tears.total()))
                self._check_published()
                done.seconds += time.monotonic() - started
                self._save()
                tell(
                    f"{done.kills.total()} of {kills} kills, {done.tears.total()} of {tears} tears, "
                    f"{done.seconds:.0f} s, {len(done.problems)} problems: {what}"
                )
            self._run_whole()
        done.seen = reading.seen
        tell("comparing with an uninterrupted run")
        self._check_all()
        return done

    def _round(self, kills: int, tears: int) -> str:
        """Kill once or damage once, by chance so that both come to an end together; say what was done."""
        self.rng = random.Random(f"{self.seed}-{self.turn}")
        if self.rng.random() < 0.7:
            self._new_file()
        if self.rng.random() * (kills + tears) < kills:
            return self._run_and_kill()
        damage = strike(self.home.warehouse, self.rng)
        self.report.tears[damage] += 1
        self._run_whole()
        return damage

    def starve(self, largest_files: list[int]) -> Report:
        """Let the job run into a disk that takes no more, again and again; each time it must do no harm."""
        self._new_file()
        self._run_whole()
        for largest_file in largest_files:
            self._new_file()
            before = current(self.home)
            self.turn += 1
            ended, problems = self.worker.run(self.now(), largest_file=largest_file)
            self.report.failures.append(" ".join(problems))
            self._expect(ended != "whole", f"it ran through with files of at most {largest_file} bytes")
            self._expect(current(self.home) == before, "another version is published after a failure")
            self._check_published()
            self._run_whole()
        self._check_all()
        return self.report

    def _check_all(self) -> None:
        self.worker.close()
        self._check_against_files()
        self._check_against_uninterrupted_run()
        self.report.files, self.report.events = self.files.number, len(self.files.ids)

    def _new_file(self) -> None:
        self.files.write_next(self.home.inbox)
        self._save()

    def now(self) -> datetime:
        """The clock moves on with each run, so that published versions age and are removed as in real life."""
        return CLOCK + timedelta(hours=self.turn)

    def _run(self, kill_in: str | None) -> str:
        self.turn += 1
        ended, problems = self.worker.run(self.now(), kill_in, self.rng.random())
        self.report.problems += problems
        return ended

    def _run_and_kill(self) -> str:
        phase = self.rng.choices(list(SHARE), list(SHARE.values()))[0]
        ended = self._run(phase)
        if ended == "whole":
            self.report.runs += 1  # it was through before the signal came
            return f"through before it was killed in {phase}"
        self.report.kills[ended] += 1
        return f"killed in {ended}"

    def _run_whole(self) -> None:
        ended = self._run(None)
        self.report.runs += 1
        left = [path.name for path in self.home.inbox.iterdir()]
        self._expect(ended == "whole", f"a run that nobody killed ended in {ended}")
        self._expect(not left, f"the inbox still holds {left}")
        published = current(self.home)
        self._expect(
            published is not None and published.batch_id == self.files.number,
            f"{self.files.number} files were taken in, but {published} is published",
        )

    def _check_published(self) -> None:
        """The published file tells what must come of the files up to its last batch, as the files say."""
        with open_published(self.home) as con:
            batch_id, deals, accepted, batches = con.execute(
                "select batch_id, (select count(*) from facts.fact_deal), (select sum(accepted) from meta.batch), "
                "(select count(*) from meta.batch) from meta.publication"
            ).fetchone()
        expected = (self.files.deals[batch_id], self.files.accepted[batch_id], batch_id)
        self._expect(
            (deals, accepted, batches) == expected,
            f"turn {self.turn}: (deals, events, batches) are {(deals, accepted, batches)}, expected {expected}",
        )

    def _check_against_files(self) -> None:
        """Each event that was sent is there once, and each broken line too."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as con:
            ids = [row[0] for row in con.execute("select event_id from raw.events").fetchall()]
            rejected, duplicates = con.execute("select sum(rejected), sum(duplicate) from raw.batches").fetchone()
            kept = con.execute("select count(*) from raw.rejected_events").fetchone()[0]
        self._expect(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} events are doubled")
        self._expect(set(ids) == self.files.ids, f"{len(self.files.ids ^ set(ids))} events are lost or invented")
        self._expect(rejected == kept == self.files.rejected, f"{rejected}, {kept} rejected rows")
        self._expect(duplicates == self.files.duplicates, f"{duplicates} duplicates")
        self.report.problems += Landing(self.home).verify() + verify_published(self.home)

    def _check_against_uninterrupted_run(self) -> None:
        other = Settings(home=self.home.root.with_name("uninterrupted")).layout()
        shutil.rmtree(other.root, ignore_errors=True)
        other.root.mkdir()
        shutil.copytree(self.home.landing, other.landing)
        worker = Worker(other.root, self.project)
        ended, problems = worker.run(self.now())
        worker.close()
        self.report.problems += problems
        if ended != "whole":
            self.report.problems.append(f"the uninterrupted run ended in {ended}")
            return
        here, there = hashes(self.home.warehouse), hashes(other.warehouse)
        wrong = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        self._expect(not wrong, f"tables differ from an uninterrupted run: {wrong}")
        models = len(list((self.project / "models").rglob("*.sql")))
        self._expect(len(here) > models, f"only {len(here)} tables were compared")
        shown = hashes((self.home.published / "current.duckdb").resolve())
        stale = sorted(name for name in shown if shown[name] != here[name])
        self._expect(bool(shown) and not stale, f"published tables differ from built ones: {stale}")

    def _expect(self, is_so: bool, problem: str) -> None:
        if not is_so:
            self.report.problems.append(problem)


def hashes(path: Path) -> dict[str, str]:
    """Hash all tables that are functions of landing; not what a run notes of itself."""
    with duckdb.connect(str(path), read_only=True) as con:
        found = content_hashes(con, ("raw", "staging", "facts", "marts", "scores", "contacts"))
    return {name: value for name, value in found.items() if name not in ("raw.build_state", "raw.watermarks")}
