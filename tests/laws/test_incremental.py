"""Incremental builds over any batches equal a full refresh: real dbt, on a real work file, tables compared whole.

After every batch the tables are held to the same SQL run from nothing in memory, and after the last one to dbt's own
full refresh. A build takes seconds, so that each example is several logs at once, each a tenant of its own; and it is
of models alone: what the checks of a build find is tested elsewhere.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.laws.comparing import assert_same_tables
from tests.laws.compiled import BATCHES, Event, Row, engine, fill_raw, rows_of, settings_in
from tests.laws.logs import START, company_log, instant
from tests.laws.tenants import as_tenants
from tests.part import copy_project, with_inputs
from warehouse import dbt
from warehouse.build import build
from warehouse.settings import Settings
from warehouse.store import open_store

LAYERS = ("facts", "marts", "features", "scores", "contacts")
OF_CHECKS = {"facts.fact_check", "marts.data_quality"}
"""They tell of dbt's tests, which only dbt carries out: these are held to the full refresh alone."""
# A failing example is shown as it was found: shrinking it would take hundreds of builds.
FEW = settings(
    max_examples=1,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
MANY = settings(FEW, max_examples=4)
DEALS = ("united_stage", "pipeline_stage", "deal_days", "alert_sla", "alert_deal")
"""Marts of deals and timers: what changes without an event is there; all models are built by the slow suite."""
COMPANIES = 5
"""Logs of one example."""


@pytest.fixture(scope="module", autouse=True)
def models_alone() -> Iterator[None]:
    """Leave the checks out of each build; seeds are loaded by full builds."""
    invoke = dbt.invoke

    def without_checks(config: Settings, arguments: list[str], *others: Any) -> dbt.BuildResult:
        if arguments[0] != "build":
            return invoke(config, arguments, *others)
        left_out = ["test"] if "--full-refresh" in arguments else ["test", "seed"]
        options = [part for kind in left_out for part in ("--exclude-resource-type", kind)]
        return invoke(config, [*arguments, *options], *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "invoke", without_checks)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all logs, emptied for each: dbt parses the project once."""
    return tmp_path_factory.mktemp("incremental")


def add_batch(config: Settings, number: int, events: list[Event]) -> None:
    """Put a batch into raw as ingestion leaves it."""
    with open_store(config.layout(), config) as con:
        con.execute("begin")
        fill_raw(con, [event | {"_batch": number} for event in events])
        con.execute(BATCHES)
        con.execute("commit")


def built_tables(config: Settings, tables: list[str]) -> dict[str, list[Row]]:
    with open_store(config.layout(), config) as con:
        return {name: rows_of(con, name) for name in tables}


def assert_incremental_is_full(home: Path, batches: list[list[Event]], wanted: tuple[str, ...] = ()) -> None:
    """Of these models and what they read, or of all."""
    tables = engine().tables(*LAYERS)
    config = settings_in(home)
    if wanted:
        home = home / "part"
        if not (home / "project").exists():
            copy_project(home / "project", wanted)
        config = settings_in(home, project_dir=home / "project")
        tables = [name for name in tables if name.partition(".")[2] in with_inputs(wanted)]
        assert len(tables) > len(wanted)
    for path in home.glob("warehouse.duckdb*"):
        path.unlink()
    log: list[Event] = []
    for number, events in enumerate(batches, 1):
        log += [event | {"_batch": number} for event in events]
        add_batch(config, number, events)
        planned = build(config).plan
        assert planned.action == ("full" if number == 1 else "incremental"), planned.reason
        names = [name for name in tables if name not in OF_CHECKS]
        expected = engine().build(log, has_batches=True, models=[name.partition(".")[2] for name in names])
        assert_same_tables(names, built_tables(config, tables).__getitem__, expected.rows)
    step_by_step = built_tables(config, tables)
    assert build(config, full_refresh=True).plan.action == "full"
    assert_same_tables(step_by_step, step_by_step.__getitem__, built_tables(config, tables).__getitem__)


def event(number: int, kind: str, hours: float, **data: object) -> Event:
    return {"source": "crm", "id": f"n{number}", "type": kind, "time": instant(hours), "data": data}


def an_hour_later(hours: float) -> Event:
    """Time goes on elsewhere: nothing of any deal."""
    return event(int(hours * 100), "app.login", hours, user_id="u")


@pytest.mark.parametrize("wanted", [DEALS, pytest.param((), marks=pytest.mark.slow)], ids=["deals", "all"])
def test_what_changes_without_an_event_of_the_deal(home: Path, wanted: tuple[str, ...]) -> None:
    """Timers that cross, steps that fall due, dates that slip, rates and accounts that come or change."""
    deal = {"deal_id": "d1", "pipeline": "adtech", "account_id": "a1", "amount": 100, "currency": "EUR"}
    sold = {"deal_id": "d2", "amount": 700, "currency": "EUR", "expected_close_date": "2026-03-22", "account_id": "a1"}
    batches = [
        [
            event(1, "crm.deal.created", 0, **deal),
            event(2, "crm.deal.created", 0, **sold),
            event(3, "crm.deal.next_step_set", 1, deal_id="d2", next_step="call", due_at=instant(4)),
        ],
        # A timer is at risk, a step overdue, a currency rated.
        [an_hour_later(7), event(4, "finance.fx_rate.published", 7, date="2026-03-01", currency="EUR", rate=1.1)],
        # The timer is overdue, the account known, the other deal won.
        [
            event(5, "crm.account.upserted", 8, account_id="a1", name="Acme", industry="retail"),
            event(6, "crm.deal.won", 9, deal_id="d2"),
        ],
        # A correction of the rate of a day on which a deal was closed, and of today's.
        [event(7, "finance.fx_rate.published", 10, date="2026-03-01", currency="EUR", rate=1.2)],
        [an_hour_later(24 * 17)],
    ]
    assert_incremental_is_full(home, batches, wanted)


@pytest.mark.slow
def test_what_comes_late_or_is_taken_back(home: Path) -> None:
    """A creation after its gates, a revocation before the last signature, a loss and its reopening."""
    batches = [
        [
            event(1, "crm.offer.approved", 10, deal_id="d1"),
            event(2, "docflow.contract.signed", 30, deal_id="d1"),
            event(3, "crm.deal.created", 0, deal_id="d2"),
            event(4, "crm.deal.stage_changed", 5, deal_id="d2", to_stage="proposal"),
        ],
        [
            event(5, "crm.deal.created", 2, deal_id="d1", pipeline="adtech"),
            event(6, "crm.deal.lost", 50, deal_id="d2", lost_reason="price"),
        ],
        [event(7, "docflow.contract.revoked", 40, deal_id="d1", reason="typo")],
        [event(8, "crm.deal.reopened", 60, deal_id="d2"), event(9, "docflow.contract.signed", 26, deal_id="d1")],
        [
            event(10, "crm.deal.stage_changed", 4, deal_id="d2", to_stage="meeting"),
            event(11, "crm.brief.submitted", 9, deal_id="d2"),
        ],
        [event(12, "docflow.contract.signed", 90, deal_id="d1"), an_hour_later(24 * 10)],
    ]
    assert_incremental_is_full(home, batches)


@st.composite
def batches_of_a_company(draw: st.DrawFn) -> list[list[Event]]:
    """A log of a dozen deals in several random batches, and time that goes on after it."""
    log: list[Event] = []
    for part in range(draw(st.integers(2, 4))):
        for one in draw(company_log()):
            data = one["data"]
            if "deal_id" in data:
                data = data | {"deal_id": f"{data['deal_id']}-{part}"}
            log.append(one | {"id": f"{one['id']}-{part}", "data": data})
    batches: list[list[Event]] = [[] for _ in range(draw(st.integers(2, 4)))]
    for one in log:
        batches[draw(st.integers(0, len(batches) - 1))].append(one)
    later = draw(st.sampled_from([1, 24, 24 * 3, 24 * 35]))
    last = max(log, key=lambda one: one["time"])["time"]
    hours = (START.fromisoformat(last.replace("Z", "+00:00")) - START) / timedelta(hours=1) + later
    return [batch for batch in batches if batch] + [[an_hour_later(hours)]]


@st.composite
def batches_of_companies(draw: st.DrawFn) -> list[list[Event]]:
    """Several companies, whose batches come at the same times."""
    parts = [draw(batches_of_a_company()) for _ in range(COMPANIES)]
    return [as_tenants(batches) for batches in zip_longest(*parts, fillvalue=[])]


@pytest.mark.slow
@given(batches_of_companies())
@FEW
def test_any_batches(home: Path, batches: list[list[Event]]) -> None:
    assert_incremental_is_full(home, batches)


@pytest.mark.slow
@given(batches_of_companies())
@MANY
def test_any_batches_many(home: Path, batches: list[list[Event]]) -> None:
    assert_incremental_is_full(home, batches)
