"""The cohorts of CDNOW's customers, as `dealhouse run` publishes them, equal a plain pandas computation on the file."""

import duckdb
import pandas as pd
import pytest

from tests.part import copy_project
from tests.public_data import data_of
from warehouse import pipeline
from warehouse.publish import Published
from warehouse.settings import Settings

from .conftest import EXAMPLES
from .test_known_numbers import Rows

MARGIN = 0.8
"""gross_margin_rate of seeds/assumption.csv."""


@pytest.fixture(scope="module")
def query(tmp_path_factory) -> Rows:
    folder = tmp_path_factory.mktemp("cdnow")
    copy_project(folder / "project", ("fact_payment", "cohort_retention", "cohort_revenue"))
    config = Settings(home=folder / "home", project_dir=folder / "project")
    outcome = pipeline.run(config, [data_of("cdnow")], mapping=EXAMPLES / "cdnow" / "mapping.toml")
    (batch,) = outcome.batches
    # rows that are equal in every column are one purchase
    assert (batch.accepted, batch.rejected, batch.duplicate) == (6898, 0, 21)
    assert isinstance(outcome.published, Published)
    con = duckdb.connect(str(outcome.published.path), read_only=True)
    return lambda sql: con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    """Purchases that were paid for, each with its month, the first month of its customer, and the months between."""
    names = ["customer", "customer_in_sample", "day", "disc_count", "dollars"]
    frame = pd.read_csv(data_of("cdnow") / "CDNOW_sample.txt", sep=r"\s+", names=names)
    assert len(frame) == 6919
    frame = frame.drop_duplicates()
    frame = frame[frame["dollars"] > 0]
    day = pd.to_datetime(frame["day"], format="%Y%m%d")
    frame["month"] = day.dt.to_period("M")
    frame["cohort"] = frame.groupby("customer")["month"].transform("min")
    frame["age"] = (frame["month"] - frame["cohort"]).map(lambda gap: gap.n)
    return frame


def complete_ages(purchases: pd.DataFrame) -> list[tuple[pd.Period, int]]:
    """Cohorts and ages of months that are over: the last purchase is of 30 June 1998, so that June is not."""
    cohorts = sorted(purchases["cohort"].unique())
    return [(cohort, age) for cohort in cohorts for age in range(100) if cohort + age < pd.Period("1998-06")]


def test_retention(query: Rows, purchases: pd.DataFrame) -> None:
    size = purchases.groupby("cohort")["customer"].nunique()
    active = purchases.groupby(["cohort", "age"])["customer"].nunique()
    last_age = purchases.groupby(["cohort", "customer"])["age"].max()
    expected = [
        (
            str(cohort),
            age,
            int(size[cohort]),
            int(active.get((cohort, age), 0)),
            int((last_age[cohort] >= age).sum()),
        )
        for cohort, age in complete_ages(purchases)
    ]
    assert query(
        "select strftime(cohort_month, '%Y-%m'), period_number, cohort_size, active_count, still_active_count "
        "from marts.cohort_retention where cohort_kind = 'first_payment' and activity = 'revenue' order by all"
    ) == sorted(expected)


def test_cumulative_margin(query: Rows, purchases: pd.DataFrame) -> None:
    size = purchases.groupby("cohort")["customer"].nunique()
    found = {
        (month, age): (margin, per_member)
        for month, age, margin, per_member in query(
            "select strftime(cohort_month, '%Y-%m'), period_number, cumulative_margin_base, margin_per_member_base "
            "from marts.cohort_revenue where cohort_kind = 'first_payment'"
        )
    }
    ages = complete_ages(purchases)
    assert set(found) == {(str(cohort), age) for cohort, age in ages}
    for cohort, age in ages:
        of_cohort = purchases[(purchases["cohort"] == cohort) & (purchases["age"] <= age)]
        margin = of_cohort["dollars"].sum() * MARGIN
        assert found[str(cohort), age] == pytest.approx((margin, margin / size[cohort]))


def test_known_numbers(query: Rows) -> None:
    assert query("select count(*), count(distinct customer_id) from facts.fact_payment") == [(6898, 2357)]
    assert query(
        "select sum(cohort_size) from marts.cohort_retention "
        "where period_number = 0 and cohort_kind = 'first_payment' and activity = 'revenue'"
    ) == [(2349,)]
