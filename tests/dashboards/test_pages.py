"""Every page, without a browser: with rows in every table, with none, with tables missing, and by role."""

import json
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import registry, roles, text
from dashboards.data import View
from tests.dashboards.warehouse import everything, make_home

NAMES = [page.name for page in registry.pages()]


def texts(app: AppTest) -> str:
    every = [*app.title, *app.header, *app.caption, *app.markdown, *app.info, *app.error, *app.warning]
    return "\n".join(str(one.value) for one in every)


def whole(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    assert not app.error, [one.value for one in app.error]
    return app


@pytest.mark.parametrize("name", NAMES)
def test_a_page_draws_all_its_cards(at, full_home, name):
    app = whole(at(full_home, name, role="leadership"))
    assert app.title[0].value == text.say(f"page.{name}")
    # No card asks for a table or a column that no model declares.
    lacking = text.say("state.lacking", what="|").split("|")[0]
    assert lacking not in texts(app)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_warehouse_says_so(at, empty_home, name):
    app = whole(at(empty_home, name, role="leadership"))
    assert text.say("state.no_data") in texts(app)


def test_without_a_publication_pages_say_what_to_do(at, tmp_path):
    from warehouse.settings import Settings

    app = whole(at(Settings(home=tmp_path / "home").layout(), "overview", role="leadership"))
    assert text.say("state.nothing_published") in texts(app)
    assert "dealhouse run" in app.code[0].value


@pytest.mark.parametrize(("name", "gone"), [("overview", "marts.alert"), ("sales", "marts.forecast")])
def test_a_file_of_another_version_lacks_one_card_alone(at, tmp_path, name, gone):
    app = whole(at(make_home(tmp_path / "home", everything(), without=(gone,)), name, role="leadership"))
    assert text.say("state.lacking", what=gone) in texts(app)
    assert len(app.header) > 3


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_interface_speaks_three_languages(at, full_home, language):
    app = whole(at(full_home, "sales", role="leadership", lang=language))
    assert app.title[0].value == text.say("page.sales", language)
    assert text.say("sales.board", language) in [one.value for one in app.header]


def test_a_value_of_the_mart_is_shown_as_the_formatter_writes_it(at, tmp_path):
    month = {"kpi": "nrr", "kpi_unit": "share", "tenant_id": "acme", "is_complete": True, "target": 1.0}
    rows = [
        month | {"kpi_month": "2026-04-01", "kpi_value": 0.90, "basis_count": 40},
        month
        | {"kpi_month": "2026-05-01", "kpi_value": 0.953, "value_change": 0.053, "trend": "better", "basis_count": 41}
        | {"target_status": "missed"},
        month | {"kpi_month": "2026-06-01", "kpi_value": 0.5, "is_complete": False, "basis_count": 3},
    ]
    app = whole(at(make_home(tmp_path / "home", {"marts.kpi": rows}), "overview", role="leadership"))
    (shown,) = app.metric
    # The running month is not over: the last one that is counts.
    assert (shown.label, shown.value, shown.delta) == (text.say("kpi.nrr"), "95.3%", "+5.3\u00a0pp")
    assert "n\u00a0=\u00a041" in texts(app)
    # As of the end of April, May is not known.
    app = at(make_home(tmp_path / "other", {"marts.kpi": rows}), "overview", role="leadership", as_of="2026-04-30")
    assert app.metric[0].value == "90.0%"


def test_a_forecast_shows_months_to_come_and_of_no_month_what_was_not_known(at, tmp_path):
    row = {"tenant_id": "acme", "pipeline": "b2b", "dimension": "total", "dimension_value": "(all)"}
    rows = [
        row
        | {"period_month": date(2026, month, 1), "snapshot_date": day, "commit_base": commit, "actual_won_base": won}
        for month, day, commit, won in (
            (5, date(2026, 5, 11), 10.0, 15.0),
            (6, date(2026, 5, 11), 20.0, 25.0),
            (6, date(2026, 6, 30), 21.0, 25.0),
            (8, date(2026, 6, 30), 40.0, None),
        )
    ]
    stage = {"tenant_id": "acme", "pipeline": "b2b", "deal_count": 1}
    kpi = {"tenant_id": "acme", "kpi": "nrr"}
    home = make_home(tmp_path / "home", {"marts.kpi": [kpi], "marts.forecast": rows, "marts.pipeline_stage": [stage]})

    def drawn(**params: str) -> tuple[list, list, list]:
        app = whole(at(home, "sales", role="leadership", **params))
        (spec,) = [
            json.loads(one.proto.spec)
            for one in app.get("echarts_chart")
            if one.proto.alt == text.say("sales.forecast")
        ]
        by = {series["name"]: series["data"] for series in spec["series"]}
        return (
            spec["xAxis"]["data"],
            by[text.name_of("col", "commit_base")],
            by[text.name_of("col", "actual_won_base")],
        )

    # The last snapshot of each month; nothing has come of August yet.
    months, commit, won = drawn()
    assert (len(months), [number(one) for one in commit]) == (3, [10, 21, 40])
    assert [number(one) for one in won] == [15, 25, None]
    # On 20 May, June had been forecast on the 11th, and neither month was over.
    months, commit, won = drawn(as_of="2026-05-20")
    assert (len(months), [number(one) for one in commit]) == (2, [10, 20])
    assert [number(one) for one in won] == [None, None]


def number(point: object) -> object:
    return point["value"] if isinstance(point, dict) else point


def test_filters_act_and_stand_in_the_url(at, full_home):
    every = whole(at(full_home, "sales", role="leadership"))
    one = whole(at(full_home, "sales", role="leadership", industry="retail"))
    # Invented rows alternate between two industries.
    assert int(one.metric[0].value) < int(every.metric[0].value)
    assert one.selectbox(key="industry").value == "retail"
    (reset,) = [button for button in one.button if button.label == text.say("filter.reset")]
    assert whole(reset.click().run()).metric[0].value == every.metric[0].value
    nonsense = whole(at(full_home, "sales", role="leadership", industry="'; drop table marts.kpi; --"))
    assert nonsense.metric[0].value == every.metric[0].value


def test_what_is_chosen_by_the_url_is_what_the_mart_calls_it(at, tmp_path):
    """Signs that mean something to Markdown stand in the address as they are."""
    rows = [
        {"tenant_id": "acme", "pipeline": pipeline, "stage": stage, "deal_count": count, "amount_base": 1.0}
        for pipeline, stage, count in [("b2b", "won*", 7), ("R&D", "*new*", 2), ("R&D", "old_1", 3)]
    ]
    stages = [row | {"stage_order": number} for number, row in enumerate(rows)]
    deals = [row | {"deal_id": row["stage"]} for row in rows]
    tables = {"marts.pipeline_stage": rows, "facts.dim_stage": stages, "marts.deal_aging": deals}
    tables["marts.kpi"] = [{"tenant_id": "acme"}]
    home = make_home(tmp_path / "home", tables)
    app = whole(at(home, "sales", role="leadership", pipeline="R&D", stage="*new*"))
    assert (app.selectbox(key="pipeline").value, app.metric[0].value) == ("R&D", "5")
    assert app.selectbox(key="stage").value == "*new*"


def test_a_subject_is_found_by_the_url(at, full_home):
    app = whole(at(full_home, "deal", role="leadership", deal="deal-03"))
    assert app.subheader[0].value == "title-03"
    unknown = whole(at(full_home, "deal", role="leadership", deal="nobody"))
    assert text.say("deal.unknown", deal="nobody") in texts(unknown)


def test_a_card_on_which_a_filter_does_not_act_says_so(at, full_home):
    said = text.say("card.ignored", filters=text.say("filter.industry"))
    assert said not in texts(whole(at(full_home, "stages", role="leadership")))
    # Timers and gates of single deals carry no industry.
    assert texts(whole(at(full_home, "stages", role="leadership", industry="retail"))).count(said) >= 2
    past = texts(whole(at(full_home, "sales", role="leadership", as_of="2026-04-30")))
    assert text.say("card.ignored", filters=text.say("filter.as_of")) in past
    assert text.say("card.ignored.some", filters=text.say("filter.as_of")) in past


@pytest.mark.parametrize("name", ["finance", "sales", "data"])
def test_without_permission_nothing_is_asked(at, full_home, name, monkeypatch):
    """The page's own file does not run, so that no statement reaches the file but those of nobody's page."""
    asked = []
    read = View.read
    monkeypatch.setattr(View, "read", lambda self, *a, **k: (asked.append(a[0]), read(self, *a, **k))[1])
    assert not roles.BUILT_IN["marketing"].may_open(name)
    app = at(full_home, name, role="marketing")
    assert not app.exception
    assert asked == []
    at(full_home, name, role="leadership")
    assert asked


def test_a_tenant_that_the_role_may_not_see_is_not_shown(at, full_home, tmp_path, monkeypatch):
    told = tmp_path / "roles.toml"
    told.write_text('[zeta_only]\ntenants = ["zeta"]\n')
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLES", str(told))
    restricted = whole(at(full_home, "churn_list", role="zeta_only", tenant="acme"))
    assert sum(int(card.value) for card in restricted.metric[:3]) == 6
    monkeypatch.delenv("DEALHOUSE_DASHBOARD_ROLES")
    assert sum(int(card.value) for card in at(full_home, "churn_list", role="leadership").metric[:3]) == 24


def test_who_may_not_export_gets_no_buttons(at, full_home, tmp_path, monkeypatch):
    told = tmp_path / "roles.toml"
    told.write_text("[reader]\nmay_export = false\n")
    monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLES", str(told))
    assert not at(full_home, "sales", role="reader").get("download_button")
    monkeypatch.delenv("DEALHOUSE_DASHBOARD_ROLES")
    assert at(full_home, "sales", role="leadership").get("download_button")
