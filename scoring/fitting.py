"""Fits all scores of a home, keeps them in the registry, and decides which of them come into force.

A new model does so at once where there was none; otherwise it is a challenger, and comes into force where it holds its
own on the same rows (:mod:`scoring.contest`). A person may promote any version at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from scoring.card_text import card_text
from scoring.contest import Contest, contest
from scoring.model import ScoreModel
from scoring.plots import plots_of
from scoring.specs import SPECS, Spec
from scoring.training import Fitted, candidates, fit, training_rows
from warehouse import registry
from warehouse.errors import UsageError
from warehouse.registry import ModelVersion
from warehouse.settings import Settings
from warehouse.store import open_store


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
        decided = _decide(settings, spec, rows, fitted)
        card = fitted.card | {"contest": decided.as_dict()}
        kept = registry.save(home, spec.score, fitted.model, card, card_text(card), plots_of(card))
        if decided.is_won:
            kept = registry.promote(home, spec.score, kept.version, decided.reason)
        outcomes.append(Outcome(kept, fitted.chosen, str(fitted.model["reason"]), decided.reason))
    return outcomes


def _decide(settings: Settings, spec: Spec, rows: pl.DataFrame, fitted: Fitted) -> Contest:
    """Whether a new model comes into force, and why."""
    home = settings.layout()
    champion = next((one for one in registry.champions(home) if one.score == spec.score), None)
    if champion is None:
        return Contest(True, "It is the first one.", 0)
    old = ScoreModel.from_json(registry.load(home, champion.score, champion.version))
    if old.base_rate is None:
        return Contest(True, f"{champion.version} has never seen an outcome.", 0)
    is_calibrated = fitted.model["calibration"] is not None
    return contest(spec, rows, fitted.chosen, old, dict(candidates(spec)), is_calibrated=is_calibrated)
