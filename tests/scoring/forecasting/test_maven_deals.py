"""On the vendor's sample of deals: the forecast beats what everybody could say, and no model of winning is shown."""

import pytest

from benchmarks import lifetime
from tests.public_data import data_of


@pytest.fixture(autouse=True)
def found():
    data_of("maven_crm")


def test_a_model_of_won_given_closed_is_refused():
    selector = lifetime.won_given_closed(lifetime.Deals())
    assert selector.chosen_ == "base"
    assert "No usable signal" in selector.reason_


@pytest.mark.slow
def test_revenue_errs_by_less_than_36_per_cent_where_seasonal_naive_errs_by_about_41():
    errors = dict(lifetime.maven().summary.select("forecast", "error_rate").rows())
    assert errors["seasonal-naive"] == pytest.approx(0.41, abs=0.04)
    for name in ("spline", "trees"):
        assert errors[name] <= 0.36
        assert errors[f"{name}, corrected"] < errors[name]
    assert errors["weighted"] > 4
