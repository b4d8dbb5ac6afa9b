"""The estimators keep scikit-learn's conventions."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from scoring.estimators.additive import AdditiveClassifier
from scoring.estimators.encoding import FrameEncoder
from scoring.estimators.weighted import WeightedScore

FOLDS = (
    "a repeated row falls into several folds, bins and quantiles, a weighted one does not; so it is in HistGB itself"
)


def expected(estimator) -> dict[str, str]:
    if isinstance(estimator, AdditiveClassifier):
        return {"check_sample_weight_equivalence_on_dense_data": FOLDS}
    return {}


@parametrize_with_checks(
    [AdditiveClassifier(max_iter=20), FrameEncoder(), WeightedScore()],
    expected_failed_checks=expected,
)
def test_conventions(estimator, check):
    check(estimator)
