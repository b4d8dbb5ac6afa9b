"""What the tables of scores have in common: the models in force, and factors in words."""

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.model import ScoreModel

MODELS = "raw.scoring_model"
CLOCK = "staging.stg_clock"
TOP = 3
NO_MODEL = "No model is in force yet: the rule stands alone. Train one with `dealhouse models train`."


def model_of(tables: Mapping[str, pl.DataFrame], score: str) -> tuple[ScoreModel | None, str | None]:
    """The model of a score that is in force, and its version; None and None where there is none."""
    found = tables[MODELS].filter(pl.col("score") == score)
    if found.is_empty():
        return None, None
    return ScoreModel.from_json(found["model"][0]), str(found["version"][0])


def probability_of(model: ScoreModel | None, frame: pl.DataFrame) -> pl.Series:
    """Probability of each row, shape (n,); null where no model, or no outcome, tells it."""
    if model is None:
        return pl.Series([None] * frame.height, dtype=pl.Float64)
    values = pl.Series(model.probability(frame), dtype=pl.Float64)
    return values.fill_nan(None)


def factors_of(model: ScoreModel | None, frame: pl.DataFrame, top: int = TOP) -> pl.Series:
    """What moved the score most, up and down, as JSON; null where there is no model of contributions.

    Returns
    -------
    polars.Series
        Texts, shape (n,): ``{"up": [{"feature", "value", "log_odds"}, …], "down": […], "rest": x}``; with the intercept
        of the model, all of them sum to the log-odds of the row.
    """
    if model is None or not model.names:
        return pl.Series([None] * frame.height, dtype=pl.String)
    parts = model.contributions(frame)
    values = [frame[name].cast(pl.String).to_list() if name in frame.columns else None for name in model.names]
    return pl.Series(
        [_factors(model.names, row, [None if v is None else v[i] for v in values], top) for i, row in enumerate(parts)],
        dtype=pl.String,
    )


def _factors(names: tuple[str, ...], parts: npt.NDArray[np.float64], values: list[str | None], top: int) -> str:
    order = np.lexsort((np.arange(len(names)), -np.abs(parts)))
    told: dict[str, list[dict[str, object]]] = {"up": [], "down": []}
    rest = 0.0
    for i in order:
        side = told["up" if parts[i] > 0 else "down"]
        if parts[i] != 0 and len(side) < top:
            side.append({"feature": names[i], "value": values[i], "log_odds": round(float(parts[i]), 6)})
        else:
            rest += float(parts[i])
    return json.dumps({**told, "rest": round(rest, 6)}, ensure_ascii=False)


def latest(features: pl.DataFrame) -> pl.DataFrame:
    """The rows as of the build's as_of, of those that are still open then."""
    return features.filter(pl.col("is_latest"))


def whole_points(column: str) -> pl.Expr:
    """A score from 0 to 100 in whole points, half up, as people and the tables of CRM systems have it."""
    return (pl.col(column) + 0.5).floor().cast(pl.Int64).alias(column)


def empty(columns: Mapping[str, str]) -> pl.DataFrame:
    """No rows, with these columns."""
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
