"""Days on which deals are expected to be closed, by hand."""

from datetime import date, datetime, timedelta

import polars as pl

from scoring.forecasting.close_date import close_dates
from tests.scoring.test_scores import OUTCOMES

AS_OF, SEEN = datetime(2026, 6, 29, 18), datetime(2026, 5, 25)


def deal(name: str, at: datetime, stage: str = "offer", **values: object) -> dict[str, object]:
    row = {
        "tenant_id": "t", "deal_id": name, "cutoff_at": at, "is_latest": at == AS_OF, "pipeline": "b2b", "stage": stage,
        "amount_base": 1.0, "days_to_expected_close": 7, "days_in_stage": 3.0, "stage_age_ratio": 0.25,
    }  # fmt: skip
    return row | values


def end(name: str, closed: datetime, status: str) -> dict[str, object]:
    return {
        "tenant_id": "t", "deal_id": name, "pipeline": "b2b", "status": status, "created_at": SEEN, "closed_at": closed,
        "outcome_known_at": closed, "won_amount_base": None,
    }  # fmt: skip


def test_half_of_the_similar_deals_were_closed_by_then() -> None:
    """Twenty deals, closed after 1, 2, …, 20 days: one in ten by day 2, half by day 10, nine in ten by day 18."""
    past = [deal(f"d{i}", SEEN) for i in range(1, 21)]
    ends = [end(f"d{i}", SEEN + timedelta(days=i), "won" if i % 2 else "lost") for i in range(1, 21)]
    features = pl.DataFrame([*past, deal("now", AS_OF)])
    [found] = close_dates(features.tail(1), features, pl.DataFrame(ends, schema=OUTCOMES)).to_dicts()
    assert found == {
        "predicted_close_low_date": date(2026, 7, 1),
        "predicted_close_date": date(2026, 7, 9),
        "predicted_close_high_date": date(2026, 7, 17),
        "close_date_method": "similar_deals",
    }


def test_where_too_few_were_seen_people_are_believed_and_then_the_stage() -> None:
    """Three days in a stage are a quarter of its norm: 12. A date that has passed is not believed, nor is today."""
    features = pl.DataFrame(
        [
            deal("said", AS_OF),
            deal("overdue", AS_OF, days_to_expected_close=-1),
            deal("today", AS_OF, days_to_expected_close=0),
            deal("no norm", AS_OF, days_to_expected_close=None, stage_age_ratio=None),
        ]
    )
    found = close_dates(features, features, pl.DataFrame(schema=OUTCOMES))
    assert found["predicted_close_date"].to_list() == [
        date(2026, 7, 6), date(2026, 7, 11), date(2026, 7, 11), date(2026, 7, 29)
    ]  # fmt: skip
    assert found["close_date_method"].to_list() == ["stated_date", "stage_norm", "stage_norm", "stage_norm"]
    assert found["predicted_close_low_date"].null_count() == 4
