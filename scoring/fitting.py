"""Fits all scores of a home, keeps them in the registry, and decides which of them come into force.

A new model does so at once where there was none; otherwise it is a challenger, and comes into force where, on the rows
that were known since, its log loss is not worse than the champion's by more than a standard error. A person may promote
any version at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scoring.evaluation.metrics import losses
from scoring.model import ScoreModel
from scoring.specs import SPECS, Spec
from scoring.training import Fitted, fit, training_rows
from warehouse import registry
from warehouse.errors import UsageError
from warehouse.registry import ModelVersion
from warehouse.settings import Settings
from warehouse.store import open_store

MIN_ROWS = 100
"""Rows of known outcome on which two models are compared at least."""


@dataclass(frozen=True)
class Outcome:
    """What became of fitting one score."""

    version: ModelVersion
    chosen: str
    reason: str
    decision: str
    """Why it came into force, or did not."""


def fit_all(settings: Settings, scores: Sequence[str] = (), *, only_missing: bool = False) -> list[Outcome]:
    """Fit these scores, or all; the caller holds the writer lock, and features have been built.

    Raises
    ------
    UsageError
        If there is no score of such a name.
    """
    unknown = sorted(set(scores) - {one.score for one in SPECS})
    if unknown:
        raise UsageError(
            f"There is no score called {', '.join(unknown)}.",
            todo=f"Choose among {', '.join(one.score for one in SPECS)}.",
        )
    home = settings.layout()
    there = {one.score for one in registry.champions(home)} if only_missing else set()
    wanted = [one for one in SPECS if one.score not in there and (not scores or one.score in scores)]
    outcomes = []
    for spec in wanted:
        with open_store(home, settings) as con:
            rows, as_of = training_rows(con, spec)
        fitted = fit(spec, rows, as_of)
        kept = registry.save(home, spec.score, fitted.model, fitted.card, fitted.card_text)
        promotes, why = _decide(settings, spec, fitted)
        if promotes:
            kept = registry.promote(home, spec.score, kept.version, why)
        outcomes.append(Outcome(kept, fitted.chosen, str(fitted.model["reason"]), why))
    return outcomes


def _decide(settings: Settings, spec: Spec, fitted: Fitted) -> tuple[bool, str]:
    """Whether a new model comes into force, and why."""
    home = settings.layout()
    champion = next((one for one in registry.champions(home) if one.score == spec.score), None)
    if champion is None:
        return True, "It is the first one."
    old = ScoreModel.from_json(registry.load(home, champion.score, champion.version))
    if old.base_rate is None:
        return True, f"{champion.version} has never seen an outcome."
    with open_store(home, settings) as con:
        rows, _ = training_rows(con, spec)
    since = rows if old.trained_until is None else rows.filter(pl.col("cutoff_at") > old.trained_until)
    if since.height < MIN_ROWS:
        return False, f"Only {since.height} outcomes are known since {champion.version}, {MIN_ROWS} are needed."
    y = since["label"].cast(pl.Int64).to_numpy()
    # The challenger has seen these rows; what it would have said of them is its out-of-time record in the card.
    told = fitted.card.get("out_of_time") or {}
    loss = losses(y, old.probability(since))
    error = float(loss.std(ddof=1) / np.sqrt(loss.size))
    challenger = _late_loss(fitted)
    if challenger is None:
        return False, "The new model has no record out of time."
    better = challenger <= float(loss.mean()) + error
    sentence = (
        f"Out of time its log loss in the last period is {challenger:.4f}; that of {champion.version} on the "
        f"{since.height} rows since is {loss.mean():.4f} ± {error:.4f}."
    )
    return better and bool(told), sentence


def _late_loss(fitted: Fitted) -> float | None:
    """Log loss of the chosen candidate in the last period of its test."""
    own = [row for row in fitted.card.get("periods", []) if row["candidate"] == fitted.chosen]
    return float(own[-1]["log_loss"]) if own else None
