"""Death at any instant, and damage to the work file, cost nothing but time."""

from pathlib import Path

import pytest

from tests.crash.harness import Harness


@pytest.mark.parametrize(("kills", "tears"), [(2, 1), pytest.param(200, 50, marks=pytest.mark.slow)])
def test_nothing_is_lost_doubled_or_mixed(tmp_path: Path, kills: int, tears: int) -> None:
    report = Harness(tmp_path, seed=kills).go(kills, tears)
    assert report.problems == []
    assert report.seen.errors == []
    assert report.seen.mixed == []
    assert report.kills.total() >= kills
    assert report.tears.total() >= tears
    assert report.seen.pages > 0


@pytest.mark.parametrize(
    "largest_files",
    [
        [3_000_000],
        pytest.param([3_000, 12_000, 20_000, 300_000, 1_000_000, 3_000_000, 5_000_000], marks=pytest.mark.slow),
    ],
    ids=["one_place", "seven_places"],
)
def test_a_disk_that_takes_no_more_fails_the_run_alone(tmp_path: Path, largest_files: list[int]) -> None:
    report = Harness(tmp_path, seed=3).starve(largest_files)
    assert report.problems == []
    for failure in report.failures:
        assert "File too large" in failure
        assert "What to do:" in failure
