"""The score of a lead by rule, 0 to 100: half how well it fits, half how engaged it is; and its tier.

The parts and their weights are the specification's: fit is 0.3 company size + 0.2 industry + 0.2 role + 0.3 budget,
engagement 0.3 website + 0.2 downloads + 0.3 e-mail + 0.2 events. What gives how many points stands in
``seeds/lead_part.csv`` and ``seeds/lead_word.csv``, which users edit. A part of the fit that is not known counts for
nothing, and lowers the coverage; engagement that nobody saw is no engagement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from scoring.rules.change import Change, PartNow, least, smallest_change
from scoring.rules.points import by_word, linear, weigh
from warehouse.settings import PROJECT_DIR

SIDES = ("fit", "engagement")
OTHER = "*"
HOT_FROM, WARM_FROM = 60.0, 35.0
MIN_COVERAGE = 0.5
BANT = ("budget_confirmed", "authority_confirmed", "need_confirmed", "timing_confirmed")
CHAMP = ("has_challenges", "authority_confirmed", "budget_confirmed")


@dataclass(frozen=True)
class Part:
    """A part of the score: on which side, with which weight, and its points as an expression over the features."""

    name: str
    side: str
    weight: float
    points: pl.Expr
    measure: str
    limits: tuple[float, float] | None = None
    """Values with no and with all points; None of a part that words decide."""


@cache
def default_parts() -> tuple[Part, ...]:
    """The parts of the seeds in the project."""
    seeds = PROJECT_DIR / "seeds"
    return parts_of(pl.read_csv(seeds / "lead_part.csv"), pl.read_csv(seeds / "lead_word.csv"))


def parts_of(parts: pl.DataFrame, words: pl.DataFrame) -> tuple[Part, ...]:
    """Parts from rows of ``seeds.lead_part`` and ``seeds.lead_word``.

    Raises
    ------
    ValueError
        If a part is on no known side, or has neither limits nor words.
    """
    found = []
    for row in parts.iter_rows(named=True):
        name, measure = row["part"], row["measure"]
        own = words.filter(pl.col("part") == name)
        limits = None
        points: Mapping[str, float] = dict(zip(own["word"], own["points"], strict=True))
        if row["side"] not in SIDES:
            raise ValueError(f"lead_part: {name} is on side {row['side']!r}; known are {', '.join(SIDES)}")
        if points:
            others = {word: value for word, value in points.items() if word != OTHER}
            expression = by_word(measure, others, points.get(OTHER, 0.0))
        elif row["no_points_at"] is None or row["all_points_at"] is None:
            raise ValueError(f"lead_part: {name} has neither both limits nor words in lead_word")
        else:
            limits = (float(row["no_points_at"]), float(row["all_points_at"]))
            expression = linear(measure, *limits)
        found.append(Part(name, row["side"], float(row["weight"]), expression.alias(name), measure, limits))
    return tuple(found)


def lead_score(frame: pl.DataFrame, parts: tuple[Part, ...] | None = None) -> pl.DataFrame:
    """Score of each row of the features of leads.

    Returns
    -------
    polars.DataFrame
        ``score``, ``fit_score``, ``engagement_score`` (0 to 100), ``coverage`` (0 to 1, of the fit) and per part
        ``<part>_points`` (0 to 100, null where not known).
    """
    parts = default_parts() if parts is None else parts
    points = _measured(frame).select([part.points for part in parts])
    fit, engagement = (weigh(points, {part.name: part.weight for part in parts if part.side == side}) for side in SIDES)
    sides = pl.DataFrame({"fit_score": fit.score, "engagement_score": engagement.score, "coverage": fit.coverage})
    return sides.select(
        pl.mean_horizontal("fit_score", "engagement_score").alias("score"),
        "fit_score",
        "engagement_score",
        "coverage",
        *(points[part.name].alias(f"{part.name}_points") for part in parts),
    )


def _measured(frame: pl.DataFrame) -> pl.DataFrame:
    # A click says more than an opening: as in the sums of campaigns, it counts twice.
    return frame.with_columns(
        (pl.col("email_open_decayed_count") + 2 * pl.col("email_click_decayed_count")).alias("email_engagement")
    )


def missing_parts(frame: pl.DataFrame, parts: tuple[Part, ...] | None = None) -> pl.Series:
    """Names of the parts of the fit of which nothing is known; a list per row, shape (n,)."""
    parts = default_parts() if parts is None else parts
    named = [pl.when(pl.col(part.measure).is_null()).then(pl.lit(part.name)) for part in parts if part.side == "fit"]
    return frame.select(pl.concat_list(named).list.drop_nulls().alias("missing")).to_series()


def tier_changes(frame: pl.DataFrame, scored: pl.DataFrame, tiers: pl.Series, parts: tuple[Part, ...]) -> pl.Series:
    """The smallest change that would make each lead warm or hot, in words; shape (n,).

    Engagement can grow, and what is not known of the fit can become known; what is known of it stays.

    Parameters
    ----------
    frame, scored, tiers
        Features, what :func:`lead_score` made of them, and the tiers, shape (n,).
    """
    measured = _measured(frame)
    values = measured.select(pl.col(part.measure).alias(part.name) for part in parts if part.limits is not None)
    columns = ("asks_for_call", "has_complete_data")
    given = pl.concat([frame.select(columns), values, scored], how="horizontal")
    told = [_tier_change(row, str(tier), parts) for row, tier in zip(given.iter_rows(named=True), tiers, strict=True)]
    return pl.Series("tier_change", told, dtype=pl.String)


def _tier_change(row: Mapping[str, Any], now: str, parts: tuple[Part, ...]) -> str:
    score = row["score"] or 0.0
    if now == "hot":
        if row["asks_for_call"] or row["has_complete_data"]:
            why = "it asks for a call" if row["asks_for_call"] else "it has given all data"
            return f"It is hot because {why}, whatever its score of {score:.0f}."
        if score >= HOT_FROM:
            return f"It stays hot while its score of {score:.0f} does not fall below {HOT_FROM:.0f}."
        return f"It is hot by its probability; its score of {score:.0f} is below {HOT_FROM:.0f}."
    wanted, target = ("warm", WARM_FROM) if now == "cold" else ("hot", HOT_FROM)
    found: list[Change | None] = []
    for side in SIDES:
        other = row["engagement_score" if side == "fit" else "fit_score"]
        own = [
            PartNow(
                part.name,
                part.weight,
                row[f"{part.name}_points"],
                row.get(part.name) if part.limits is not None else None,
                part.limits,
                can_change=side == "engagement" or row[f"{part.name}_points"] is None,
            )
            for part in parts
            if part.side == side
        ]
        found.append(smallest_change(own, target if other is None else 2 * target - other))
    best = least(one for one in found if one is not None)
    if best is None:
        return (
            f"No single part would make it {wanted}: {target - score:.0f} points are missing; to ask for a call would."
        )
    return f"{best.words[0].upper()}{best.words[1:]} would make it {wanted}."


def rule_score(frame: pl.DataFrame) -> pl.Series:
    """The score alone, shape (n,); 0 where nothing is known."""
    return lead_score(frame)["score"].fill_null(0.0).alias("rule_score")


def share_confirmed(frame: pl.DataFrame, questions: tuple[str, ...]) -> pl.Series:
    """Share of the questions that are answered with yes, 0 to 100; null where none was asked. Shape (n,)."""
    answers = [pl.col(name).cast(pl.Float64) for name in questions]
    return frame.select(pl.mean_horizontal(answers).mul(100).alias("share")).to_series()


def tier(score: pl.Expr, lift: pl.Expr) -> pl.Expr:
    """Hot, warm or cold, from the rule and from how many times the base rate the probability is.

    Whoever asks for a call, or has given all data, is hot: that is the rule of the messengers' specification.
    """
    asks = pl.col("asks_for_call") | pl.col("has_complete_data")
    hot = asks | (score >= HOT_FROM) | (lift >= 3.0).fill_null(value=False)
    warm = (score >= WARM_FROM) | (lift >= 1.0).fill_null(value=False)
    return pl.when(hot).then(pl.lit("hot")).when(warm).then(pl.lit("warm")).otherwise(pl.lit("cold"))
