"""Models are kept whole, told apart, and put in force one after the other; what was changed afterwards is refused."""

from datetime import datetime
from pathlib import Path

import pytest

from warehouse import registry
from warehouse.errors import DealhouseError, UsageError
from warehouse.settings import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def keep(home: Home, score: str, number: int) -> str:
    return registry.save(home, score, {"schema": 1, "n": number}, {"n": number}, f"# {number}\n").version


def test_a_kept_model_is_a_challenger_until_it_is_promoted(home: Home) -> None:
    version = keep(home, "lead_90d", 1)
    assert version == "lead_90d-0001"
    assert registry.champions(home) == []
    registry.promote(home, "lead_90d", version, "first")
    assert [one.version for one in registry.champions(home)] == [version]
    assert registry.load(home, "lead_90d", version, registry.CARD_TEXT) == "# 1\n"


def test_scores_are_numbered_apart_and_one_of_each_is_in_force(home: Home) -> None:
    for score in ("a", "b", "a"):
        version = keep(home, score, 0)
        registry.promote(home, score, version, "")
    assert [one.version for one in registry.versions(home)] == ["a-0001", "a-0002", "b-0001"]
    assert [one.version for one in registry.champions(home)] == ["a-0002", "b-0001"]


def test_going_back_twice_goes_back_two_steps(home: Home) -> None:
    for number in (1, 2, 3):
        registry.promote(home, "a", keep(home, "a", number), "")
    assert registry.rollback(home, "a").version == "a-0002"
    assert registry.rollback(home, "a").version == "a-0001"
    with pytest.raises(UsageError, match="no earlier model"):
        registry.rollback(home, "a")
    # Forward again by name, and back to where one was.
    registry.promote(home, "a", "a-0003", "")
    assert registry.rollback(home, "a").version == "a-0001"


def test_what_was_in_force_at_an_instant_is_known_later(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is in force from the 1st, the second from the 3rd; on the 5th one goes back."""
    for day, number in ((1, 1), (3, 2)):
        monkeypatch.setenv("DEALHOUSE_NOW", f"2026-04-0{day}T12:00:00+02:00")
        registry.promote(home, "a", keep(home, "a", number), "")
    monkeypatch.setenv("DEALHOUSE_NOW", "2026-04-05T12:00:00Z")
    registry.rollback(home, "a")

    def at(*moment: int) -> list[str]:
        return [one.version for one in registry.champions(home, datetime(2026, 4, *moment))]

    assert at(1, 9, 59, 59) == []
    assert at(1, 10) == at(3, 9) == ["a-0001"]
    assert at(3, 10) == at(5, 11) == ["a-0002"]
    assert at(6) == [one.version for one in registry.champions(home)] == ["a-0001"]


def test_a_changed_or_missing_file_is_refused_by_name(home: Home) -> None:
    version = keep(home, "a", 1)
    path = home.models / "a" / version / registry.MODEL
    path.write_text(path.read_text().replace("1", "2"))
    with pytest.raises(DealhouseError, match="changed after it was kept"):
        registry.load(home, "a", version)
    path.unlink()
    with pytest.raises(DealhouseError, match="missing"):
        registry.promote(home, "a", version, "")
    assert registry.champions(home) == []


@pytest.mark.parametrize("name", ["../a", "", "A", "a b", "a/b"])
def test_a_name_is_no_path(home: Home, name: str) -> None:
    with pytest.raises(UsageError):
        registry.save(home, name, {}, {}, "")


def test_numbers_that_are_not_finite_are_not_kept(home: Home) -> None:
    with pytest.raises(ValueError, match="JSON"):
        registry.save(home, "a", {"x": float("nan")}, {}, "")
    assert registry.versions(home) == []


def test_what_a_crash_left_half_is_no_version(home: Home) -> None:
    folder = home.models / "a" / "a-0001"
    folder.mkdir(parents=True)
    (folder / registry.MODEL).write_text("{")
    assert registry.versions(home) == []
    assert keep(home, "a", 1) == "a-0001"
    assert '"n": 1' in registry.load(home, "a", "a-0001")
