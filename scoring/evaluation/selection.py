"""The choice of a model by what it would have said at later cut-offs, from the simplest upwards.

Candidates come from elsewhere, in the conventions of scikit-learn; how each is measured is in
:mod:`scoring.evaluation.backtest`, and what is enough in :mod:`scoring.evaluation.gates`.
"""
# ruff: noqa: N803

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from scoring.evaluation.backtest import (
    Backtest,
    Fold,
    assembled,
    backtest,
    base_rate,
    fitted,
    fitted_probability,
    folds_of,
    positive_probability,
)
from scoring.evaluation.checks import Floats, labels
from scoring.evaluation.gates import NEEDS, Verdict, data_gate, skill_gate
from scoring.evaluation.metrics import calibration_line, losses, oe_ratio
from scoring.evaluation.tiers import Tiers, cut_tiers

__all__ = ["BASE", "ScoreSelector", "Tiers", "backtest", "cut_tiers"]

BASE = "base"
"""Name of the candidate that is always there: the rate of positives, the same for all rows."""
OE_RANGE = (0.9, 1.1)
SLOPE_RANGE = (0.8, 1.25)
PERIODS = 3
"""Later periods that a choice needs at least."""
FARTHEST = 1e-9
"""Probabilities are kept this far from 0 and 1 before a calibration, where a logit would be infinite."""


class ScoreSelector(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Choose the simplest classifier that is as good as the best out of time, or fall back and say why.

    Parameters
    ----------
    candidates
        Pairs of a name and a classifier with ``predict_proba``, the simplest first. The base rate stands before them.
        One whose name is a key of ``needs`` is tried only with so many positives and negatives (groups with such
        labels, where groups are given).
    cv
        A splitter whose folds lie one after the other in time, such as
        :class:`~scoring.evaluation.split.PurgedSnapshotSplit`.
    min_positives
        Positives (and as many negatives) below which no probability is estimated, whatever the candidate.
    gate_alpha
        Of :func:`~scoring.evaluation.gates.skill_gate`.
    rule
        Name of the candidate that is a rule: others must be better than it, and it is what they fall back to.
    needs
        None takes :data:`~scoring.evaluation.gates.NEEDS`.

    Attributes
    ----------
    chosen_ : str
        Name of the candidate that answers, ``base`` for the base rate.
    reason_ : str
        Why it is that one, in sentences.
    verdicts_ : tuple of Verdict
        Of the gates that were asked.
    estimator_
        The chosen candidate fitted on all rows; None for the base rate.
    calibration_ : tuple of float or None
        Intercept and slope on the logits, where a calibration of the chosen candidate helped out of time.
    periods_ : polars.DataFrame
        A row per candidate and period, as in :func:`~scoring.evaluation.backtest.backtest`.
    summary_ : polars.DataFrame
        A row per candidate that was tried: mean log loss over the periods, excess over the best, its standard error.
    out_of_time_ : Backtest or None
        Of the chosen candidate, with the calibrations that were known at each period.

    Notes
    -----
    The rule of one standard error (Breiman et al., 1984) is applied to *differences* from the best candidate in the
    same periods: a hard month is hard for all, and says nothing about which is better.
    """

    def __init__(
        self,
        candidates: Sequence[tuple[str, Any]],
        cv: Any = None,
        min_positives: int = 25,
        gate_alpha: float = 0.1,
        rule: str | None = "rule",
        needs: Mapping[str, int] | None = None,
    ) -> None:
        self.candidates = candidates
        self.cv = cv
        self.min_positives = min_positives
        self.gate_alpha = gate_alpha
        self.rule = rule
        self.needs = needs

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        *,
        cutoffs: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> "ScoreSelector":
        """Compare the candidates over time, choose, and fit the chosen one on all rows.

        Parameters
        ----------
        X, y
            Features, shape (n, k), and two classes, shape (n,); the second in sorted order is the positive one.
        cutoffs, groups
            Passed on to the splitter, shape (n,).

        Raises
        ------
        ValueError
            Where there is no splitter, a name is given twice, or the labels are not of two classes.
        """
        names = [name for name, _ in self.candidates]
        if self.cv is None:
            raise ValueError("cv is needed: PurgedSnapshotSplit(horizon=…), with the horizon of the label")
        if len({*names, BASE}) != len(names) + 1:
            raise ValueError(f"candidates must have different names, and none '{BASE}': {', '.join(names)}")
        self.classes_, truth = self._classes(y)
        self.base_rate_ = base_rate(truth)
        self.verdicts_: tuple[Verdict, ...] = ()
        self.calibration_: tuple[float, float] | None = None
        self.out_of_time_: Backtest | None = None
        self.periods_, self.summary_ = pl.DataFrame(), pl.DataFrame()
        self.n_features_in_ = int(X.shape[1])
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray([str(name) for name in X.columns], dtype=object)
        self.chosen_, self.reason_ = self._choose(X, truth, cutoffs, groups)
        chosen = dict(self.candidates).get(self.chosen_)
        self.estimator_ = None if chosen is None else fitted(chosen, X, truth, groups)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of both classes, shape (n, 2)."""
        check_is_fitted(self, "chosen_")
        if X.shape[1] != self.n_features_in_:
            raise ValueError(f"X has {X.shape[1]} features, but ScoreSelector was fitted on {self.n_features_in_}")
        if self.estimator_ is None:
            p = np.full(X.shape[0], self.base_rate_)
        else:
            p = calibrated(positive_probability(self.estimator_, X), self.calibration_)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The likelier class, shape (n,)."""
        likelier = (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)
        return np.asarray(self.classes_[likelier])

    @staticmethod
    def _classes(y: npt.ArrayLike) -> tuple[npt.NDArray[Any], Floats]:
        classes, numbers = np.unique(np.asarray(y), return_inverse=True)
        if classes.size != 2:
            raise ValueError(f"y must hold two classes, not {classes.size}: there is nothing to tell apart")
        return classes, labels(numbers.reshape(np.shape(y)))

    def _choose(
        self, X: Any, y: Floats, cutoffs: npt.ArrayLike | None, groups: npt.ArrayLike | None
    ) -> tuple[str, str]:
        needs = NEEDS if self.needs is None else self.needs
        wanted = {name: max(needs.get(name, 0), self.min_positives) for name, _ in self.candidates}
        data = data_gate(y, wanted or {BASE: self.min_positives}, groups=groups)
        self.verdicts_ = (data,)
        if not data:
            return BASE, f"{data.reason} The base rate stands for a probability."
        folds = folds_of(self.cv, X, y, cutoffs, groups)
        if len(folds) < PERIODS:
            reason = (
                f"Only {len(folds)} later periods can be tested, {PERIODS} are needed to choose; this is the base rate."
            )
            return BASE, reason
        tests = {BASE: assembled(y, folds, [fitted_probability(None, X, y, fold) for fold in folds], cutoffs)}
        for name, candidate in self.candidates:
            if name in data.allowed:
                chances = [fitted_probability(candidate, X, y, fold, groups) for fold in folds]
                tests[name] = assembled(y, folds, chances, cutoffs)
        # Before the choice, since an over-confident candidate may rank best of all and still lose to the base rate.
        tuned = {name: _recalibrated(test, folds, y, cutoffs) for name, test in tests.items() if name != BASE}
        tests |= {name: test for name, (test, _, _) in tuned.items()}
        self.periods_ = pl.concat(
            [test.periods.insert_column(0, pl.lit(name).alias("candidate")) for name, test in tests.items()]
        )
        name, chosen_because = self._simplest(tests)
        name, gated = self._gated(name, tests, groups)
        self.out_of_time_, self.calibration_, told = tuned.get(name, (tests[name], None, ""))
        return name, " ".join(sentence for sentence in (data.reason, chosen_because, gated, told) if sentence)

    def _simplest(self, tests: Mapping[str, Backtest]) -> tuple[str, str]:
        """The simplest candidate within one standard error of the best."""
        table = np.array([test.periods["log_loss"].to_numpy() for test in tests.values()])
        best = int(table.mean(axis=1).argmin())
        excess = table - table[best]
        errors = excess.std(axis=1, ddof=1) / np.sqrt(table.shape[1])
        self.summary_ = pl.DataFrame(
            {
                "candidate": list(tests),
                "log_loss": table.mean(axis=1),
                "excess": excess.mean(axis=1),
                "excess_error": errors,
            }
        )
        names = list(tests)
        chosen = int(np.flatnonzero(excess.mean(axis=1) <= errors)[0])
        told = f"Over {table.shape[1]} later periods {names[best]} has the lowest log loss ({table[best].mean():.4f})"
        if chosen == best:
            return names[best], f"{told}, and no simpler one comes within a standard error of it."
        rest = f"{names[chosen]} is simpler and within a standard error of it ({table[chosen].mean():.4f})."
        return names[chosen], f"{told}; {rest}"

    def _gated(self, name: str, tests: Mapping[str, Backtest], groups: npt.ArrayLike | None) -> tuple[str, str]:
        """The candidate, if it has skill; else the rule, if that has; else the base rate."""
        if name == BASE:
            refused = Verdict("skill", False, "No usable signal: no candidate is better than the base rate.")
            self.verdicts_ += (refused,)
            return BASE, refused.reason
        told = []
        rule = self.rule if self.rule in tests else None
        for trial in dict.fromkeys([name, *([rule] if rule else [])]):
            test = tests[trial]
            verdict = skill_gate(
                test.y,
                test.p,
                test.base,
                tests[rule].p if rule and trial != rule else None,
                groups=None if groups is None else np.asarray(groups)[test.rows],
                alpha=self.gate_alpha,
            )
            self.verdicts_ += (verdict,)
            told.append(f"{trial}: {verdict.reason}")
            if verdict:
                return trial, " ".join(told)
        return BASE, " ".join([*told, "The base rate stands for a probability."])


def _recalibrated(
    test: Backtest, folds: list[Fold], y: Floats, cutoffs: npt.ArrayLike | None
) -> tuple[Backtest, tuple[float, float] | None, str]:
    """The test with a sigmoid on the logits, if calibration is off and what was known at each time would have helped.

    With intercept and slope of the sigmoid to apply from now on, and what there is to say about it.
    """
    ratio, slope = oe_ratio(test.y, test.p).value, calibration_line(test.y, test.p)[1]
    off = not OE_RANGE[0] <= ratio <= OE_RANGE[1] or not SLOPE_RANGE[0] <= slope <= SLOPE_RANGE[1]
    if not off or np.isnan(slope):
        return test, None, ""
    found = f"Observed over expected is {ratio:.2f} and the calibration slope {slope:.2f}"
    if slope <= 0:
        return test, None, f"{found}: a reversed ranking is not repaired by a calibration."
    chances, gains = [], []
    for number, fold in enumerate(folds, start=1):
        own = test.period == number
        # Of earlier periods only rows whose labels were known by then, which the splitter has put into training.
        known = np.isin(test.rows, fold.train) & (test.period < number)
        line = recalibration(test.y[known], test.p[known])
        chances.append(calibrated(test.p[own], line))
        if line is not None:
            gains.append(float((losses(test.y[own], test.p[own]) - losses(test.y[own], chances[-1])).mean()))
    final = recalibration(test.y, test.p)
    gain = float(np.mean(gains)) if gains else 0.0
    if gain <= 0 or final is None:
        return test, None, f"{found}, but a sigmoid would not have helped in later periods; none is applied."
    helped = f"{found}; a sigmoid fitted on earlier periods lowered the log loss of later ones by {gain:.4f}."
    return assembled(y, folds, chances, cutoffs), final, helped


def recalibration(y: Floats, p: Floats) -> tuple[float, float] | None:
    """Intercept and slope of a sigmoid, None where they are not determined or would turn the ranking round."""
    if y.size == 0 or min(y.sum(), (1 - y).sum()) < 1:
        return None
    intercept, slope = calibration_line(y, np.clip(p, FARTHEST, 1 - FARTHEST))
    return (intercept, slope) if slope > 0 else None


def calibrated(p: Floats, line: tuple[float, float] | None) -> Floats:
    """Probabilities after a sigmoid on their log-odds, shape (n,); as they are where there is none."""
    if line is None:
        return p
    return np.asarray(expit(line[0] + line[1] * logit(np.clip(p, FARTHEST, 1 - FARTHEST))))
