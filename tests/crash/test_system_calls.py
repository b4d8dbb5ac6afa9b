"""A fault at any single system call that changes files: nothing is lost or doubled, and the next run goes through."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.files import Files
from tests.crash.harness import hashes
from tests.crash.traced import WRITING, Ended, Tracer
from tests.part import PART, copy_project
from warehouse.landing import Landing
from warehouse.publish import current, verify_published
from warehouse.settings import Home, Settings

MUTE = "another process could not confirm it"
"""What the job says where the process that looks at the new file was the one that met the fault."""


@dataclass
class Stand:
    """A home in which one file is in and published, and a second one waits; every trial works on a copy."""

    folder: Path
    tracer: Tracer
    expected: dict[str, str] = field(default_factory=dict)
    """Content of the tables of raw after an undisturbed run."""

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def fresh(self) -> Home:
        home = Settings(home=self.folder / "trial").layout()
        shutil.rmtree(home.root, ignore_errors=True)
        shutil.copytree(self.folder / "ready", home.root, symlinks=True)
        return home

    def run(self, home: Home, steps: str = "no build", fault: str = "", count: bool = False) -> Ended:
        return self.tracer.run(home.root, self.project, steps, 2, fault, count)

    def raw(self, home: Home) -> dict[str, str]:
        return {name: value for name, value in hashes(home.warehouse).items() if name.startswith("raw.")}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    assert shutil.which("strace"), "strace is missing, and could not be installed: install the package of that name"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEALHOUSE_NOW", "2026-06-01T00:00:00Z")
        one = Stand(tmp_path_factory.mktemp("calls"), Tracer())
        copy_project(one.project, PART)
        ready = Settings(home=one.folder / "ready").layout()
        ready.inbox.mkdir(parents=True)
        files = Files(seed=1)
        files.write_next(ready.inbox)
        assert one.run(ready, "all").how == "whole"
        files.write_next(ready.inbox)
        undisturbed = one.fresh()
        assert one.run(undisturbed).how == "whole"
        one.expected = one.raw(undisturbed)
        yield one
        one.tracer.close()


def check(stand: Stand, home: Home, ended: Ended, fault: str) -> None:
    """Readers see a whole version, and one more run, without help, makes all of it right."""
    assert current(home) is not None, fault
    again = stand.run(home)
    assert again.how == "whole", (fault, ended, again)
    assert stand.raw(home) == stand.expected, fault
    assert list(home.inbox.iterdir()) == [], fault
    published = current(home)
    assert published is not None, fault
    assert published.run_id == "run-2", fault
    assert Landing(home).verify() + verify_published(home) == [], fault


def points(calls: dict[str, int], limit: int | None) -> list[tuple[str, int]]:
    """Each call and its number; with a limit about so many, evenly spread."""
    found = [(call, number) for call, most in sorted(calls.items()) for number in range(1, most + 1)]
    return found if limit is None else found[:: max(1, len(found) // limit)]


@pytest.mark.parametrize("limit", [6, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "every"])
def test_a_kill_at_a_call_of_landing_ingestion_and_publishing(stand: Stand, limit: int | None) -> None:
    calls = stand.run(stand.fresh(), count=True).calls
    assert calls.total() > 60, calls
    reached = 0
    for call, number in points(calls, limit):
        home, fault = stand.fresh(), f"{call}:signal=KILL:when={number}"
        ended = stand.run(home, fault=fault)
        assert ended.how != "failed" or MUTE in ended.error, (fault, ended)
        reached += ended.how != "whole"
        check(stand, home, ended, fault)
    print(f"{reached} kills at {calls.total()} system calls")
    # Threads share their calls out anew in each run, so that the last of a count may not be reached.
    assert reached >= (0.9 if limit is None else 0.5) * len(points(calls, limit))


@pytest.mark.slow
def test_a_kill_at_calls_of_the_whole_run(stand: Stand) -> None:
    """Building makes thousands of calls; every so-manieth is chosen."""
    whole = stand.fresh()
    calls = stand.run(whole, "all", count=True).calls
    expected = hashes(whole.warehouse)
    for call, number in points(calls, 40):
        home, fault = stand.fresh(), f"{call}:signal=KILL:when={number}"
        ended = stand.run(home, "all", fault=fault)
        assert current(home) is not None, fault
        again = stand.run(home, "all")
        assert again.how == "whole", (fault, ended, again)
        assert hashes(home.warehouse) == expected, fault
        assert Landing(home).verify() + verify_published(home) == [], fault


@pytest.mark.parametrize("limit", [3, pytest.param(None, marks=pytest.mark.slow)], ids=["some", "every"])
@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        ("ENOSPC", "+"),
        pytest.param("EIO", "", marks=pytest.mark.slow),
        pytest.param("ENOSPC", "", marks=pytest.mark.slow),
        pytest.param("EIO", "+", marks=pytest.mark.slow),
    ],
    ids=["full from then on", "failing once", "full once", "failing from then on"],
)
def test_a_disk_that_fails_at_a_write_or_a_sync(stand: Stand, limit: int | None, error: str, lasting: str) -> None:
    """The run says what it met, or has got over it; the next one, with a disk that works, goes through."""
    calls = stand.run(stand.fresh(), count=True).calls
    writing = {call: number for call, number in calls.items() if call in WRITING}
    # DuckDB does not pass on why a sync failed; a process whose own words cannot be written ends without any.
    reason = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}[error]
    said = re.compile(f"{reason}|fsync failed|{MUTE}")
    for call, number in points(writing, limit):
        home, fault = stand.fresh(), f"{call}:error={error}:when={number}{lasting}"
        ended = stand.run(home, fault=fault)
        assert ended.how in ("failed", "whole"), (fault, ended)
        assert said.search(ended.error) or ended.how == "whole", (fault, ended)
        check(stand, home, ended, fault)
