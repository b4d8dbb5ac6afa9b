"""Gates by counts, by shuffled labels, and by hand."""

import numpy as np
import pytest
from scipy.special import expit

from scoring.evaluation.gates import data_gate, skill_gate


@pytest.mark.parametrize(
    ("positives", "negatives", "allowed"),
    [
        (24, 5000, ()),
        (5000, 24, ()),
        (25, 25, ("rule",)),
        (64, 900, ("rule",)),
        (65, 65, ("rule", "spline")),
        (199, 900, ("rule", "spline")),
        (200, 200, ("rule", "spline", "additive", "blend")),
        (1000, 1000, ("rule", "spline", "additive", "blend", "pairwise")),
    ],
)
def test_kinds_of_candidates_by_the_rarer_label(positives, negatives, allowed):
    verdict = data_gate([1] * positives + [0] * negatives)
    assert verdict.allowed == allowed
    assert bool(verdict) == bool(allowed)
    assert f"{positives} positive and {negatives} negative" in verdict.reason


def test_snapshots_of_one_deal_are_one_label():
    verdict = data_gate([0, 1] * 300, groups=np.repeat(np.arange(30), 20))
    assert verdict.allowed == ("rule",)
    assert "30 positive and 30 negative groups" in verdict.reason


def drawn(skill, count=1500, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    return (rng.random(count) < expit(-1 + skill * x)).astype(int), expit(-1 + x), x


def test_skill_passes_and_names_its_bound():
    y, p, _ = drawn(1.0)
    verdict = skill_gate(y, p, 0.3)
    assert verdict
    assert f"by at least {verdict.evidence['skill_over_base_rate_low']:.1%}" in verdict.reason


def test_shuffled_labels_are_refused():
    y, p, _ = drawn(1.0)
    refused = [skill_gate(np.random.default_rng(seed).permutation(y), p, y.mean()) for seed in range(50)]
    assert not any(refused)
    assert refused[0].reason.startswith("No usable signal: the log loss is")


def test_a_model_that_is_as_good_as_the_base_rate_passes_no_more_often_than_half_of_alpha():
    passed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = rng.random(500) < 0.3
        # The same expected loss as that of the base rate: half the rows above it, half below, and 0.3 just between.
        side = rng.permutation(np.repeat([0, 1], 250))
        p, base = np.where(side == 1, 0.35, 0.25), np.where(side == 0, 0.35, 0.25)
        passed += bool(skill_gate(y, p, base))
    assert passed / 400 <= 0.05 + 2 * 0.011


def test_a_model_must_beat_the_rule():
    y, p, x = drawn(1.0)
    rule = expit(-1 + 0.9 * x)
    verdict = skill_gate(y, p, 0.3, rule=rule)
    assert not verdict
    assert "over the rule" in verdict.reason
    assert skill_gate(y, p, 0.3, rule=np.full(y.size, 0.3))


def test_repeated_snapshots_of_few_deals_are_no_evidence():
    y, p, _ = drawn(0.8, count=40, seed=1)
    many_y, many_p, deal = np.repeat(y, 50), np.repeat(p, 50), np.repeat(np.arange(40), 50)
    assert skill_gate(many_y, many_p, y.mean())
    assert not skill_gate(many_y, many_p, y.mean(), groups=deal)
