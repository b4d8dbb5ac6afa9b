"""Spark hands back what is whole, and builds on nothing that has been erased since."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.part import copy_project
from tests.spark import engine
from warehouse import lake
from warehouse.erasure import receipts
from warehouse.erasure.tombstones import keyring
from warehouse.lake.handback import HandbackError, current
from warehouse.lock import writer_lock
from warehouse.pipeline import take_in
from warehouse.sample import write_company
from warehouse.settings import Settings

pytestmark = pytest.mark.slow


class Builds:
    """A few models on a Spark of their own, from a small company."""

    def __init__(self, folder: Path) -> None:
        self.project, self.spark = folder / "project", folder / "spark"
        self.out, self.back = folder / "out", folder / "back"
        copy_project(self.project, ("dim_contact",))
        self.spark.mkdir()
        self.settings = Settings(home=folder / "home")
        self.home = self.settings.layout()
        with writer_lock(self.home, "test"):
            files = write_company(folder / "sample", days=60, accounts=20, seed=3).files
            take_in(self.settings, files, received_at=datetime(2026, 7, 1))
        self.export()

    def export(self) -> str:
        return lake.export(self.home, self.settings, self.out).version

    def attempt(self, *arguments: str) -> tuple[int, str]:
        return engine.attempt(self.spark, self.out, self.back, *arguments, project=self.project)

    def build(self, *arguments: str) -> str | None:
        """Build, and return which build stands in the folder then."""
        code, said = self.attempt(*arguments)
        assert code == 0, said[-4000:]
        return self.handed_back()

    def handed_back(self) -> str | None:
        try:
            return current(self.back).run_id
        except HandbackError:
            return None


def test_only_what_is_whole_is_handed_back(tmp_path: Path) -> None:
    builds = Builds(tmp_path)
    assert builds.build("--select", "stg_clock") is None
    first = builds.build()
    assert first is not None
    second = builds.build("--select", "stg_clock")
    assert second not in (None, first)

    model = builds.project / "models" / "facts" / "dim_contact.sql"
    good = model.read_text()
    model.write_text(good + "\nthis is no SQL")
    code, _ = builds.attempt()
    assert code != 0
    assert builds.handed_back() == second
    model.write_text(good)
    # This model is good again, and what others have missed is not: of parts nobody knows.
    assert builds.build("--select", "dim_contact") == second
    assert builds.build() != second


def test_after_an_erasure_tables_are_made_anew(tmp_path: Path) -> None:
    builds = Builds(tmp_path)
    first = builds.build()
    receipts.keep(
        builds.home, keyring(builds.home, builds.settings), {"receipt": "e1", "done_at": "2026-07-02T00:00:00+00:00"}
    )
    version = builds.export()
    code, said = builds.attempt()
    assert code != 0
    assert "--full-refresh" in said
    assert builds.handed_back() == first
    # A part that is made anew leaves the others as they were.
    assert builds.build("--full-refresh", "--select", "dim_contact") == first
    assert builds.build("--full-refresh") != first
    assert version.startswith(current(builds.back).read_at.strftime("%Y%m%dT%H%M%S%fZ"))
    assert builds.build() is not None
