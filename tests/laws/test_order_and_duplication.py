"""Order of arrival, batches and repetition change no number: every fact, mart and contact table stays the same."""

import copy
import json
import random
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.laws.comparing import assert_same_rows, assert_same_tables
from tests.laws.compiled import Event, engine, settings_in
from tests.laws.logs import company_log
from tests.laws.tenants import SHARED, as_tenants, by_log
from tests.one_company.company import company_log as small_company
from warehouse.ingest import ingest_pending
from warehouse.landing import Landing
from warehouse.store import open_store

LAYERS = ("facts", "marts", "scores", "contacts")
SHUFFLED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
RECEIVED_AT = datetime(2026, 12, 1)
AT_ONCE = 50
FIRST = "0000"
"""Mark of the log that came alone."""


def snapshot(log: list[Event]) -> dict[str, list[dict[str, object]]]:
    tables = engine().build(log)
    return {name: tables.rows(name) for name in engine().tables(*LAYERS)}


def assert_order_is_free(log: list[Event], rng: random.Random, times: int) -> None:
    """Let the log arrive in so many orders and batches, `AT_ONCE` of them in one build, each as a tenant of its own."""
    expected = {name: by_log(rows) for name, rows in snapshot(as_tenants([log])).items()}
    for _ in range(0, times, AT_ONCE):
        orders = min(times, AT_ONCE)
        arrived = [event | {"_batch": rng.randint(1, 5)} for event in as_tenants([log] * orders)]
        rng.shuffle(arrived)
        for name, rows in snapshot(arrived).items():
            found = by_log(rows)
            assert len(found) == (orders if FIRST in expected[name] else 0) + (SHARED in expected[name]), name
            for mark, part in found.items():
                assert_same_rows(name, part, expected[name][SHARED if mark == SHARED else FIRST])


@given(company_log(), st.randoms(use_true_random=False))
@settings(SHUFFLED, max_examples=3)
def test_any_order_of_arrival_and_any_split_into_batches(log: list[Event], rng: random.Random) -> None:
    assert_order_is_free(log, rng, times=5)


@pytest.mark.slow
def test_ten_orders_of_the_small_company() -> None:
    assert_order_is_free(small_company(), random.Random(7), times=10)


@pytest.mark.slow
def test_a_thousand_orders_of_the_small_company() -> None:
    assert_order_is_free(small_company(), random.Random(11), times=1000)


def taken_in(folder: Path, files: list[list[Event]]) -> tuple[list[Event], list[int]]:
    """Land and ingest each list as a file of its own, one run each; what raw.events then holds, and the counts."""
    config = settings_in(folder / "home")
    home = config.layout()
    folder.mkdir(parents=True, exist_ok=True)
    counts = [0, 0, 0]
    for number, events in enumerate(files):
        path = folder / f"part-{number}.ndjson"
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
        Landing(home).land_all([path], received_at=RECEIVED_AT)
    with open_store(home, config) as con:
        for batch in ingest_pending(con, home, config):
            counts = [counts[0] + batch.accepted, counts[1] + batch.duplicate, counts[2] + batch.rejected]
        rows = con.execute(
            "select source, event_id, event_type, tenant_id, actor, occurred_at, data from raw.events"
        ).fetchall()
    events = [
        {
            "source": source,
            "id": event_id,
            "type": kind,
            "tenantid": tenant,
            "actor": actor,
            "time": f"{at.isoformat()}Z",
            "data": json.loads(data),
        }
        for source, event_id, kind, tenant, actor, at, data in rows
    ]
    return events, counts


@given(company_log(), st.randoms(use_true_random=False), st.integers(1, 4))
@settings(SHUFFLED, max_examples=2)
def test_a_producer_that_sends_things_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, log: list[Event], rng: random.Random, parts: int
) -> None:
    log = [event | {"source": event["source"]} for event in log]
    repeated = copy.deepcopy(log) + copy.deepcopy(rng.sample(log, rng.randint(0, len(log))))
    rng.shuffle(repeated)
    files: list[list[Event]] = [[] for _ in range(parts)]
    for event in repeated:
        files[rng.randrange(parts)].append(event)
    files = [file for file in files if file]
    files.append(files[0])

    events, (accepted, duplicate, rejected) = taken_in(tmp_path_factory.mktemp("again"), files)

    assert rejected == 0
    assert accepted == len(log)
    # The last file is the first one again, which is not even landed.
    assert duplicate == len(repeated) - len(log)
    expected = snapshot(log)
    assert_same_tables(expected, snapshot(events).__getitem__, expected.__getitem__)
