"""When open deals are closed, won or not: from how long similar deals stayed open, else from what people said.

Whether they are won is the business of the scores.
"""

from datetime import datetime

import polars as pl

from scoring.forecasting.duration import SimilarDeals, month_snapshots, watched

LEVELS = {"predicted_close_low_date": 0.1, "predicted_close_date": 0.5, "predicted_close_high_date": 0.9}
USUAL_DAYS = 30
"""Days that a stage takes for which no norm is set."""
METHODS = ("similar_deals", "stated_date", "stage_norm")


def close_dates(deals: pl.DataFrame, features: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Days on which deals are expected to be closed.

    Parameters
    ----------
    deals
        Rows of ``features.feat_deal`` as of now, shape (n, …).
    features, outcomes
        All of ``features.feat_deal`` and ``features.deal_outcome``.

    Returns
    -------
    polars.DataFrame
        In the order of the rows: the day by which one in ten, half, and nine in ten of the similar deals had been
        closed, and ``close_date_method``. All lie after the day of the deal's row. Where fewer than half
        were seen to end, it is the stated date that is still to come, else as many days ahead as the stage usually
        takes, without a range.
    """
    if deals.is_empty():
        return pl.DataFrame(schema={**dict.fromkeys(LEVELS, pl.Date), "close_date_method": pl.String})
    moment = deals["cutoff_at"].max()
    assert isinstance(moment, datetime)
    seen = features.filter(~pl.col("is_latest") & pl.col("cutoff_at").is_in(month_snapshots(features, moment)))
    rows = watched(seen, outcomes, moment)
    similar = {str(key[0]): SimilarDeals.of(group) for key, group in rows.group_by("tenant_id")}
    found: dict[tuple[str, str | None, str | None], list[int | None]] = {}
    days = []
    for tenant, *like in deals.select("tenant_id", "pipeline", "stage").iter_rows():
        place = (tenant, *like)
        if place not in found:
            curve = similar[tenant].like(*like) if tenant in similar else None
            found[place] = [curve.day_of(share) if curve else None for share in LEVELS.values()]
        days.append(found[place])
    ahead = pl.DataFrame(days, schema=dict.fromkeys(LEVELS, pl.Int64), orient="row")
    told = pl.concat([deals.select(*_SAID), ahead], how="horizontal")
    is_seen, is_said = pl.col("predicted_close_date").is_not_null(), pl.col("days_to_expected_close") >= 1
    usual = (pl.col("days_in_stage") / pl.col("stage_age_ratio")).round(0)
    norm = pl.when(pl.col("stage_age_ratio") > 0).then(usual).fill_null(USUAL_DAYS).clip(lower_bound=1)
    middle = pl.when(is_seen).then("predicted_close_date").when(is_said).then("days_to_expected_close").otherwise(norm)
    method = (
        pl.when(is_seen).then(pl.lit(METHODS[0])).when(is_said).then(pl.lit(METHODS[1])).otherwise(pl.lit(METHODS[2]))
    )
    chosen = {name: middle if name == "predicted_close_date" else pl.when(is_seen).then(name) for name in LEVELS}
    return told.select(
        *(
            (pl.col("cutoff_at").dt.date() + pl.duration(days=days.cast(pl.Int64))).alias(name)
            for name, days in chosen.items()
        ),
        method.alias("close_date_method"),
    )


_SAID = ("cutoff_at", "days_to_expected_close", "days_in_stage", "stage_age_ratio")
