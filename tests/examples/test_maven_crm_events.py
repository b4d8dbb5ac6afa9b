"""The known numbers of the sample pipeline, read off the events that its mapping makes."""

DEALS = """
from (
    select
        data ->> 'deal_id' as deal_id,
        min(cast(time as timestamp)) filter (type = 'crm.deal.created') as created_at,
        min(cast(time as timestamp)) filter (type in ('crm.deal.won', 'crm.deal.lost')) as closed_at,
        bool_or(type = 'crm.deal.won') as is_won,
        bool_or(type = 'crm.deal.lost') as is_lost,
        any_value(data ->> 'owner_id') as owner_id,
        any_value(data ->> 'stage') as stage,
        any_value(data ->> 'account_id') as account_id,
        any_value(data ->> 'title') as product,
        any_value(data ->> 'lost_reason') as lost_reason,
        sum(cast(data ->> 'amount' as decimal(18, 2))) filter (type = 'crm.deal.won') as revenue
    from incoming
    where type like 'crm.deal.%'
    group by 1
)
"""


def test_every_row_becomes_its_events(maven):
    assert maven.types() == {
        "crm.account.upserted": 85,
        "crm.deal.created": 8800,
        "crm.deal.won": 4238,
        "crm.deal.lost": 2473,
    }
    assert maven.refused() == 0
    assert maven.result.skipped == 0
    assert maven.one("select count(distinct id) from incoming") == 85 + 8800 + 4238 + 2473


def test_outcomes(maven):
    assert maven.rows(
        f"select count(*), count_if(is_won), count_if(is_lost), "
        f"round(100.0 * count_if(is_won) / count_if(is_won or is_lost), 2) {DEALS}"
    ) == [(8800, 4238, 2473, 63.15)]
    assert maven.rows(f"select stage, count(*) {DEALS} where not is_won and not is_lost group by 1 order by 1") == [
        ("lead", 500),
        ("qualified", 1589),
    ]
    assert maven.rows(f"select distinct lost_reason {DEALS} where is_lost") == [("not given",)]


def test_by_quarter_of_close(maven):
    assert maven.rows(
        f"select count_if(is_won), round(100.0 * count_if(is_won) / count(*), 2) {DEALS} "
        "where closed_at is not null group by quarter(closed_at) order by quarter(closed_at)"
    ) == [(531, 82.07), (1254, 61.71), (1257, 61.41), (1196, 60.25)]


def test_by_agent(maven):
    assert maven.rows(f"select count_if(is_won), count_if(is_lost) {DEALS} where owner_id = 'Darcel Schlecht'") == [
        (349, 204)
    ]


def test_revenue_and_cycle(maven):
    assert maven.rows(
        f"select sum(revenue), round(avg(closed_at::date - created_at::date), 2), "
        f"median(closed_at::date - created_at::date) {DEALS} where is_won"
    ) == [(10_005_534, 51.78, 57)]


def test_accounts_and_products(maven):
    assert maven.one(f"select count(*) {DEALS} where account_id is null") == 1425
    assert maven.rows(f"select count(distinct product), count_if(product = 'GTX Pro') {DEALS}") == [(7, 1480)]
    listed = maven.one("select count(distinct data ->> 'account_id') from incoming where type = 'crm.account.upserted'")
    assert listed == 85
    assert (
        maven.one(
            f"select count(*) {DEALS} where account_id not in "
            "(select data ->> 'account_id' from incoming where type = 'crm.account.upserted')"
        )
        == 0
    )
    assert maven.rows(
        "select distinct data ->> 'industry' from incoming "
        "where type = 'crm.account.upserted' and (data ->> 'industry') like 'tech%'"
    ) == [("technology",)]


def test_a_deal_that_was_not_engaged_says_that_its_date_is_assumed(maven):
    assert maven.rows(
        "select data ->> 'stage', time, count(*) from incoming "
        "where data ->> 'is_created_at_assumed' = 'true' group by all"
    ) == [("lead", "2017-12-31T00:00:00.000000Z", 500)]
