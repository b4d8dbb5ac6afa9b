"""Gates before a score is shown: enough data, no leak, skill.

Each verdict says in a sentence why it passed or not. A gate measures and judges; what is shown instead is decided by
whoever asked, such as :class:`scoring.evaluation.selection.ScoreSelector`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from scoring.evaluation.checks import labels, probabilities
from scoring.evaluation.metrics import Interval, log_loss_skill

NEEDS: Mapping[str, int] = MappingProxyType({"rule": 25, "spline": 65, "additive": 200, "blend": 200, "pairwise": 1000})
"""How many positives, and as many negatives, a candidate of this name needs before it is tried.

From learning curves on public data: below 25 not even two Platt parameters hold, below 65 a calibrated rule was the
best, from 200 on additive boosting equals a spline logistic regression.
"""


@dataclass(frozen=True)
class Verdict:
    """What a gate decided, and why."""

    gate: str
    passed: bool
    reason: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.passed


@dataclass(frozen=True)
class DataVerdict(Verdict):
    """Verdict of :func:`data_gate`, with the kinds of candidates that the data suffice for, simplest first."""

    allowed: tuple[str, ...] = ()


def data_gate(
    y: npt.ArrayLike, needs: Mapping[str, int] | None = None, *, groups: npt.ArrayLike | None = None
) -> DataVerdict:
    """Which kinds of candidates have enough positives and negatives.

    Parameters
    ----------
    y
        Labels, shape (n,).
    needs
        Positives (and as many negatives) that each kind needs; None takes :data:`NEEDS`.
    groups
        Account or deal of each row, shape (n,): then those with a positive, and those with a negative label are
        counted, since ten snapshots of one won deal are one win.

    Returns
    -------
    DataVerdict
        Passed where a probability may be estimated at all.
    """
    truth = labels(y)
    if groups is None:
        positives, negatives, of = int(truth.sum()), int((1 - truth).sum()), "labels"
    else:
        members = np.asarray(groups)
        if members.shape != truth.shape:
            raise ValueError(f"groups must have shape {truth.shape} like y, not {members.shape}")
        positives, negatives = (len(set(members[truth == label].tolist())) for label in (1, 0))
        of = "groups"
    fewer = min(positives, negatives)
    asked = NEEDS if needs is None else needs
    allowed = tuple(name for name, count in sorted(asked.items(), key=lambda item: item[1]) if fewer >= count)
    refused = {name: count for name, count in asked.items() if fewer < count}
    counted = f"There are {positives} positive and {negatives} negative {of}"
    if not allowed:
        reason = f"{counted}; below {min(asked.values())} of either no probability is given, only the rule."
    elif refused:
        count = min(refused.values())
        names = " and ".join(name for name, needed in refused.items() if needed == count)
        reason = f"{counted}: enough for {', '.join(allowed)}; {names} would need {count} of each."
    else:
        reason = f"{counted}: enough for {', '.join(allowed)}."
    evidence = {"positive_count": float(positives), "negative_count": float(negatives)}
    return DataVerdict("data", bool(allowed), reason, evidence, allowed)


def skill_gate(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    base: npt.ArrayLike,
    rule: npt.ArrayLike | None = None,
    *,
    groups: npt.ArrayLike | None = None,
    alpha: float = 0.1,
) -> Verdict:
    """Whether out-of-time probabilities are better than the base rate, and than the rule where one is given.

    Parameters
    ----------
    y, p
        Labels and probabilities of rows that the model was not fitted on, shape (n,).
    base
        The base rate as it was known at each row's cut-off, shape (n,) or one number.
    rule
        Probabilities of the calibrated rule for the same rows. Leave it out when ``p`` is the rule.
    groups
        Account or deal of each row, so that its snapshots count as one; shape (n,).
    alpha
        The interval covers 1 − alpha; its lower end must lie above 0. A model that is as good as the base rate passes
        with a probability of at most alpha / 2.
    """
    truth = labels(y)
    level = 1 - alpha
    against = {"the base rate": base} | ({} if rule is None else {"the rule": rule})
    evidence: dict[str, float] = {"row_count": float(truth.size), "positive_count": float(truth.sum())}
    for name, reference in against.items():
        skill = log_loss_skill(truth, p, probabilities(reference, truth.size), groups=groups, level=level)
        evidence |= _numbered(f"skill_over_{name.removeprefix('the ').replace(' ', '_')}", skill)
        if not skill.low > 0:
            told = "No usable signal" if name == "the base rate" else "No sure gain over the rule"
            reason = (
                f"{told}: the log loss is {skill.value:.1%} better than that of {name}, and the interval at "
                f"{level:.0%}, from {skill.low:.1%} to {skill.high:.1%}, does not lie above 0."
            )
            return Verdict("skill", False, reason, evidence)
    low = min(value for name, value in evidence.items() if name.endswith("_low"))
    names = " and ".join(against)
    return Verdict("skill", True, f"The log loss is better than that of {names} by at least {low:.1%}.", evidence)


def _numbered(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
