"""Lives of customers under contract, counted by hand in months paid."""

from datetime import date

import polars as pl
import pytest

from scoring.lifetime.contracts import lives

SPANS = {
    "tenant_id": pl.String,
    "customer_id": pl.String,
    "is_trial": pl.Boolean,
    "start_date": pl.Date,
    "end_date": pl.Date,
}


@pytest.mark.parametrize("until", [date(2026, 3, 12), date(2026, 4, 2)])
def test_who_has_cancelled_has_lived_until_the_end_of_what_was_paid(until: date) -> None:
    """Paid from January to April and cancelled: three months, whether one looks before its end or after it."""
    spans = pl.DataFrame([("t", "gone", False, date(2026, 1, 1), date(2026, 4, 1))], schema=SPANS, orient="row")
    nobody = pl.DataFrame(schema={"tenant_id": pl.String, "customer_id": pl.String})
    assert lives(spans, nobody, until).rows() == [("t", "gone", 3, True)]


def test_who_stays_has_lived_as_many_renewals_as_took_place() -> None:
    """From 1 January to 12 March two months are over; what is paid in advance is not lived yet."""
    spans = pl.DataFrame([("t", "here", False, date(2026, 1, 1), date(2027, 1, 1))], schema=SPANS, orient="row")
    here = pl.DataFrame({"tenant_id": ["t"], "customer_id": ["here"]})
    assert lives(spans, here, date(2026, 3, 12)).rows() == [("t", "here", 2, False)]
