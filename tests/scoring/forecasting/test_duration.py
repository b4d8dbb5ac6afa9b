"""Durations of deals, against curves worked out by hand."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from scoring.forecasting.duration import Incidence, SimilarDeals, incidence, month_snapshots, watched, won_within


def test_incidence_by_hand() -> None:
    """Of four, one is won within the first day: 1/4. On day 2 three are at risk, one is lost, one last seen open.

    On day 3 one is at risk and is won, after 3/4 × 2/3 = 1/2 were still open: 1/4 + 1/2.
    """
    found = incidence([0.4, 2.0, 2.9, 2.5], [1, 2, 0, 1])
    assert found.won.tolist() == pytest.approx([0, 0.25, 0.25, 0.75])
    assert found.closed.tolist() == pytest.approx([0, 0.25, 0.5, 1])
    assert (found.day_of(0.25), found.day_of(0.5), found.day_of(0.9)) == (1, 2, 3)
    assert incidence([3, 3], [1, 0]).day_of(0.6) is None


def test_nobody_lost_is_one_minus_kaplan_meier() -> None:
    """A law: without losses Aalen–Johansen is 1 − Kaplan–Meier, here from the product of (1 − d ÷ n)."""
    rng = np.random.default_rng(1)
    days, ended = rng.integers(1, 30, 300), rng.integers(0, 2, 300)
    still, expected = 1.0, [0.0]
    for day in range(1, 30):
        at_risk = (days >= day).sum()
        still *= 1 - ((days == day) & (ended == 1)).sum() / at_risk if at_risk else 1
        expected.append(1 - still)
    assert incidence(days, ended).won.tolist() == pytest.approx(expected[: days.max() + 1])


def test_a_probability_is_spread_at_the_pace_of_similar_deals() -> None:
    """By day 30 half of the winners have won, by day 60 all: 0.8 is 0.4 and 0.8; through 0.3 at 30, 0.3 and 0.8."""
    won = np.interp(np.arange(61), [0, 60], [0.0, 0.2])
    curve = Incidence(won, 2 * won)
    assert won_within(curve, [0, 30, 60, 99], 0.8).tolist() == pytest.approx([0, 0.4, 0.8, 0.8])
    assert won_within(curve, [15, 30, 45, 60], 0.8, 0.3).tolist() == pytest.approx([0.15, 0.3, 0.55, 0.8])
    assert won_within(curve, [30], 0.2, 0.3).tolist() == pytest.approx([0.2])  # no likelier soon than ever
    assert won_within(curve, [30]).tolist() == pytest.approx([0.1])
    assert won_within(incidence([2], [2]), [30], 0.5).tolist() == [0]


def deals(*rows: tuple[str, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"tenant_id": "t", "deal_id": name, "cutoff_at": at, "is_latest": False, "pipeline": "b2b", "stage": "s",
             "amount_base": 10.0}
            for name, at in rows
        ]
    )  # fmt: skip


def test_what_was_not_known_then_is_not_looked_at() -> None:
    """Open on 26 January; won on 10 February, known on the 12th: on the 11th it is open for 16 days."""
    snapshots = deals(("d", datetime(2026, 1, 26)), ("d", datetime(2026, 2, 23)))
    outcomes = pl.DataFrame(
        {
            "tenant_id": ["t"], "deal_id": ["d"], "status": ["won"], "closed_at": [datetime(2026, 2, 10)],
            "outcome_known_at": [datetime(2026, 2, 12)], "won_amount_base": [9.0],
        }
    )  # fmt: skip
    [before] = watched(snapshots, outcomes, datetime(2026, 2, 11)).to_dicts()
    assert (before["days"], before["outcome"]) == (16, 0)
    [after] = watched(snapshots, outcomes, datetime(2026, 2, 12)).to_dicts()
    assert (after["days"], after["outcome"]) == (15, 1)
    # Seen open on 23 February although it was closed by then: that row was late news, and tells nothing of durations.
    assert watched(snapshots, outcomes, datetime(2026, 3, 12)).height == 1


def test_the_last_cutoff_of_each_month_before_the_running_one() -> None:
    days = [
        datetime(2026, 1, 19),
        datetime(2026, 1, 26),
        datetime(2026, 2, 2),
        datetime(2026, 2, 23),
        datetime(2026, 3, 2),
    ]
    features = deals(*(("d", day) for day in days))
    assert month_snapshots(features, datetime(2026, 3, 10)) == [datetime(2026, 1, 26), datetime(2026, 2, 23)]


def test_stages_are_told_apart_where_enough_deals_were_seen_to_end() -> None:
    rows = pl.DataFrame(
        {
            "deal_id": [f"d{i}" for i in range(30)], "pipeline": "b2b", "stage": ["late"] * 20 + ["early"] * 10,
            "days": 5.0, "outcome": [1] * 20 + [2] * 10,
        }
    )  # fmt: skip
    similar = SimilarDeals.of(rows)
    late, early = similar.like("b2b", "late"), similar.like("b2b", "early")
    assert late is not None
    assert early is not None
    assert late.won[-1] == pytest.approx(1)
    assert early.won[-1] == pytest.approx(2 / 3)  # that of the pipeline
    assert similar.like("adtech", "x") is similar.curves[None, None]
    assert SimilarDeals.of(rows.head(19)).like("b2b", "late") is None
