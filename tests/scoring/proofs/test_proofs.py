"""On the sample company the scores find what its generator planted, and rank nearly as well as its truth allows."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from scoring.evaluation.metrics import auc_interval, ece, oe_ratio, reliability_table
from scoring.training import candidates
from tests.scoring.proofs.conftest import Learnt, Sample

pytestmark = pytest.mark.slow
LEAD_AGE_DAYS = 7
"""At seven days what drives conversion is over, nobody has converted, and a lead's odds are its truth."""


def effect(learnt: Learnt, feature: str, of: pl.Expr, against: pl.Expr) -> float:
    """Mean contribution of a feature where `of` holds, less that where `against` does, in log-odds."""
    rows = learnt.rows
    column = learnt.model.names.index(feature)
    parts = learnt.model.contributions(rows)[:, column]
    own, other = (rows.select(one.fill_null(value=False)).to_series().to_numpy() for one in (of, against))
    return float(parts[own].mean() - parts[other].mean())


def at_seven_days(leads: Learnt, sample: Sample) -> pl.DataFrame:
    """Rows at that age of leads that were not learnt from, with the true log-odds; double entries have none."""
    rows = leads.rows.filter((pl.col("lead_age_days") - LEAD_AGE_DAYS).abs() < 0.01, pl.col("tenant_id") == "default")
    return rows.join(sample.truth.lead_odds(), on="lead_id", how="inner")


def test_a_model_is_chosen_for_leads_and_for_churn(leads: Learnt, churn: Learnt) -> None:
    for learnt in (leads, churn):
        print(learnt.spec.score, learnt.fitted.chosen, learnt.fitted.model["reason"])
        assert learnt.fitted.chosen in ("spline", "additive", "blend")


@pytest.mark.parametrize(
    ("feature", "of", "against"),
    [
        ("job_title", pl.col("job_title").is_in(["founder", "head of learning", "marketing director"]),
         pl.col("job_title").is_in(["teacher", "student", "analyst", "engineer", "manager"])),
        ("industry", pl.col("industry").is_in(["education", "software", "media"]),
         pl.col("industry").is_in(["retail", "finance", "manufacturing", "health", "construction"])),
        ("budget", pl.col("budget") > 12_000, pl.col("budget") < 3_000),
        ("response_hours_so_far", pl.col("response_hours_so_far") < 3, pl.col("response_hours_so_far") > 40),
        ("is_activated", pl.col("is_activated"), ~pl.col("is_activated")),
    ],
)  # fmt: skip
def test_what_drives_conversion_is_found_with_its_sign(
    leads: Learnt, feature: str, of: pl.Expr, against: pl.Expr
) -> None:
    found = effect(leads, feature, of, against)
    print(f"{feature}: {found:+.3f} log-odds")
    assert found > 0.05


def test_what_leads_do_raises_their_odds_more_than_what_is_no_driver(leads: Learnt) -> None:
    """Of each kind of engagement there are several windows; together they must rise with what was done."""
    names, parts = leads.model.names, leads.model.contributions(leads.rows)

    def together(word: str) -> np.ndarray:
        return parts[:, [at for at, name in enumerate(names) if name.startswith(word)]].sum(axis=1)

    for word in ("visit", "download", "event_attended", "email_click"):
        count = f"{word}_count_30d"
        rank = np.corrcoef(together(word), leads.rows[count].to_numpy())[0, 1]
        print(f"{word}: correlation of contribution and count {rank:.2f}")
        assert rank > 0.3
    spread = {word: float(together(word).std()) for word in ("visit", "job_title", "has_bounced", "has_unsubscribed")}
    print(spread)
    assert min(spread["visit"], spread["job_title"]) > max(spread["has_bounced"], spread["has_unsubscribed"])


def expected_auc(scores: np.ndarray, chances: np.ndarray) -> float:
    """AUC over all outcomes that may come: each row is a positive by its chance, and a negative by the rest of it.

    The outcomes that came to be are one throw of the dice, whose noise is larger than what is asked for.
    """
    outcomes = np.repeat([1, 0], scores.size)
    return float(roc_auc_score(outcomes, np.tile(scores, 2), sample_weight=np.concatenate([chances, 1 - chances])))


@pytest.mark.parametrize(
    "short",
    [
        0.03,
        pytest.param(0.02, marks=pytest.mark.xfail(strict=True, reason="0.0232 short with 1,500 accounts")),
    ],
)
def test_leads_are_ranked_nearly_as_well_as_the_truth_allows(leads: Learnt, sample: Sample, short: float) -> None:
    rows = at_seven_days(leads, sample)
    y = rows["label"].cast(pl.Int64).to_numpy()
    p, odds = (rows[name].to_numpy() for name in ("p", "log_odds"))
    chances = 1 / (1 + np.exp(-odds))
    thrown = [auc_interval(y, scores).value for scores in (p, odds)]
    own, best = (expected_auc(scores, chances) for scores in (p, odds))
    print(
        f"{rows.height} leads of seven days, {y.sum()} convert: AUC {thrown[0]:.3f}, of the truth {thrown[1]:.3f}; "
        f"over all throws {own:.4f} and {best:.4f}"
    )
    assert abs(thrown[1] - best) < 0.05, "the truth is the truth of these leads"
    assert own > best - short


def test_probabilities_of_leads_are_reliable_within_their_noise(leads: Learnt, sample: Sample) -> None:
    rows = leads.rows.filter(pl.col("tenant_id") == "default")
    y, p = rows["label"].cast(pl.Int64).to_numpy(), rows["p"].to_numpy()
    error, floor = ece(y, p, return_floor=True)
    ratio = oe_ratio(y, p)
    print(f"O/E {ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f}), ECE {error:.4f}, by chance {floor:.4f}")
    print(reliability_table(y, p))
    # Each lead stands in the rows up to five times: the noise of rows is that of a fifth of them.
    assert error < np.sqrt(5) * floor + 0.01
    truth = at_seven_days(leads, sample)
    known = 1 / (1 + np.exp(-truth["log_odds"].to_numpy()))
    print(f"correlation with the true probability {np.corrcoef(known, truth['p'].to_numpy())[0, 1]:.3f}")
    assert np.corrcoef(known, truth["p"].to_numpy())[0, 1] > 0.85


@pytest.mark.parametrize(
    ("feature", "of", "against"),
    [
        ("login_count_30d", pl.col("login_count_30d") < 4, pl.col("login_count_30d") > 12),
        ("days_to_renewal", pl.col("days_to_renewal") < 28, pl.col("days_to_renewal") > 60),
    ],
)
def test_what_makes_customers_leave_is_found_with_its_sign(
    churn: Learnt, feature: str, of: pl.Expr, against: pl.Expr
) -> None:
    found = effect(churn, feature, of, against)
    print(f"{feature}: {found:+.3f} log-odds")
    assert found > 0.1


def test_the_top_tenth_of_the_churn_list_is_nearly_that_of_the_true_hazard(churn: Learnt, sample: Sample) -> None:
    """The best list ranks by the hazard as of the cut-off, with what is hidden; the dice's hazard measures both."""
    cutoffs = sorted(churn.rows["cutoff_at"].unique().to_list())
    rows = churn.rows.join(sample.truth.leaving(cutoffs, 30), on=["customer_id", "cutoff_at"], how="inner")
    assert rows.height > 0.95 * churn.rows.filter(pl.col("tenant_id") == "default").height
    y, p, hazard, implied = (rows[name].cast(pl.Float64).to_numpy() for name in ("label", "p", "leaves", "would_leave"))
    top = max(1, round(0.1 * p.size))
    listed, best = np.argsort(-p, kind="stable")[:top], np.argsort(-implied, kind="stable")[:top]
    share = hazard[listed].sum() / hazard[best].sum()
    print(
        f"{p.size} customers, {y.sum():.0f} leave; the top tenth holds {share:.0%} of the best list's hazard; "
        f"{y[listed].sum():.0f} of it left, {y[best].sum():.0f} of the best; AUC {auc_interval(y, p).value:.3f}, "
        f"of the hazard {auc_interval(y, implied).value:.3f}"
    )
    assert share >= 0.8


def test_a_shuffled_label_gives_a_coin(leads: Learnt) -> None:
    """Labels dealt anew among the rows tell nothing of rows that come later: AUC 0.5 within three standard errors."""
    rng = np.random.default_rng(5)
    rows = leads.rows.head(8000)
    columns = leads.spec.usable([name for name in rows.columns if name not in ("label", "p")])
    y = rng.permutation(rows["label"].cast(pl.Int64).to_numpy())
    half = rows.height // 2
    for kind in ("spline", "additive"):
        model = dict(candidates(leads.spec))[kind].fit(rows.head(half).select(columns), y[:half])
        p = model.predict_proba(rows.tail(rows.height - half).select(columns))[:, 1]
        found = auc_interval(y[half:], p, level=0.997)
        print(f"{kind}: AUC of shuffled labels {found.value:.3f}")
        assert found.low < 0.5 < found.high
