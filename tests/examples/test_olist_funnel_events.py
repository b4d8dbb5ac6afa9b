"""The known numbers of the marketplace's funnel, read off the events that its mapping makes."""

LEADS = """
from (
    select
        data ->> 'lead_id' as lead_id,
        any_value(data ->> 'utm_source') as origin,
        any_value(data ->> 'lead_source') as lead_source,
        bool_or(type = 'crm.lead.converted') as is_won,
        count_if(type = 'crm.lead.created') as created
    from incoming
    where type like 'crm.lead.%'
    group by 1
)
"""
DAYS = """
from (
    select date_diff(
        'day',
        min(cast(time as timestamp)) filter (type = 'crm.deal.created'),
        min(cast(time as timestamp)) filter (type = 'crm.deal.won')
    ) as days
    from incoming
    where type like 'crm.deal.%'
    group by data ->> 'deal_id'
)
"""


def test_every_row_becomes_its_events(olist):
    assert olist.types() == {
        "crm.lead.created": 8000,
        "crm.lead.converted": 842,
        "crm.account.upserted": 842,
        "crm.deal.created": 842,
        "crm.deal.won": 842,
    }
    assert olist.refused() == 0
    assert olist.result.skipped == 0
    assert olist.one("select count(distinct id) from incoming") == 8000 + 4 * 842


def test_conversion(olist):
    assert olist.rows(f"select count(*), count_if(is_won), min(created), max(created) {LEADS}") == [(8000, 842, 1, 1)]
    assert olist.one(f"select round(100.0 * count_if(is_won) / count(*), 3) {LEADS}") == 10.525


def test_conversion_by_origin(olist):
    found = {
        origin: (leads, won)
        for origin, leads, won in olist.rows(f"select origin, count(*), count_if(is_won) {LEADS} group by 1")
    }
    assert (
        found.items()
        >= {
            "organic_search": (2296, 271),
            "paid_search": (1586, 195),
            "social": (1350, 75),
            "unknown": (1099, 179),
            "direct_traffic": (499, 56),
            "email": (493, 15),
            "referral": (284, 24),
            "display": (118, 6),
        }.items()
    )
    assert sum(leads for leads, _ in found.values()) == 8000
    assert sum(won for _, won in found.values()) == 842


def test_every_lead_has_a_source_of_the_catalogue(olist):
    assert dict(olist.rows(f"select lead_source, count(*) {LEADS} group by 1")) == {
        "organic": 2296 + 499,
        "paid": 1586 + 118 + 65,
        "referral": 284,
        "other": 1350 + 1099 + 493 + 150 + 60,
    }


def test_days_to_close(olist):
    assert olist.rows(f"select median(days), round(avg(days), 2), count_if(days < 0) {DAYS}") == [(14, 48.44, 1)]
