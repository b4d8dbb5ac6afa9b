"""`dealhouse run` on each public data set gives its known numbers in the published facts."""

from collections.abc import Callable

import duckdb
import pytest

from tests.part import copy_project
from tests.public_data import data_of
from warehouse import pipeline
from warehouse.publish import Published
from warehouse.settings import Settings

from .conftest import EXAMPLES

Rows = Callable[[str], list[tuple[object, ...]]]


READ = (
    "fact_activity",
    "dim_account",
    "fact_gate",
    "fact_lead",
    "deal_aging",
    "funnel_b2b",
    "pipeline_flow",
    "win_loss",
)
"""Tables that the numbers are read from; they are built, and what they read."""


def run(name: str, folder) -> Rows:
    """Land, take in, build and publish one data set; return a function that queries what was published."""
    copy_project(folder / "project", READ)
    settings = Settings(home=folder / "home", project_dir=folder / "project")
    outcome = pipeline.run(settings, [data_of(name)], mapping=EXAMPLES / name / "mapping.toml")
    (batch,) = outcome.batches
    assert (batch.rejected, batch.duplicate) == (0, 0)
    assert isinstance(outcome.published, Published)
    con = duckdb.connect(str(outcome.published.path), read_only=True)
    return lambda sql: con.execute(sql).fetchall()


class TestMavenCrm:
    @pytest.fixture(scope="class")
    def query(self, tmp_path_factory) -> Rows:
        return run("maven_crm", tmp_path_factory.mktemp("maven_crm"))

    def test_outcomes_and_win_rate(self, query):
        assert query("select status, stage, count(*) from facts.fact_deal group by all order by all") == [
            ("lost", "closed_lost", 2473),
            ("open", "lead", 500),
            ("open", "qualified", 1589),
            ("won", "closed_won", 4238),
        ]
        assert query(
            "select round(100.0 * count_if(status = 'won') / count(*), 2) from facts.fact_deal "
            "where closed_at is not null"
        ) == [(63.15,)]

    def test_by_quarter_of_close(self, query):
        assert query(
            "select count_if(status = 'won'), round(100.0 * count_if(status = 'won') / count(*), 2) "
            "from facts.fact_deal where closed_at is not null group by quarter(closed_at) order by quarter(closed_at)"
        ) == [(531, 82.07), (1254, 61.71), (1257, 61.41), (1196, 60.25)]

    def test_by_agent(self, query):
        assert query(
            "select count_if(status = 'won'), count_if(status = 'lost') from facts.fact_deal "
            "where owner_id = 'Darcel Schlecht'"
        ) == [(349, 204)]

    def test_revenue_and_cycle(self, query):
        assert query(
            "select sum(amount), sum(amount_base), round(avg(sales_cycle_days), 2), median(sales_cycle_days) "
            "from facts.fact_deal where status = 'won'"
        ) == [(10_005_534, 10_005_534, 51.78, 57)]

    def test_marts_give_the_same_win_rates(self, query):
        by_quarter = (
            "select sum(won_count)::int, round(100.0 * sum(won_count) / sum(won_count + lost_count), 2) "
            "from marts.win_loss where dimension = 'total' and won_count + lost_count > 0 "
            "group by quarter(period_month) order by quarter(period_month)"
        )
        assert query(by_quarter) == [(531, 82.07), (1254, 61.71), (1257, 61.41), (1196, 60.25)]
        assert query(
            "select sum(won_count)::int, sum(lost_count)::int from marts.win_loss "
            "where dimension = 'owner' and dimension_value = 'Darcel Schlecht'"
        ) == [(349, 204)]
        assert query("select sum(won_base) from marts.win_loss where dimension = 'total'") == [(10_005_534,)]

    def test_flow_ends_with_what_is_open(self, query):
        assert query(
            "select closing_count from marts.pipeline_flow where dimension = 'total' and period_kind = 'month' "
            "order by period_start_date desc limit 1"
        ) == [(500 + 1589,)]
        assert query(
            "select sum(new_count)::int, sum(won_count)::int, sum(lost_count)::int from marts.pipeline_flow "
            "where dimension = 'total' and period_kind = 'quarter'"
        ) == [(8800, 4238, 2473)]
        assert query("select count(*) from marts.deal_aging") == [(500 + 1589,)]

    def test_accounts(self, query):
        assert query("select count(*) from facts.fact_deal where account_id is null") == [(1425,)]
        assert query("select count(*) from facts.fact_deal where account_id is not null and industry is null") == [(0,)]
        assert query("select count(*) from facts.dim_account") == [(85,)]


class TestOlistFunnel:
    @pytest.fixture(scope="class")
    def query(self, tmp_path_factory) -> Rows:
        return run("olist_funnel", tmp_path_factory.mktemp("olist_funnel"))

    def test_conversion_by_origin(self, query):
        found = {
            origin: (leads, won)
            for origin, leads, won in query(
                "select utm_source, count(*), count(converted_at) from facts.fact_lead group by 1"
            )
        }
        assert found["organic_search"] == (2296, 271)
        assert found["paid_search"] == (1586, 195)
        assert found["social"] == (1350, 75)
        assert found["unknown"] == (1099, 179)
        assert found["direct_traffic"] == (499, 56)
        assert found["email"] == (493, 15)
        assert found["referral"] == (284, 24)
        assert found["display"] == (118, 6)
        assert query("select count(*), round(100.0 * count(converted_at) / count(*), 3) from facts.fact_lead") == [
            (8000, 10.525)
        ]

    def test_days_to_close(self, query):
        assert query(
            "select count(*), median(days), round(avg(days), 2), min(days) from "
            "(select date_diff('day', created_at, closed_at) as days from facts.fact_deal where status = 'won')"
        ) == [(842, 14, 48.44, -2)]
        assert query("select count(*) from facts.fact_deal where sales_cycle_days < 0") == [(1,)]

    def test_all_deals_of_the_marts_are_won(self, query):
        assert query(
            "select sum(won_count)::int, sum(lost_count)::int, min(closed_win_rate), max(closed_win_rate) "
            "from marts.win_loss where dimension = 'total'"
        ) == [(842, 0, 1.0, 1.0)]


class TestBpi2012:
    @pytest.fixture(scope="class")
    def query(self, tmp_path_factory) -> Rows:
        return run("bpi2012", tmp_path_factory.mktemp("bpi2012"))

    def test_outcomes(self, query):
        assert query("select status, lost_reason, count(*) from facts.fact_deal group by all order by all") == [
            ("lost", "cancelled", 2807),
            ("lost", "declined", 7635),
            ("open", None, 2246 + 399),
        ]

    def test_marts_tell_reasons_and_steps(self, query):
        assert query(
            "select dimension_value, sum(lost_count)::int from marts.win_loss where dimension = 'lost_reason' "
            "group by 1 order by 1"
        ) == [("cancelled", 2807), ("declined", 7635)]
        reached = dict(
            query(
                "select step, sum(entered)::int from marts.funnel_b2b "
                "where dimension = 'total' and order_rule = 'any' group by 1"
            )
        )
        assert reached["draft"] == 13_087
        assert reached["launching"] == 2246  # the contract was signed

    def test_gates(self, query):
        assert query(
            "select gate, count(distinct deal_id), count(*) from facts.fact_gate "
            "where gate_status group by 1 order by 1"
        ) == [("G1", 7367, 7367), ("G2", 5113, 5113), ("G3", 5015, 5015), ("G4", 2246, 2246)]

    def test_aggregated_stages(self, query):
        # Told from the file itself: how far the applications got that were neither declined nor cancelled.
        log = duckdb.connect().execute(
            """
            with cases as (
                select list(distinct "concept:name") as done
                from read_csv($1, all_varchar = true)
                group by "case:concept:name"
            )
            select
                case
                    when list_contains(done, 'A_APPROVED') then 'launching'
                    when list_contains(done, 'A_ACCEPTED') and list_contains(done, 'O_SENT') then 'offer_ready'
                    when list_contains(done, 'A_ACCEPTED') then 'planning'
                    when list_contains(done, 'A_PREACCEPTED') then 'briefed'
                    else 'draft'
                end,
                count(*)
            from cases
            where not list_has_any(done, ['A_DECLINED', 'A_CANCELLED'])
            group by 1
            order by 2 desc
            """,
            [str(data_of("bpi2012") / "bpic2012.csv.gz")],
        )
        assert log.fetchall() == query(
            "select aggregated_stage, count(*) from facts.fact_deal where status = 'open' group by 1 order by 2 desc"
        )

    def test_activities(self, query):
        assert query("select count(*), count(completed_at) from facts.fact_activity") == [(170_107, 72_413)]
