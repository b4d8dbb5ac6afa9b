"""Features of a cutoff, made from the whole log, are those made from what had been received by then, to the row."""

from datetime import datetime, timedelta

import pytest

from tests.features.arrivals import FEATURES, LABELS, late_news, sample_log, with_arrivals
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine, utc

LOADED_AT = datetime(2026, 4, 1, 9)
"""The warehouse begins to receive; what happened before is history, known when it happened."""
CUTS = [datetime(2026, 5, 11), datetime(2026, 6, 2, 7)]


@pytest.fixture(scope="module")
def log() -> list[Event]:
    return with_arrivals(sample_log(200, 60, 11), LOADED_AT, seed=5)


def built(log: list[Event], as_of: datetime | None = None, known_at: datetime | None = None) -> dict[str, list[Row]]:
    tables = engine().build(log, as_of, known_at, models=[*FEATURES, *LABELS])
    return {name: tables.rows(f"features.{name}") for name in (*FEATURES, *LABELS)}


@pytest.fixture(scope="module")
def whole(log: list[Event]) -> dict[str, list[Row]]:
    return built(log)


def past(rows: list[Row], before: datetime) -> list[Row]:
    return [row for row in rows if row["cutoff_at"] < before and not row["is_latest"]]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_what_is_received_later_changes_no_feature_of_the_past(
    log: list[Event], whole: dict[str, list[Row]], cut: datetime
) -> None:
    known = [event for event in log if event["_received_at"] <= cut]
    as_of = max(utc(event["time"]) for event in known)
    then = built(known)
    for name in FEATURES:
        rows = past(then[name], as_of)
        assert len(rows) > 30, name
        assert_same_rows(name, past(whole[name], as_of), rows)


def test_news_about_everybodys_past_changes_nothing(log: list[Event], whole: dict[str, list[Row]]) -> None:
    """Each event of the past is contradicted, repeated and followed, in news that is received at the end."""
    end = CUTS[1]
    news = late_news(log, end, end + timedelta(days=1))
    told = built([*log, *news])
    for name in FEATURES:
        assert_same_rows(name, past(told[name], end), past(whole[name], end))


def test_the_clocks_see_what_the_cut_log_has(log: list[Event]) -> None:
    """The row of as_of and the labels as well."""
    cut = CUTS[0]
    known = [event for event in log if event["_received_at"] <= cut]
    as_of = max(utc(event["time"]) for event in known)
    then, clocked = built(known), built(log, as_of, cut)
    for name in (*FEATURES, *LABELS):
        assert_same_rows(name, clocked[name], then[name])
    assert all(any(row["is_latest"] for row in then[name]) for name in FEATURES)


def test_lateness_is_seen(log: list[Event], whole: dict[str, list[Row]]) -> None:
    """The law above says something: had the late events been in time, many rows would be others."""
    in_time = built([event | {"_received_at": max(utc(event["time"]), LOADED_AT)} for event in log])
    for name in FEATURES:
        rows = {tuple(row.values()) for row in in_time[name]}
        assert sum(tuple(row.values()) not in rows for row in past(whole[name], datetime.max)) > 5, name


def test_history_is_known_when_it_happened(log: list[Event], whole: dict[str, list[Row]]) -> None:
    """One load of all of it gives the cutoffs before the load that a warehouse would have had that received in time."""
    history = [event for event in log if utc(event["time"]) < LOADED_AT]
    assert all(event["_received_at"] >= LOADED_AT for event in history)
    loaded = [event | {"_received_at": LOADED_AT} for event in history]
    live = [event | {"_received_at": utc(event["time"])} for event in history]
    one, other = built(loaded), built(live)
    for name in FEATURES:
        assert past(one[name], LOADED_AT - timedelta(days=30)), name
        assert_same_rows(name, one[name], other[name])
