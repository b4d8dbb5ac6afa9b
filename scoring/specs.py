"""What is predicted: for whom, within which horizon, from which features, with which rule to fall back to.

A new probability is a new entry of :data:`SPECS`. How features come about is in models/features; how a model is fitted
and chosen, in :mod:`scoring.training`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from scoring.rules import churn, deal, lead

KEYS = ("tenant_id", "cutoff_at", "is_latest")


@dataclass(frozen=True)
class Spec:
    """One probability, and how it is learnt."""

    score: str
    """Name in the registry."""
    purpose: str
    """What the probability is of, in words for the card."""
    subject: str
    """Column that names whom it is about."""
    features: str
    labels: str
    label: str
    known_at: str
    """When the label became known."""
    horizon_days: float
    """How far the label looks ahead, for the gap between training and test."""
    barred: tuple[str, ...]
    """Columns of the features that a model must not see: identifiers, and what people had judged before."""
    rule: Callable[[pl.DataFrame], pl.Series]
    """Rule score, 0 to 100, higher for likelier; the fallback, and the baseline that a model has to beat."""
    segments: tuple[str, ...]
    """Columns over which the card compares errors."""
    trusted: Mapping[str, str] = field(default_factory=dict)
    """Features that may be as powerful alone as a leak would be, and why they are none."""
    where: str = "true"
    """Which rows it speaks of, as SQL over the features."""

    def usable(self, columns: list[str]) -> list[str]:
        """The columns that a model may see."""
        return [name for name in columns if name not in {*KEYS, self.subject, *self.barred}]


_AT_CUTOFF = (
    "the stage as it stood at the cut-off, rebuilt from events received by then; most of winning is how far it is"
)
HOW_FAR = dict.fromkeys(("stage", "stage_order", "stage_visit_count", "gate_count"), _AT_CUTOFF)
_LEAD = Spec(
    score="lead_90d",
    purpose="a lead converts within 90 days of the day it is looked at",
    subject="lead_id",
    features="features.feat_lead",
    labels="features.label_lead",
    label="is_converted_90d",
    known_at="label_known_90d_at",
    horizon_days=90,
    # what people had judged already
    barred=("is_qualified",),
    rule=lead.rule_score,
    segments=("lead_source", "channel"),
)
_CHURN = Spec(
    score="churn_30d",
    purpose="a paying customer has cancelled 30 days later",
    subject="customer_id",
    features="features.feat_customer",
    labels="features.label_customer",
    label="is_cancelled_30d",
    known_at="label_known_30d_at",
    horizon_days=30,
    barred=(),
    rule=churn.rule_score,
    segments=("customer_kind", "plan"),
)
_DEAL = Spec(
    score="deal_30d",
    purpose="an open deal is won within 30 days",
    subject="deal_id",
    features="features.feat_deal",
    labels="features.label_deal",
    label="is_won_30d",
    known_at="label_known_30d_at",
    horizon_days=30,
    barred=("account_id", "owner_id", "probability", "forecast_category"),
    rule=deal.rule_score,
    segments=("pipeline", "industry"),
    trusted=HOW_FAR,
)
SPECS: tuple[Spec, ...] = (
    _LEAD,
    _CHURN,
    replace(
        _CHURN,
        score="churn_90d",
        purpose="a paying customer has cancelled 90 days later",
        label="is_cancelled_90d",
        known_at="label_known_90d_at",
        horizon_days=90,
    ),
    _DEAL,
    replace(
        _DEAL,
        score="deal_ever",
        purpose="an open deal is won in the end",
        label="is_won_ever",
        known_at="label_known_ever_at",
        horizon_days=90,
    ),
)


def spec(score: str) -> Spec:
    """The entry of this name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return next(one for one in SPECS if one.score == score)
