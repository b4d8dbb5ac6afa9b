"""The card of a model: what it is for, what it has learnt from, how it would have done, and where not to trust it.

Here it is measured, as JSON; how it reads is in :mod:`scoring.card_text`.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from scoring.evaluation.leaks import LeakReport
from scoring.evaluation.metrics import (
    auc_interval,
    decile_table,
    ece,
    log_loss_skill,
    oe_ratio,
    reliability_table,
    wilson,
)
from scoring.evaluation.selection import ScoreSelector
from scoring.specs import Spec

if TYPE_CHECKING:
    from scoring.model import ScoreModel

EXPIRES = timedelta(days=183)
MIN_SEGMENT_ROWS = 50
SELECTED = 0.1
"""Share of the highest probabilities whose rate per segment is compared."""


def card_of(
    spec: Spec,
    rows: pl.DataFrame,
    model: dict[str, Any],
    selector: ScoreSelector | None,
    leaks: LeakReport | None,
    fitted: "ScoreModel | None",
) -> dict[str, Any]:
    """The card as JSON; all measurements are out of time, on cut-offs later than what was learnt from."""
    card: dict[str, Any] = {
        "score": spec.score,
        "purpose": f"The probability that {spec.purpose}.",
        "not_for": "Decisions about people beyond whom to speak to and what to offer them.",
        "features_from": spec.features,
        "label": f"{spec.labels}.{spec.label}",
        "horizon_days": spec.horizon_days,
        "barred": list(spec.barred),
        **{name: model[name] for name in ("kind", "reason", "row_count", "positive_count", "base_rate")},
        **{name: model[name] for name in ("first_cutoff", "trained_until", "as_of", "data_sha256")},
        "retrain_by": "a week after as_of; not to be used half a year after it",
    }
    if selector is not None:
        card["verdicts"] = [
            {"gate": one.gate, "passed": bool(one.passed), "reason": one.reason} for one in selector.verdicts_
        ]
        card["candidates"] = selector.summary_.to_dicts()
        card["periods"] = [_plain(row) for row in selector.periods_.to_dicts()]
        card["calibration"] = model["calibration"]
    if selector is not None and selector.out_of_time_ is not None:
        test = selector.out_of_time_
        card["out_of_time"] = _measures(test.y, test.p, test.base)
        card["reliability"] = [_plain(row) for row in reliability_table(test.y, test.p).to_dicts()]
        card["deciles"] = [_plain(row) for row in decile_table(test.y, test.p).to_dicts()]
        card["segments"] = list(_segments(spec, rows[test.rows.tolist()], test.y, test.p))
    if leaks is not None:
        card["leaks"] = {
            "passed": bool(leaks.verdict),
            "reason": leaks.verdict.reason,
            "trusted": dict(spec.trusted),
            "features": [_plain(row) for row in leaks.features.to_dicts()],
        }
    if fitted is not None and fitted.names:
        parts = np.abs(fitted.contributions(rows.tail(20_000))).mean(axis=0)
        ranked = sorted(zip(fitted.names, parts.tolist(), strict=True), key=lambda item: -item[1])
        card["importance"] = [{"feature": name, "mean_absolute_log_odds": value} for name, value in ranked]
    card["limits"] = _limits(card, rows, model["features"])
    return card


def _measures(y: np.ndarray, p: np.ndarray, base: np.ndarray) -> dict[str, Any]:
    skill, area, ratio = log_loss_skill(y, p, base), auc_interval(y, p), oe_ratio(y, p)
    error, floor = ece(y, p, return_floor=True)
    return _plain(
        {
            "row_count": int(y.size),
            "positive_count": int(y.sum()),
            "auc": area.value,
            "auc_low": area.low,
            "auc_high": area.high,
            "skill": skill.value,
            "skill_low": skill.low,
            "skill_high": skill.high,
            "oe_ratio": ratio.value,
            "oe_ratio_low": ratio.low,
            "oe_ratio_high": ratio.high,
            "ece": error,
            "ece_floor": floor,
        }
    )


def _segments(spec: Spec, rows: pl.DataFrame, y: np.ndarray, p: np.ndarray) -> Any:
    """Error and rate of selection per segment: who is judged worse, or chosen more often, than the rest."""
    limit = float(np.quantile(p, 1 - SELECTED))
    overall = float((p >= limit).mean())
    for column in spec.segments:
        if column not in rows.columns:
            continue
        values = rows[column].cast(pl.String).fill_null("(not set)").to_numpy()
        for value in sorted(set(values.tolist())):
            own = values == value
            count = int(own.sum())
            found: dict[str, Any] = {"segment": column, "value": value, "row_count": count}
            if count < MIN_SEGMENT_ROWS or not 0 < y[own].sum() < count:
                yield {**found, "assessed": False}
                continue
            area, ratio = auc_interval(y[own], p[own]), oe_ratio(y[own], p[own])
            chosen = wilson(float((p[own] >= limit).sum()), float(count))
            differs = {
                "more came than expected": ratio.low > 1,
                "fewer came than expected": ratio.high < 1,
                "chosen more often": chosen.low > overall,
                "chosen less often": chosen.high < overall,
            }
            yield _plain(
                {
                    **found,
                    "assessed": True,
                    "positive_rate": float(y[own].mean()),
                    "auc": area.value,
                    "oe_ratio": ratio.value,
                    "oe_ratio_low": ratio.low,
                    "oe_ratio_high": ratio.high,
                    "selected_rate": chosen.value,
                    "selected_rate_low": chosen.low,
                    "selected_rate_high": chosen.high,
                    "differs": [name for name, holds in differs.items() if holds],
                }
            )


def _limits(card: dict[str, Any], rows: pl.DataFrame, columns: list[str]) -> list[str]:
    """Where the model must not be trusted, in sentences that follow from what it has learnt from."""
    found = [
        "What moved a score is what its probability is made of, and not the cause of what happens.",
        "Whoever acts on a score changes what follows: a customer who was saved looks like a false alarm.",
        f"It speaks of cut-offs like those from {card['first_cutoff']} to {card['trained_until']}, up to half a year "
        "after the last; then it has to be fitted again.",
    ]
    empty = [name for name in columns if name in rows.columns and rows[name].null_count() == rows.height]
    if empty:
        found.append(f"Nothing was ever known of {', '.join(empty)}: what these do it cannot say.")
    small = [f"{one['segment']} {one['value']}" for one in card.get("segments", []) if not one["assessed"]]
    if small:
        found.append(f"Too small to be assessed apart: {', '.join(small)}.")
    if card["kind"] in ("base", "rule"):
        found.append(
            "No model tells subjects apart better; what it says is the same for all, or follows from the rule."
        )
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Without numbers that JSON does not know."""
    return {name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()}
