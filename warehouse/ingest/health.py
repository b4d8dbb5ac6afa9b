"""Whether ingestion is well: too many rejects, or a source that has fallen silent."""

from dataclasses import dataclass

import duckdb

MAX_REJECT_RATE = 0.01
"""Share of a batch that may be rejected before people are told (metrics: quarantine above 1 % of a batch)."""

SILENCE_FACTOR = 3
"""A source is silent when nothing has come for this many times its usual gap between days with events."""


@dataclass(frozen=True)
class HealthCheck:
    """The outcome of a check, in a sentence."""

    passed: bool
    sentence: str


def reject_rate(con: duckdb.DuckDBPyConnection) -> HealthCheck:
    """Compare the newest batch with :data:`MAX_REJECT_RATE`."""
    row = con.execute(
        "select batch_id, file, rows, rejected from raw.batches where rows > 0 order by batch_id desc limit 1"
    ).fetchone()
    if row is None:
        return HealthCheck(True, "Nothing has been taken in yet.")
    batch_id, file, rows, rejected = row
    sentence = f"Batch {batch_id} ({file}): {rejected:,} of {rows:,} rows rejected ({rejected / rows:.2%})."
    return HealthCheck(rejected / rows <= MAX_REJECT_RATE, sentence)


def silent_sources(con: duckdb.DuckDBPyConnection) -> HealthCheck:
    """Compare each source's silence, up to the latest event of all, with its usual gap (the 95th percentile)."""
    silent = con.execute(
        """
        with days as (select distinct source, cast(occurred_at as date) as day from raw.events),
        gaps as (select source, day, day - lag(day) over (partition by source order by day) as gap from days),
        usual as (
            select
                source, max(day) as last_day, greatest(quantile_cont(gap, 0.95), 1) as usual_gap,
                count(gap) as gap_count
            from gaps group by source
        )
        select source, (select max(last_day) from usual) - last_day as silence, usual_gap
        from usual where gap_count >= 5 and (select max(last_day) from usual) - last_day > ? * usual_gap
        order by source
        """,
        [SILENCE_FACTOR],
    ).fetchall()
    if not silent:
        return HealthCheck(True, "Every source has been heard of within its usual time.")
    named = "; ".join(f"{source}: {silence} days, usually {usual:.0f}" for source, silence, usual in silent)
    return HealthCheck(False, f"Silent for longer than usual: {named}.")
