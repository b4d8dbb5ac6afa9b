"""Death at any instant, and damage to the work file, cost nothing but time."""

from pathlib import Path

import pytest

from tests.crash.harness import Harness


@pytest.mark.parametrize(("kills", "tears"), [(4, 2), pytest.param(200, 50, marks=pytest.mark.slow)])
def test_nothing_is_lost_doubled_or_mixed(tmp_path: Path, kills: int, tears: int) -> None:
    report = Harness(tmp_path, seed=kills).go(kills, tears)
    assert report.problems == []
    assert report.seen.errors == []
    assert report.seen.mixed == []
    assert report.kills.total() >= kills
    assert report.tears.total() >= tears
    assert report.seen.pages > 0
