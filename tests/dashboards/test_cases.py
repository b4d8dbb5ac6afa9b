"""What people do about a case: an event that the contracts accept, seen at once, until the mart knows of it."""

import json
import shutil
from datetime import date, datetime

import pyarrow as pa
import pytest

from dashboards import cases, theme
from dashboards.data import Filters, ForbiddenError, View
from dashboards.frame import Page
from dashboards.roles import BUILT_IN
from dashboards.session import Session, hub
from dashboards.snapshot import open_snapshot
from tests.dashboards.warehouse import make_home

NOW = datetime(2026, 6, 30, 9, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    rows = [
        {"tenant_id": "acme", "customer_id": f"account:{name}", "call_order": place, "case_status": "open"}
        for place, name in enumerate("abc")
    ]
    return make_home(tmp_path_factory.mktemp("cases") / "home", {"marts.churn_list": rows})


@pytest.fixture
def page(home, monkeypatch):
    monkeypatch.setenv("DEALHOUSE_HOME", str(home.root))
    shutil.rmtree(home.inbox / "collector", ignore_errors=True)
    hub.cache_clear()
    cases._said.clear()

    def page(role: str) -> Page:
        view = View(
            open_snapshot(home), BUILT_IN[role], Filters("acme", date(2026, 6, 30), date(2026, 1, 1), date(2026, 6, 1))
        )
        return Page("churn_list", view, Session(BUILT_IN[role], "EN", lambda: "u7"), theme.LIGHT, "USD")

    yield page
    hub.cache_clear()
    cases._said.clear()


def listed(page: Page) -> cases.Rows:
    rows = page.view.read("marts.churn_list", ("customer_id", *cases.COLUMNS), order=("call_order",))
    return cases.laid_over(rows, "acme", "customer", "customer_id", page.view.snapshot.publication.version)


def kept(page: Page) -> list[dict]:
    files = [path for path in (hub().home.inbox / "collector").glob("*") if path.is_file()]
    lines = [path.read_text().splitlines() for path in files]
    return [json.loads(line) for some in lines for line in some if line.startswith("{")]


@pytest.mark.parametrize("status", cases.ACTIONS)
def test_an_action_is_kept_as_an_event_that_the_contracts_accept(page, status):
    acting = page("customer_success")
    assert cases.say(acting, status, "customer", "account:b", "called", "reached", 64, now=NOW) == ""
    (event,) = kept(acting)
    assert (event["type"], event["tenantid"], event["subject"]) == (f"ops.case.{status}", "acme", "account:b")
    assert event["data"]["acted_by"] == "u7"
    assert event["data"]["note"] == "called"
    # What the list showed when it was done is what the mart holds later scores against.
    assert event["data"].get("score") == (64 if status == "handled" else None)


def test_the_list_shows_it_at_once(page):
    acting = page("customer_success")
    assert cases.say(acting, "handled", "customer", "account:a", now=NOW) == ""
    assert cases.say(acting, "taken", "customer", "account:b", now=NOW) == ""
    shown = {row["customer_id"]: row for row in listed(acting)}
    assert (shown["account:a"]["case_status"], shown["account:a"]["handled_by"]) == ("handled", "u7")
    assert shown["account:b"]["taken_at"] == NOW
    assert shown["account:c"]["case_status"] == "open"
    assert cases.to_do(listed(acting)).column("customer_id") == ["account:b", "account:c"]
    # Another tenant's case of the same name is another case.
    of_another = cases.laid_over(listed(acting), "zeta", "customer", "customer_id", "")
    assert of_another.column("case_status").count("handled") == 1


def test_the_mart_has_the_last_word_once_it_knows(page):
    acting = page("customer_success")
    cases.say(acting, "handled", "customer", "account:a", now=NOW)
    said = cases._said["acme", "customer", "account:a"]
    row = {"case_status": "open", "handled_at": NOW, "taken_at": None, "snoozed_until": None}
    assert cases._with(row, said) is row
    assert cases._with(row | {"handled_at": datetime(2026, 6, 1)}, said)["case_status"] == "handled"


def test_what_was_said_is_forgotten_when_two_publications_must_have_known(page):
    acting = page("customer_success")
    # Somebody else handles it in the CRM afterwards, which "reopened" would hide for ever.
    cases.say(acting, "reopened", "customer", "account:a", now=NOW)
    rows = acting.view.read("marts.churn_list", ("customer_id", *cases.COLUMNS), where={"customer_id": "account:a"})
    handled = rows.table.set_column(
        rows.table.column_names.index("case_status"), "case_status", pa.array(["handled"], pa.string())
    )
    now = acting.view.snapshot.publication.version

    def shown(version: str) -> list[str]:
        over = cases.laid_over(cases.Rows(handled), "acme", "customer", "customer_id", version)
        return over.column("case_status")

    # The first run after it may have begun before it.
    assert [shown(now), shown(f"{now}1"), shown(f"{now}1"), shown(f"{now}2")] == [["open"]] * 3 + [["handled"]]
    assert cases._said == {}


def test_a_snooze_ends_in_two_weeks(page):
    acting = page("customer_success")
    cases.say(acting, "snoozed", "customer", "account:a", now=NOW)
    (event,) = kept(acting)
    assert event["data"]["snoozed_until"] == "2026-07-14T09:30:00Z"


@pytest.mark.parametrize("role", ["leadership", "marketing", "operator"])
def test_who_may_not_act_cannot(page, role):
    with pytest.raises(ForbiddenError):
        cases.say(page(role), "handled", "customer", "account:a")
    assert kept(page(role)) == []


def test_what_the_contracts_refuse_is_told(page):
    told = cases.say(page("customer_success"), "taken", "nobody", "account:a", now=NOW)
    assert told
    assert listed(page("customer_success")).column("case_status") == ["open"] * 3
