"""Tables that scores read besides features. Nothing heavy is imported beside this file: every command lists scores."""

MODELS = "raw.scoring_model"
CLOCK = "staging.stg_clock"

LATEST = "is_latest"
"""The rows as of the build's as_of."""
MONTH_ENDS = (
    "is_latest or cutoff_at in (select max(past.cutoff_at) from features.feat_deal as past "
    "where not past.is_latest group by date_trunc('month', past.cutoff_at))"
)
"""These, and the last cut-off of each month: all that forecasts look at."""
_AFTER_LEARNING = (
    "cutoff_at > (select coalesce(min(coalesce(try_cast(model ->> 'trained_until' as timestamp), "
    "timestamp '0001-01-01')), timestamp '9999-12-31') from raw.scoring_model)"
)
UNSEEN = {
    f"features.{kind}_{subject}": _AFTER_LEARNING + (" and not is_latest" if kind == "feat" else "")
    for subject in ("lead", "customer", "deal")
    for kind in ("feat", "label")
}
"""Past rows after the first of the models in force has learnt: none of them is judged by rows from before."""
