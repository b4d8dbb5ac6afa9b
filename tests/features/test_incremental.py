"""A run that adds a batch leaves the features that a full build makes."""

from datetime import datetime, timedelta

import pytest

from tests.features.arrivals import FEATURES, LABELS, sample_log, with_arrivals
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import BATCHES, Event, engine, fill_raw, rows_of, settings_in
from tests.part import copy_project
from warehouse import dbt
from warehouse.settings import Settings
from warehouse.store import open_store

NAMES = (*FEATURES, *LABELS)
LOADED_AT = datetime(2026, 6, 1, 9)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of its own, with the models of the features and what they read."""
    folder = tmp_path_factory.mktemp("features")
    copy_project(folder / "project", NAMES)
    return settings_in(folder / "home", project_dir=folder / "project")


def batches() -> list[list[Event]]:
    """The history, two loads of what came since, and a last one with an event of the past that came late."""
    log = with_arrivals(sample_log(90, 20, 4), LOADED_AT, seed=9)
    bounds = [LOADED_AT, LOADED_AT + timedelta(days=8), LOADED_AT + timedelta(days=20), datetime.max]
    parts: list[list[Event]] = [[] for _ in bounds]
    for event in log:
        number = next(number for number, bound in enumerate(bounds) if event["_received_at"] <= bound)
        parts[number].append(event | {"_batch": number + 1})
    return parts


def take_in(config: Settings, events: list[Event]) -> None:
    with open_store(config.layout(), config) as con:
        con.execute("begin")
        con.execute("delete from raw.clock")
        con.execute("insert into raw.clock values (null, null)")
        fill_raw(con, events)
        con.execute(BATCHES)
        con.execute("commit")


def build(config: Settings, *options: str) -> None:
    left_out = [part for kind in ("test", "unit_test") for part in ("--exclude-resource-type", kind)]
    result = dbt.invoke(config, ["build", *left_out, *options])
    assert result.nodes
    assert not result.failed, [(node.name, node.message) for node in result.failed]


@pytest.mark.slow
def test_batch_by_batch_is_the_whole(config: Settings) -> None:
    log: list[Event] = []
    for number, events in enumerate(batches()):
        assert events
        log += events
        take_in(config, events)
        build(config, *([] if number else ["--full-refresh"]))
        expected = engine().build(log, models=NAMES)
        with open_store(config.layout(), config) as con:
            for name in NAMES:
                rows = rows_of(con, f"features.{name}")
                assert rows, name
                assert_same_rows(f"{name} after batch {number + 1}", rows, expected.rows(f"features.{name}"))

    # A mark on an old row stays: what was known then is not looked at again. The row of as_of is made anew.
    last = log[-1]
    later = {"type": "app.login", "id": "later", "time": "2026-07-01T00:00:00Z", "data": {"user_id": "u"}}
    with open_store(config.layout(), config) as con:
        con.execute("update features.feat_lead set lead_source = 'marked' where cutoff_at < '2026-06-15' or is_latest")
        marked = con.execute("select count(*) from features.feat_lead where lead_source = 'marked' and not is_latest")
        row = marked.fetchone()
    take_in(config, [last | later | {"_batch": 5, "_received_at": datetime(2026, 7, 15)}])
    build(config, "--select", "+feat_lead")
    with open_store(config.layout(), config) as con:
        kept = con.execute("select count(*), count(*) filter (where is_latest) from features.feat_lead "
                           "where lead_source = 'marked'").fetchone()  # fmt: skip
    assert row is not None
    assert row[0] > 100
    assert kept == (row[0], 0)
