"""The world as it stood, and as it was known: a log that is cut gives the same tables as the clocks do."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws.comparing import assert_same_tables
from tests.laws.compiled import Event, engine, utc
from tests.laws.logs import company_log
from tests.laws.tenants import as_tenants

LAYERS = ("facts", "marts", "scores", "contacts")
FEW = settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=40)
TENANTS = 5
"""Logs of one example, each a tenant of its own: a build of five costs little more than of one."""


def assert_same_builds(
    cut: list[Event],
    full: list[Event],
    cut_clocks: tuple[datetime | None, datetime | None] = (None, None),
    clocks: tuple[datetime | None, datetime | None] = (None, None),
) -> None:
    names = engine().tables(*LAYERS)
    tables = engine().build(cut, *cut_clocks)
    expected = {name: tables.rows(name) for name in names}
    tables = engine().build(full, *clocks)
    assert_same_tables(names, tables.rows, expected.__getitem__)


def check_as_of(log: list[Event], data: st.DataObject) -> None:
    instants = sorted({utc(event["time"]) for event in log})
    as_of = data.draw(st.sampled_from(instants)) + data.draw(st.sampled_from([0, 0, 1, 30])) * timedelta(hours=1)
    cut = [event for event in log if utc(event["time"]) <= as_of]
    assert_same_builds(cut, log, (as_of, None), (as_of, None))
    if as_of in instants:
        # The default clock of the cut log is its last event.
        assert_same_builds(cut, log, (None, None), (as_of, None))


def check_known_at(log: list[Event], data: st.DataObject) -> None:
    hours = st.integers(0, 48)
    arrived = [event | {"_received_at": datetime(2026, 6, 1, 0) + timedelta(hours=data.draw(hours))} for event in log]
    known_at = data.draw(st.sampled_from([event["_received_at"] for event in arrived]))
    cut = [event for event in arrived if event["_received_at"] <= known_at]
    assert_same_builds(cut, arrived, (None, None), (None, known_at))


def test_calendars_begin_with_the_first_event_that_was_known() -> None:
    late: Event = {
        "source": "crm",
        "id": "e1",
        "type": "app.login",
        "time": "2026-01-01T00:00:00Z",
        "data": {"user_id": "u"},
    }
    known = late | {"id": "e2", "time": "2026-02-01T00:00:00Z", "_received_at": datetime(2026, 2, 1)}
    late |= {"_received_at": datetime(2026, 3, 1)}
    assert_same_builds([known], [known, late], clocks=(None, datetime(2026, 2, 2)))


LOGS = st.lists(company_log(), min_size=TENANTS, max_size=TENANTS).map(as_tenants)


@given(LOGS, st.data())
@FEW
def test_a_log_cut_at_an_instant_is_the_log_as_of_it(log: list[Event], data: st.DataObject) -> None:
    check_as_of(log, data)


@given(LOGS, st.data())
@FEW
def test_a_log_cut_by_arrival_is_the_log_as_it_was_known(log: list[Event], data: st.DataObject) -> None:
    check_known_at(log, data)


@pytest.mark.slow
@given(LOGS, st.data())
@MANY
def test_both_clocks_many(log: list[Event], data: st.DataObject) -> None:
    check_as_of(log, data)
    check_known_at(log, data)
