"""Histories of purchases as the models of this folder want them. No model is fitted here."""

from datetime import date

import polars as pl


def purchase_histories(purchases: pl.DataFrame, cutoff: date, *, unit_days: float = 7.0) -> pl.DataFrame:
    """One row per customer: repeat purchases up to a day.

    Parameters
    ----------
    purchases
        Columns ``customer_id``, ``purchase_date`` and ``amount``, in any order. Purchases of one day are one.
    cutoff
        Last day that counts.
    unit_days
        Length of the unit of time: 7 for weeks.

    Returns
    -------
    polars.DataFrame
        ``customer_id``; ``frequency``, the number of repeat purchases; ``recency``, the time from the first to the
        last purchase; ``T``, the time from the first purchase to ``cutoff``; ``monetary``, the mean amount of the
        repeat purchases (null without any). Sorted by customer.
    """
    days = (
        purchases.filter(pl.col("purchase_date") <= cutoff)
        .sort("customer_id", "purchase_date", "amount")
        .group_by("customer_id", "purchase_date")
        .agg(pl.col("amount").sum())
        # Sums depend on their order in the last digits, and so would what is fitted on them.
        .sort("customer_id", "purchase_date")
    )
    first = pl.col("purchase_date").min()
    since = (pl.lit(cutoff) - first).dt.total_days() / unit_days
    return (
        days.group_by("customer_id")
        .agg(
            (pl.len() - 1).cast(pl.Int64).alias("frequency"),
            ((pl.col("purchase_date").max() - first).dt.total_days() / unit_days).alias("recency"),
            since.alias("T"),
            pl.col("amount").filter(pl.col("purchase_date") > first).mean().alias("monetary"),
        )
        .sort("customer_id")
    )
