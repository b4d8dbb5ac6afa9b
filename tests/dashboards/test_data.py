"""The one way to rows: tenant, segment, period, sums and ratios, against the same asked of DuckDB by hand."""

from dataclasses import replace
from datetime import date

import pytest

from dashboards.data import Between, Filters, ForbiddenError, Not, NotYet, View
from dashboards.roles import Role
from dashboards.snapshot import Hub, open_snapshot
from tests.dashboards.warehouse import make_home, publish_rows
from warehouse.publish import query
from warehouse.settings import Settings

YEAR = Filters("acme", date(2026, 6, 30), date(2025, 7, 1), date(2026, 6, 1))


@pytest.fixture(scope="module")
def home(full_home):
    return full_home


@pytest.fixture
def view(home):
    return View(open_snapshot(home), Role("anyone"), YEAR)


def test_rows_are_of_one_tenant(view, home):
    assert len(view.read("marts.churn_list", ("customer_id",))) == 24
    assert len(view.over(tenant="zeta").read("marts.churn_list", ("customer_id",))) == 6
    assert query(home, "select count(*) as n from marts.churn_list").column("n").to_pylist() == [30]


def test_another_tenants_rows_are_refused(view):
    restricted = View(view.snapshot, Role("one", tenants=("zeta",)), YEAR)
    with pytest.raises(ForbiddenError):
        restricted.read("marts.churn_list", ("customer_id",))
    assert restricted.asked == []


def test_two_roles_share_no_rows_through_memory(view):
    first = view.read("marts.kpi", ("kpi",)).table
    second = View(view.snapshot, Role("one", tenants=("zeta",)), YEAR).over(tenant="zeta").read("marts.kpi", ("kpi",))
    assert len(first) != len(second)


def test_sums_and_ratios_are_those_of_sql(view, home):
    mine = view.read(
        "marts.sla_bottleneck",
        ("sla",),
        sums=("timer_count",),
        ratios={"rate": (("breached_count", "overdue_count"), ("met_count", "breached_count", "overdue_count"))},
        months="started_month",
        order=("sla",),
    )
    theirs = query(
        home,
        "select sla, sum(timer_count) as timer_count, sum(breached_count + overdue_count) "
        "/ sum(met_count + breached_count + overdue_count) as rate from marts.sla_bottleneck "
        "where tenant_id = 'acme' and started_month between '2025-07-01' and '2026-06-01' group by 1 order by 1",
    ).to_pylist()
    assert [(r["sla"], r["timer_count"]) for r in mine] == [(r["sla"], r["timer_count"]) for r in theirs]
    assert [r["rate"] for r in mine] == pytest.approx([r["rate"] for r in theirs])


def test_a_ratio_of_nothing_is_missing(tmp_path):
    home = make_home(tmp_path / "home", {"marts.sla_bottleneck": [{"tenant_id": "acme", "met_count": 0}]})
    view = View(open_snapshot(home), Role("anyone"), YEAR)
    assert view.read("marts.sla_bottleneck", ratios={"rate": (("met_count",), ("met_count",))}).first() == {
        "rate": None
    }


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("a", ["a"]),
        (("a", "b"), ["a", "b"]),
        ((), []),
        (None, [None]),
        (Not("a"), ["b", None]),
        (Between(low="b"), ["b"]),
        (Between(before="b"), ["a"]),
        (Between(), ["a", "b", None]),
        (NotYet("a"), ["b", None]),
    ],
)
def test_conditions(tmp_path_factory, condition, expected):
    home = _two_owners(tmp_path_factory)
    view = View(open_snapshot(home), Role("anyone"), YEAR)
    found = view.read("marts.churn_list", ("owner_id",), where={"owner_id": condition}, order=("owner_id",))
    assert found.column("owner_id") == expected


_HOMES: list = []


def _two_owners(factory):
    if not _HOMES:
        rows = [{"tenant_id": "acme", "owner_id": owner} for owner in ("a", "b", None)]
        _HOMES.append(make_home(factory.mktemp("owners") / "home", {"marts.churn_list": rows}))
    return _HOMES[0]


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        # All of March stands in its row, which nobody knew on the 15th.
        (date(2026, 3, 15), date(2026, 2, 1)),
        (date(2026, 3, 31), date(2026, 3, 1)),
        (date(2026, 4, 1), date(2026, 3, 1)),
        (date(2026, 1, 31), date(2026, 1, 1)),
        # The running month of the publication's own day, 30 June, counts up to that day.
        (date(2026, 6, 30), date(2026, 6, 1)),
        (date(2026, 6, 29), date(2026, 5, 1)),
    ],
)
def test_months_end_with_the_last_that_was_known(view, as_of, last):
    then = view.over(as_of=as_of, last_month=as_of.replace(day=1))
    assert max(then.read("marts.kpi", ("kpi_month",), months="kpi_month").column("kpi_month")) == last
    starts = then.read("marts.nps", ("period_start_date",), months="period_start_date").column("period_start_date")
    assert max(starts) == last


def test_days_end_with_the_one_as_of_which_is_asked(view):
    to_march = view.over(as_of=date(2026, 3, 15), last_month=date(2026, 3, 1))
    instants = to_march.read("facts.fact_deal", ("created_at",), months="created_at").column("created_at")
    assert max(instants).date() <= date(2026, 3, 15)


def test_segments_apply_by_columns_and_by_dimension(view):
    chosen = view.over(segments=(("industry", "retail"),), owner="U-1")
    rows = chosen.read("marts.pipeline_stage", ("industry", "owner_id"), by="columns")
    assert {(row["industry"], row["owner_id"]) for row in rows} == {("retail", "U-1")}
    assert len(chosen.read("marts.win_loss", ("won_count",), by="dimension")) == 0  # only totals were invented
    assert len(view.read("marts.win_loss", ("won_count",), by="dimension")) == 24


def test_filters_that_do_not_act_are_named(view):
    chosen = view.over(segments=(("industry", "retail"), ("client_type", "brand")), owner="U-1")
    assert chosen.read("marts.pipeline_stage", by="columns").ignored == ()
    # One dimension at a time: the owner's line says nothing of an industry.
    assert chosen.read("marts.win_loss", by="dimension").ignored == ("industry", "client_type")
    assert chosen.over(owner=None).read("marts.win_loss", by="dimension").ignored == ("client_type",)
    assert chosen.read("facts.fact_gate").ignored == ("industry", "client_type", "owner")
    assert chosen.read("facts.fact_deal", where={"owner_id": "U-1", "industry": "retail"}).ignored == ("client_type",)
    assert chosen.read("facts.fact_deal", where={"owner_id": "U-2"}).ignored == ("industry", "client_type", "owner")


def test_a_day_that_is_over_does_not_act_on_what_speaks_of_today(view):
    assert view.read("marts.pipeline_stage").ignored == ()
    then = view.over(as_of=date(2026, 3, 15))
    assert then.read("marts.pipeline_stage").ignored == ("as_of",)
    assert then.read("marts.kpi", months="kpi_month").ignored == ()
    assert then.read("marts.alert", where={"raised_at": Between(before=date(2026, 3, 16))}).ignored == ()
    assert then.read("marts.win_loss", where={"lost_count": Between(low=1)}).ignored == ("as_of",)


def test_what_the_file_lacks_is_named(view):
    assert view.read("marts.nothing").missing == "marts.nothing"
    lacking = view.read("marts.kpi", ("kpi", "no_such_column"))
    assert (lacking.missing, len(lacking), lacking.column("kpi")) == ("marts.kpi.no_such_column", 0, [])


def test_the_shared_tenants_own_checks_are_its_own(tmp_path):
    rows = [
        {"tenant_id": tenant, "check_name": check, "subject_id": f"{tenant}'s"}
        for tenant in ("acme", "default", "zeta")
        for check in ("build_check", "source_silent", "refused_delivery")
    ]
    home = make_home(tmp_path / "home", {"marts.data_quality": rows})
    found = View(open_snapshot(home), Role("anyone"), YEAR).read(
        "marts.data_quality", ("subject_id", "check_name"), order=("subject_id", "check_name")
    )
    # A company without a name of its own is the tenant "default", and what is said of it is no other's business.
    assert [(row["subject_id"], row["check_name"]) for row in found] == [
        ("acme's", "build_check"),
        ("acme's", "refused_delivery"),
        ("acme's", "source_silent"),
        ("default's", "build_check"),
    ]


def test_what_came_in_is_told_to_those_who_may_see_all_tenants(tmp_path):
    """Files, rejected rows and unknown fields are kept under the shared tenant, whoever they speak of."""
    checks = ("build_check", "quarantine_share", "rejected_rows", "source_silent", "unknown_field")
    tables = {
        "marts.data_quality": [{"tenant_id": "default", "check_name": check} for check in checks],
        "facts.fact_batch": [{"tenant_id": "default", "file": "zeta-layoffs.ndjson"}],
        "facts.fact_rejection": [{"tenant_id": "default", "reject_reason": "malformed"}],
        "facts.fact_unknown_field": [{"tenant_id": "default", "field_name": "zeta_secret"}],
    }
    snapshot = open_snapshot(make_home(tmp_path / "home", tables))
    seen = {"checks": {}, "rows": {}}
    for tenants in (("*",), ("acme", "default"), ("acme",)):
        tenant = "default" if tenants == ("acme", "default") else "acme"
        view = View(snapshot, Role("anyone", tenants=tenants), replace(YEAR, tenant=tenant))
        seen["checks"][tenants] = view.read("marts.data_quality", ("check_name",), order=("check_name",)).column(
            "check_name"
        )
        seen["rows"][tenants] = [len(view.read(table)) for table in tables if table.startswith("facts")]
    assert seen["rows"] == {("*",): [1, 1, 1], ("acme", "default"): [0, 0, 0], ("acme",): [0, 0, 0]}
    assert seen["checks"] == {
        ("*",): ["build_check", "quarantine_share", "rejected_rows", "unknown_field"],
        ("acme", "default"): ["build_check", "source_silent"],
        ("acme",): ["build_check"],
    }


def test_what_rows_are_ordered_by_is_in_the_catalogue_too(view):
    assert view.read("marts.kpi", ("kpi",), order=("-no_such_column",)).missing == "marts.kpi.no_such_column"
    assert view.read("marts.kpi", ("kpi",), count=True, order=("-row_count", "kpi")).column("row_count") == [8, 8, 8]


def test_identifiers_are_those_of_the_catalogue(view):
    assert view.read('marts.kpi"; drop table x; --').missing
    assert view.read("marts.kpi", ('kpi" from marts.kpi; --',)).missing


def test_a_page_keeps_its_version_while_others_see_the_next(tmp_path):
    settings = Settings(home=tmp_path / "home")
    home = settings.layout()
    publish_rows(home, settings, {"marts.kpi": [{"tenant_id": "acme", "kpi": "nrr"}]})
    hub = Hub(home)
    before = View(hub.current(), Role("anyone"), YEAR)
    publish_rows(home, settings, {"marts.kpi": [{"tenant_id": "acme", "kpi": "cac"}]})
    after = View(hub.current(), Role("anyone"), YEAR)
    assert before.read("marts.kpi", ("kpi",)).column("kpi") == ["nrr"]
    assert after.read("marts.kpi", ("kpi",)).column("kpi") == ["cac"]
    assert hub.current() is after.snapshot


def test_what_changed_between_publications(tmp_path):
    from dashboards.publications import changes

    settings = Settings(home=tmp_path / "home")
    home = settings.layout()
    row = {"tenant_id": "acme", "kpi_month": date(2026, 5, 1)}
    publish_rows(
        home, settings, {"marts.kpi": [row | {"kpi": "nrr", "kpi_value": 1.0}, row | {"kpi": "cac", "kpi_value": 9.0}]}
    )
    publish_rows(
        home, settings, {"marts.kpi": [row | {"kpi": "nrr", "kpi_value": 1.1}, row | {"kpi": "cac", "kpi_value": 9.0}]}
    )
    found = changes(home, View(open_snapshot(home), Role("anyone"), YEAR))
    assert list(found) == [{"kpi": "nrr", "kpi_month": date(2026, 5, 1), "kpi_value_before": 1.0, "kpi_value": 1.1}]
