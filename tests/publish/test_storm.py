"""Readers never see an error or a mixture, however many publishers are killed meanwhile."""

from pathlib import Path

import pytest

from tests.publish.storm import storm


@pytest.mark.parametrize(
    ("publishes", "kills", "pages"),
    [(5, 5, 50), pytest.param(100, 100, 10_000, marks=pytest.mark.slow)],
)
def test_readers_see_whole_versions_while_publishers_are_killed(
    tmp_path: Path, publishes: int, kills: int, pages: int
) -> None:
    outcome = storm(tmp_path / "home", publishes, kills, pages, seed=20)
    assert outcome.problems == []
    assert outcome.seen.errors == []
    assert outcome.seen.mixed == []
    assert outcome.kills == kills
    assert outcome.publishes >= publishes
    assert outcome.seen.pages >= pages
    assert len(outcome.seen.versions) > publishes / 2
