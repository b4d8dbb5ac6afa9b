"""The effects of ``truth`` are found again from the events alone, by estimators that know nothing of the generator."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.sample.conftest import Company
from warehouse.sample import truth


@pytest.fixture(scope="module")
def leads(company: Company) -> dict[str, Any]:
    """Leads of the main tenant that are old enough to have converted, with their drivers."""
    return company.db.execute(
        """with lead as (select (data->>'lead_id') as id, happened as born, data from events
            where type = 'crm.lead.created' and tenant = 'default' and not ends_with(data->>'lead_id', '-X')),
        users as (select (data->>'user_id') as user, (data->>'lead_id') as lead from events
            where type = 'lms.trial.started'),
        told as (select coalesce(e.data->>'lead_id', users.lead) as lead, e.* from events e
            left join users on e.type = 'app.activated' and (e.data->>'user_id') = users.user
            where e.tenant = 'default'),
        done as (select l.id,
            count(*) filter (e.type = 'crm.lead.converted') > 0 as converted,
            count(*) filter (e.type = 'web.session.started' and e.happened < l.born + interval 7 day) as sessions,
            count(*) filter (e.type = 'content.downloaded' and e.happened < l.born + interval 7 day) as downloads,
            count(*) filter (e.type = 'crm.email.clicked' and e.happened < l.born + interval 7 day) as clicks,
            count(*) filter (e.type = 'club.event.attended' and e.happened between l.born
                and l.born + interval 7 day) > 0 as attended,
            count(*) filter (e.type = 'lms.trial.started') > 0 as trial,
            count(*) filter (e.type = 'app.activated') > 0 as activated,
            coalesce(min(epoch(e.happened - l.born) / 3600) filter (e.type = 'crm.activity.logged'), 168) as hours,
            bool_or(e.data->>'variant' = 'b') filter (e.data->>'experiment_id' = 'onboarding-checklist') as onboarding,
            bool_or(e.data->>'variant' = 'b') filter (e.data->>'experiment_id' = 'subject-line') as subject
            from lead l left join told e on e.lead = l.id group by l.id)
        select converted, trial, activated, sessions, downloads, clicks, attended, hours, onboarding, subject,
            (data->>'utm_source') is not null and (data->>'utm_source') = 'meta' as meta,
            coalesce(data->>'lead_source' = 'referral', false) as referral,
            coalesce((data->>'company_size')::int between 50 and 1000, false) as mid,
            coalesce(data->>'industry' in ('education', 'software', 'media'), false) as good_industry,
            (data->>'job_title') in ('founder', 'head of learning', 'marketing director') as decider,
            coalesce((data->>'budget')::double, 5000) as budget
        from lead join done using (id) where born < timestamp '2026-04-15'"""
    ).fetchnumpy()


def _fit(columns: dict[str, Any], outcome: Any) -> dict[str, tuple[float, float]]:
    """Logistic regression by maximum likelihood: coefficient and standard error of each column."""
    x = np.column_stack([np.asarray(values, dtype=float) for values in columns.values()])
    model = LogisticRegression(C=1e9, max_iter=2000, tol=1e-8).fit(x, outcome)
    p = model.predict_proba(x)[:, 1]
    full = np.column_stack([np.ones(len(x)), x])
    information = (full * (p * (1 - p))[:, None]).T @ full
    error = np.sqrt(np.diag(np.linalg.inv(information)))[1:]
    return {name: (float(b), float(e)) for name, b, e in zip(columns, model.coef_[0], error, strict=True)}


@pytest.fixture(scope="module")
def conversion(leads: dict[str, Any]) -> dict[str, tuple[float, float]]:
    columns = {
        "sessions": np.log1p(leads["sessions"].astype(float)),
        "hours": np.log1p(leads["hours"].astype(float)),
        "budget": np.log(leads["budget"].astype(float) / 5000),
        **{name: leads[name].astype(float) for name in ("downloads", "clicks", "attended", "onboarding", "subject",
                                                        "meta", "referral", "mid", "good_industry", "decider",
                                                        "trial", "activated")},
    }  # fmt: skip
    return _fit(columns, leads["converted"].astype(bool))


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("sessions", truth.LEAD_SESSION),
        ("hours", truth.LEAD_RESPONSE),
        ("decider", truth.LEAD_DECIDER),
        ("good_industry", truth.LEAD_INDUSTRY),
        ("clicks", truth.LEAD_EMAIL_CLICK),
        ("budget", truth.LEAD_BUDGET),
        ("onboarding", truth.ONBOARDING_LIFT),
        ("subject", truth.SUBJECT_LINE_LIFT),
        ("trial", truth.LEAD_TRIAL),
        ("activated", truth.LEAD_ACTIVATED),
    ],
)
def test_what_drives_conversion_is_found_again(
    conversion: dict[str, tuple[float, float]], name: str, effect: truth.Effect
) -> None:
    estimate, error = conversion[name]
    assert abs(estimate - effect) < 3 * error
    assert error < 0.35


def test_slow_answers_and_dear_channels_cost_leads(conversion: dict[str, tuple[float, float]]) -> None:
    for name, sign in (
        ("hours", -1),
        ("meta", -1),
        ("referral", 1),
        ("decider", 1),
        ("sessions", 1),
        ("onboarding", 1),
    ):
        estimate, error = conversion[name]
        assert sign * estimate > 1.96 * error, name


def test_the_users_of_organisations_belong_to_them(company: Company) -> None:
    """Every user of a subscribed account is a contact of it, or linked to one, before its first use."""
    known = """with contact as (select (data->>'contact_id') as contact, any_value(data->>'account_id') as account
            from events where type = 'crm.contact.upserted' group by 1),
        linked as (select (data->>'contact_id') as contact, (data->>'user_id') as user, happened from events
            where type in ('identity.linked', 'crm.contact.upserted')
                and (data->>'contact_id') is not null and (data->>'user_id') is not null)
        select user, account, min(happened) as since from linked join contact using (contact)
        where account is not null group by all"""
    used = "select (data->>'user_id') as user, min(happened) as first from events where type = 'app.login' group by 1"
    users = f"""select used.user, known.account, known.since <= used.first as early from ({used}) used
        left join ({known}) known on used.user = known.user where starts_with(used.user, 'U-A-')"""
    assert company.number(f"select count(*) from ({users})") > 1000
    wrong = f"select * from ({users}) where not coalesce(early, false) or not starts_with(user, 'U-' || account || '-')"
    assert company.number(f"select count(*) from ({wrong})") == 0


def test_a_payment_that_failed_is_of_the_customer_who_then_pays(company: Company) -> None:
    nobody = """select failed.* from events failed left join events paid
        on paid.type = 'billing.payment.received' and (paid.data->>'payment_id') = (failed.data->>'payment_id')
            and paid.happened > failed.happened and (paid.data->>'subscription_id') is not null
        where failed.type = 'billing.payment.failed' and starts_with(failed.data->>'payment_id', 'P-B-')
            and failed.happened < timestamp '2026-06-26' and paid.id is null"""
    assert company.number("select count(*) from events where type = 'billing.payment.failed'") > 50
    assert company.number(f"select count(*) from ({nobody})") == 0


def test_nobody_tries_or_is_qualified_because_of_what_comes_after(company: Company) -> None:
    """What drives conversion, and what sales makes of it, is over when the first convert: seven days after creation."""
    late = """select l.type, l.happened - born.happened as age from events l join events born
        on born.type = 'crm.lead.created' and born.tenant = 'default' and (born.data->>'lead_id') = (l.data->>'lead_id')
        where l.tenant = 'default' and (l.type in ('lms.trial.started', 'crm.lead.qualified')
            and l.happened - born.happened >= interval 7 day
            or l.type = 'crm.lead.converted' and l.happened - born.happened < interval 7 day)"""
    # A lead that is never answered is qualified, if at all, an hour after the seventh day at most.
    wrong = f"select * from ({late}) where age >= interval 170 hour or type <> 'crm.lead.qualified'"
    assert company.number(f"select count(*) from ({wrong})") == 0


def test_who_leaves_used_less_and_waited_for_support(company: Company) -> None:
    """One row per paid month; its use, and whether the subscription was cancelled in its last half day."""
    months = company.db.execute(
        """with period as (
            select (data->>'subscription_id') as id, happened as paid, (data->>'period_end')::date as till,
                (data->>'period_start')::date as since from events
            where type in ('billing.subscription.started', 'billing.subscription.renewed')),
        owner as (select (data->>'subscription_id') as id, (data->>'user_id') as user from events
            where type = 'billing.subscription.started'),
        gone as (select (data->>'subscription_id') as id, (data->>'effective_date')::date as till from events
            where type = 'billing.subscription.cancelled'),
        used as (select p.id, p.till,
            count(*) filter (e.type = 'app.login') as logins,
            count(*) filter (e.type = 'support.ticket.opened') - count(*) filter (e.type = 'support.ticket.resolved')
                as tickets,
            count(*) filter (e.data->>'is_key' = 'true') as key
            from period p join owner o using (id) left join events e
                on (e.data->>'user_id') = o.user and e.happened >= p.since and e.happened < p.till - interval 12 hour
            where o.user is not null and p.till - p.since between 28 and 31 and p.till < date '2026-06-29'
            group by 1, 2)
        select logins, greatest(tickets, 0) as tickets, key = 0 as no_key, gone.id is not null as left_
        from used left join gone using (id, till)"""
    ).fetchnumpy()
    found = _fit({"logins": np.log1p(months["logins"].astype(float)), "no_key": months["no_key"].astype(float)},
                 months["left_"].astype(bool))  # fmt: skip
    estimate, error = found["logins"]
    assert estimate < -3 * error
    assert abs(estimate - truth.CHURN_LOGINS) < 3.5 * error


def test_wins_follow_their_drivers(company: Company) -> None:
    deals = company.db.execute(
        """with rate as (select (data->>'currency') as currency, avg((data->>'rate')::double) as rate from events
            where type = 'finance.fx_rate.published' group by 1),
        last as (select (data->>'deal_id') as id, arg_max(type, happened) = 'crm.deal.won' as won from events
            where type in ('crm.deal.won', 'crm.deal.lost') group by 1)
        select won, (data->>'primary_competitor') is not null as competitor,
            (data->>'deal_source') in ('inbound', 'referral') as inbound,
            ln((data->>'amount')::double * coalesce(rate, 1) / 20000) as amount
        from events join last on last.id = (data->>'deal_id') left join rate on rate.currency = (data->>'currency')
        where type = 'crm.deal.created' and not starts_with(last.id, 'MD-') and happened < timestamp '2026-02-15'"""
    ).fetchnumpy()
    won = deals.pop("won").astype(bool)
    found = _fit({name: np.nan_to_num(values.astype(float)) for name, values in deals.items()}, won)
    for name, effect in (("competitor", truth.DEAL_COMPETITOR), ("inbound", truth.DEAL_INBOUND),
                         ("amount", truth.DEAL_AMOUNT)):  # fmt: skip
        estimate, error = found[name]
        assert abs(estimate - effect) < 3 * error, name
    assert found["competitor"][0] < 0 < found["inbound"][0]


def test_weeks_have_their_rhythm(company: Company) -> None:
    counts = company.db.execute(
        """select isodow(happened) as day, count(*) as n from events
        where type = 'crm.lead.created' and tenant = 'default' group by 1 order by 1"""
    ).fetchnumpy()["n"]
    mean = counts / counts.mean()
    assert np.abs(mean - np.array([float(value) for value in truth.WEEKDAY.values()])).max() < 0.1
