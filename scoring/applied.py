"""Models in force on features: probabilities, and what moved them, as the tables of scores show them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from scoring.estimators.explain import explain
from scoring.model import ScoreModel
from scoring.scores._common import MODELS

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
    return pl.Series(model.probability(frame), dtype=pl.Float64).fill_nan(None)


def with_scored_at(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Add ``scored_at`` to rows with ``as_of`` and ``model_version``: as of when the score stands.

    It is as_of, or when the last of the models came in force, if that was later. When a run computed it is nothing
    that a replay could say again.
    """
    since = tables[MODELS].select("version", pl.col("in_force_at").cast(pl.Datetime("us")))
    asked = (
        rows.select("model_version")
        .unique()
        .drop_nulls()
        .with_columns(pl.col("model_version").str.split(", ").alias("version"))
        .explode("version")
        .join(since, on="version", how="inner")
        .group_by("model_version")
        .agg(pl.col("in_force_at").max())
    )
    told = rows.join(asked, on="model_version", how="left", maintain_order="left")
    return told.with_columns(pl.max_horizontal("as_of", "in_force_at").alias("scored_at")).drop("in_force_at")


def factors_of(model: ScoreModel | None, frame: pl.DataFrame, top: int = TOP) -> pl.Series:
    """What moved the score most, up and down, as JSON; null where there is no model with contributions.

    Returns
    -------
    polars.Series
        Texts, shape (n,): ``{"up": [{"feature", "value", "log_odds", "words"}, …], "down": […], "rest": x}``; with the
        intercept of the model, all of them sum to the log-odds of the row.
    """
    if model is None or not model.names:
        return pl.Series([None] * frame.height, dtype=pl.String)
    told: list[dict[str, list[dict[str, object]]]] = [{"up": [], "down": []} for _ in range(frame.height)]
    rest = model.contributions(frame).sum(axis=1)
    for one in _factors(model, frame, top).iter_rows(named=True):
        rest[one["row"]] -= one["contribution"]
        factor = {name: one[name] for name in ("feature", "value", "words")}
        told[one["row"]][one["direction"]].append(factor | {"log_odds": round(one["contribution"], 6)})
    texts = [
        json.dumps({**one, "rest": round(left, 6)}, ensure_ascii=False)
        for one, left in zip(told, rest.tolist(), strict=True)
    ]
    return pl.Series(texts, dtype=pl.String)


def _factors(model: ScoreModel, frame: pl.DataFrame, top: int) -> pl.DataFrame:
    """Factors as :func:`~scoring.estimators.explain.explain` gives them; a rule is one factor."""
    if model.tables is not None:
        slope = 1.0 if model.calibration is None else model.calibration[1]
        return explain(model.tables, frame.select(model.features), top, scale=slope)
    points = model.spec.rule(frame)
    return pl.DataFrame(
        {
            "row": range(frame.height),
            "direction": "up",
            "feature": "rule_score",
            "value": points.round(1).cast(pl.String),
            "contribution": model.contributions(frame)[:, 0],
            "words": pl.Series([f"rule score {value:.0f} of 100" for value in points], dtype=pl.String),
        },
        schema_overrides={"row": pl.Int64},
    )


def latest(features: pl.DataFrame) -> pl.DataFrame:
    """The rows as of the build's as_of, of those that are still open then."""
    return features.filter(pl.col("is_latest"))


def whole_points(column: str) -> pl.Expr:
    """A score from 0 to 100 in whole points, half up, as people and the tables of CRM systems have it."""
    return (pl.col(column) + 0.5).floor().cast(pl.Int64).alias(column)


def typed(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> pl.DataFrame:
    """Rows as a frame with the types that a statistic declares; an instant becomes a day where a date is declared."""
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "string": pl.String,
        "timestamp": pl.Datetime("us"),
        "date": pl.Date,
        "boolean": pl.Boolean,
        "bigint": pl.Int64,
    }
    days = [name for name, kind in columns.items() if kind == "date"]
    plain = [{**row, **{name: _day(row.get(name)) for name in days}} for row in rows]
    return pl.DataFrame(plain, schema={name: types.get(kind, pl.Float64) for name, kind in columns.items()})


def _day(value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


def empty(columns: Mapping[str, str]) -> pl.DataFrame:
    """No rows, with these columns."""
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
