"""Values by hand, and models that come back from JSON the same or not at all."""

import json

import numpy as np
import polars as pl
import pytest

from scoring.lifetime import BetaGeoNBD, GammaGamma, ShiftedBetaGeometric
from scoring.lifetime.value import contract_value, purchase_value


def purchases():
    model = BetaGeoNBD(modified=True, horizon=26.0)
    model.r_, model.alpha_, model.a_, model.b_ = 0.5, 6.0, 0.9, 1.6
    return model


def money():
    model = GammaGamma()
    model.p_, model.q_, model.v_ = 6.0, 4.0, 15.0
    return model


def test_value_is_purchases_times_what_one_is_worth():
    frame = pl.DataFrame({"frequency": [0, 5], "recency": [0.0, 30.0], "T": [40.0, 36.0], "monetary": [None, 50.0]})
    table = purchase_value(frame, purchases(), money(), 52.0)
    # Without a history 6 · 15 / 3; with five purchases of 50 on average 6 · (15 + 250) / 33.
    assert table["expected_purchase_base"].to_list() == pytest.approx([30.0, 6 * 265 / 33])
    assert table["expected_revenue_base"][1] == pytest.approx(table["expected_purchase_count"][1] * 6 * 265 / 33)
    assert table["expected_purchase_count"][1] > table["expected_purchase_count"][0]


def test_value_of_a_contract_by_hand():
    assert contract_value([100, 50], [[0.9, 0.8], [1.0, 0.5]], discount=1.0) == pytest.approx([45 + 20, 25 + 6.25])
    model = ShiftedBetaGeometric()
    model.alpha_, model.beta_ = 0.7, 3.8
    survival = model.predict_survival(range(1, 13), tenure=[0, 5])
    assert contract_value([10, 10], survival, discount=0.01) == pytest.approx(
        10 * model.expected_renewals([0, 5], 12, discount=0.01)
    )
    with pytest.raises(ValueError, match="not rise"):
        contract_value([1.0], [[0.5, 0.6]])


@pytest.mark.parametrize("model", [purchases(), money()])
def test_json_brings_back_the_same_model(model):
    kept = json.loads(json.dumps(model.to_dict()))
    again = type(model).from_dict(kept)
    rows = np.array([[3, 10.0, 20.0]]) if isinstance(model, BetaGeoNBD) else np.array([[3, 10.0]])
    assert (again.predict(rows) == model.predict(rows)).all()
    assert again.get_params() == model.get_params()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "GammaGamma"}, "no BetaGeoNBD"),
        ({"extra": 1}, "no BetaGeoNBD"),
        ({"parameters": {"r_": 1.0}}, "parameters of a BetaGeoNBD"),
        ({"parameters": {"r_": "1", "alpha_": 1.0, "a_": 1.0, "b_": 1.0}}, "must be a number above 0"),
        ({"parameters": {"r_": float("nan"), "alpha_": 1.0, "a_": 1.0, "b_": 1.0}}, "must be a number above 0"),
        ({"parameters": {"r_": -1.0, "alpha_": 1.0, "a_": 1.0, "b_": 1.0}}, "must be a number above 0"),
        ({"settings": {"modified": True}}, "settings of a BetaGeoNBD"),
        ({"settings": {"modified": True, "horizon": "__import__('os')"}}, "are numbers"),
        ({"settings": {"modified": True, "horizon": 1.0, "predict": 1.0}}, "settings of a BetaGeoNBD"),
    ],
)
def test_json_of_another_kind_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        BetaGeoNBD.from_dict(purchases().to_dict() | change)


def test_what_is_not_fitted_is_not_kept():
    with pytest.raises(ValueError, match="not fitted"):
        ShiftedBetaGeometric().to_dict()
