"""Reasons why a paying customer may leave, as predicates with their evidence, and what to do about it.

The five triggers and the three actions are those of the specification of customer success: unseen for more than 14
days, NPS under 6, tickets without resolution, key features unused, renewal near without engagement; red is called,
yellow is nudged, green is offered more.
"""

from dataclasses import dataclass

import polars as pl

VERSION = "1"
UNSEEN_DAYS = 14
"""Or twice the customer's own usual gap, where that is longer: a weekly user is not away after ten days."""
DETRACTOR_BELOW = 6
RENEWAL_DAYS = 90
QUIET_DAYS = 14
"""Within which an engaged customer has been active before a renewal."""


@dataclass(frozen=True)
class Trigger:
    """A reason: when it holds, how it is said, and how many points of 100 it adds."""

    name: str
    holds: pl.Expr
    sentence: pl.Expr
    points: float


def _number(column: str) -> pl.Expr:
    return pl.col(column).round(0).cast(pl.Int64)


_UNSEEN = pl.col("seen_days_ago") > pl.max_horizontal(pl.lit(float(UNSEEN_DAYS)), 2 * pl.col("median_gap_days"))
# Of an account whose people are not known nothing is known of their use either.
_NEVER_SEEN = pl.col("seen_days_ago").is_null() & (pl.col("user_count") > 0)
TRIGGERS = (
    Trigger(
        "unseen",
        _UNSEEN | _NEVER_SEEN,
        pl.when(_NEVER_SEEN)
        .then(pl.lit("never seen"))
        .otherwise(pl.format("not seen for {} days", _number("seen_days_ago"))),
        25,
    ),
    Trigger(
        "detractor",
        pl.col("nps_score") < DETRACTOR_BELOW,
        pl.format("last NPS answer was {}", pl.col("nps_score")),
        20,
    ),
    Trigger(
        "open_tickets",
        pl.col("open_ticket_count") > 0,
        pl.when(pl.col("open_ticket_count") == 1)
        .then(pl.format("a ticket open for {} days", _number("oldest_open_ticket_days")))
        .otherwise(
            pl.format(
                "{} tickets open, the oldest for {} days",
                pl.col("open_ticket_count"),
                _number("oldest_open_ticket_days"),
            )
        ),
        20,
    ),
    Trigger(
        "key_features_unused",
        pl.col("key_feature_use_count_30d") == 0,
        pl.lit("no key feature used in 30 days"),
        20,
    ),
    Trigger(
        "renewal_without_engagement",
        pl.col("days_to_renewal").is_between(0, RENEWAL_DAYS) & ((pl.col("seen_days_ago") > QUIET_DAYS) | _NEVER_SEEN),
        pl.format("renewal in {} days without engagement", pl.col("days_to_renewal")),
        15,
    ),
)
ACTIONS = {
    "red": "Call in person and make an offer",
    "yellow": "Nudge: a message or a targeted campaign",
    "green": "Offer more, or ask for a recommendation",
}


def rule_score(frame: pl.DataFrame) -> pl.Series:
    """Points of the triggers that hold, 0 to 100, shape (n,)."""
    points = [pl.when(one.holds.fill_null(value=False)).then(one.points).otherwise(0.0) for one in TRIGGERS]
    return frame.select(pl.sum_horizontal(points).alias("rule_score")).to_series()


def reasons(frame: pl.DataFrame) -> pl.Series:
    """The triggers that hold, as sentences, in the order of :data:`TRIGGERS`; a list per row, shape (n,)."""
    said = [pl.when(one.holds.fill_null(value=False)).then(one.sentence) for one in TRIGGERS]
    return frame.select(pl.concat_list(said).list.drop_nulls().alias("reasons")).to_series()


def trigger_names(frame: pl.DataFrame) -> pl.Series:
    """Names of the triggers that hold; a list per row, shape (n,)."""
    named = [pl.when(one.holds.fill_null(value=False)).then(pl.lit(one.name)) for one in TRIGGERS]
    return frame.select(pl.concat_list(named).list.drop_nulls().alias("triggers")).to_series()
