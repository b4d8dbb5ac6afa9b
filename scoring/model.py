"""A fitted score as it is kept and applied: numbers and words, checked when they are read, nothing that is executed.

The log-odds of a row are the sum of an intercept and one contribution per feature, so that an
explanation is the score itself and not an approximation of it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from scoring.estimators.artefact import from_dict
from scoring.estimators.tables import AdditiveTables
from scoring.evaluation.stability import checked
from scoring.specs import Spec, spec

SCHEMA = 1
KINDS = ("base", "rule", "spline", "additive", "blend")
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreModel:
    """A model that answers.

    Parameters
    ----------
    spec
        What it predicts.
    kind
        ``base`` (the rate of positives, for all rows), ``rule``, or an additive model.
    reason
        Why it is that one, in sentences.
    base_rate
        Rate of positives among the rows that it was fitted on; None where there were none.
    line
        Intercept and slope on the rule's share of 100, of kind ``rule``.
    tables
        Of the additive kinds.
    calibration
        Intercept and slope on the log-odds, where one is applied.
    features
        Columns that it reads.
    trained_until
        Last cut-off that it has learnt from; later ones are new to it.
    reference
        Percentiles 0 to 100 of its latest probabilities at the time, for drift; None where there were none.
    drift
        Shares of the values of each feature, and of ``(score)``, at the time; see :mod:`scoring.evaluation.stability`.
    """

    spec: Spec
    kind: str
    reason: str
    base_rate: float | None
    line: tuple[float, float] | None
    tables: AdditiveTables | None
    calibration: tuple[float, float] | None
    features: tuple[str, ...]
    trained_until: datetime | None
    reference: tuple[float, ...] | None
    drift: Mapping[str, Mapping[str, Any]] | None = None

    @classmethod
    def from_json(cls, text: str) -> "ScoreModel":
        """Read a kept model; see :meth:`from_dict`."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ValueError(f"the model is no JSON: {error}") from error
        return cls.from_dict(document)

    @classmethod
    def from_dict(cls, document: Any) -> "ScoreModel":
        """Read a model from what JSON yields.

        Raises
        ------
        ValueError
            Where it is not such a model: another schema, an unknown score or kind, a number that is not finite.
        """
        if not isinstance(document, Mapping):
            raise ValueError("a model is a JSON object")  # noqa: TRY004 - one kind of error for any bad file
        if document.get("schema") != SCHEMA:
            raise ValueError(f"the model has schema {document.get('schema')!r}; this version reads {SCHEMA}")
        kind = document.get("kind")
        if kind not in KINDS:
            raise ValueError(f"the model is of kind {kind!r}; known are {', '.join(KINDS)}")
        try:
            predicted = spec(str(document.get("score")))
        except StopIteration:
            raise ValueError(f"no score is called {document.get('score')!r}") from None
        features = document.get("features")
        if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
            raise ValueError("features must be a list of names")
        rate = document.get("base_rate")
        return cls(
            spec=predicted,
            kind=kind,
            reason=str(document.get("reason", "")),
            base_rate=None if rate is None else _share(rate),
            line=_numbers(document.get("rule_line"), "rule_line") if kind == "rule" else None,
            tables=from_dict(document.get("additive")) if kind not in ("base", "rule") else None,
            calibration=None
            if document.get("calibration") is None
            else _numbers(document["calibration"], "calibration"),
            features=tuple(features),
            trained_until=_instant(document.get("trained_until")),
            reference=None if document.get("reference") is None else tuple(map(_share, document["reference"])),
            drift=None if document.get("drift") is None else _references(document["drift"]),
        )

    def log_odds(self, frame: pl.DataFrame) -> FloatArray:
        """Log-odds of each row, shape (n,); minus infinity where the base rate is 0, not a number where unknown."""
        return np.asarray(self.intercept + self.contributions(frame).sum(axis=1))

    def probability(self, frame: pl.DataFrame) -> FloatArray:
        """Probability of each row, shape (n,); not a number where nothing has ever been observed."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(frame))))

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of :meth:`contributions` belong to."""
        if self.tables is not None:
            return tuple(self.tables.names)
        return ("rule_score",) if self.kind == "rule" else ()

    @property
    def intercept(self) -> float:
        """Log-odds before any contribution."""
        if self.kind == "base":
            rate = self.base_rate
            if rate is None:
                return math.nan
            return math.log(rate / (1 - rate)) if 0 < rate < 1 else math.inf * (1 if rate else -1)
        raw = self.line[0] if self.line is not None else self.tables.intercept  # type: ignore[union-attr]
        return raw if self.calibration is None else self.calibration[0] + self.calibration[1] * raw

    def contributions(self, frame: pl.DataFrame) -> FloatArray:
        """What each of :attr:`names` adds to the log-odds of each row, shape (n, number of names)."""
        if self.kind == "base":
            return np.zeros((frame.height, 0))
        if self.line is not None:
            raw = self.line[1] * self.spec.rule(frame).to_numpy().reshape(-1, 1) / 100
        else:
            assert self.tables is not None
            raw = self.tables.contributions(frame.select(self.features))
        return np.asarray(raw if self.calibration is None else self.calibration[1] * raw)


def _references(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise ValueError("drift must name features")  # noqa: TRY004 - one kind of error for any bad file
    return {str(name): checked(one) for name, one in value.items()}


def _instant(value: Any) -> datetime | None:
    try:
        return None if value is None else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no instant") from None


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no share from 0 to 1")
    return float(value)


def _numbers(value: Any, where: str) -> tuple[float, float]:
    good = isinstance(value, list) and len(value) == 2 and all(isinstance(one, int | float) for one in value)
    if not good or not all(math.isfinite(one) for one in value):
        raise ValueError(f"{where} must be two finite numbers")
    return float(value[0]), float(value[1])
