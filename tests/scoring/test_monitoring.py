"""Past scores against what happened, per month, segment and feature; rows by hand."""

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from scoring.evaluation.stability import reference_of
from scoring.scores import score_drift, score_month, score_segment
from tests.scoring.test_scores import base

AS_OF = datetime(2026, 8, 1)
MAY, JUNE = datetime(2026, 5, 1), datetime(2026, 6, 1)


def tables(**model: object) -> dict[str, pl.DataFrame]:
    """40 customers in June, whose outcomes are known on 1 July, and 10 in July, whose are not.

    June: of 20 accounts 10 leave, of 20 users 2. All pay 50, but for July's, who pay 500.
    """
    june, july = range(40), range(10)
    kinds = ["account" if number < 20 else "user" for number in june] + ["user"] * 10
    features = pl.DataFrame(
        {
            "tenant_id": "t",
            "customer_id": [f"c{number}" for number in june] + [f"d{number}" for number in july],
            "cutoff_at": [JUNE] * 40 + [datetime(2026, 7, 15)] * 10,
            "is_latest": False,
            "customer_kind": kinds,
            "plan": "pro",
            "mrr_base": [50.0] * 40 + [500.0] * 10,
        }
    )
    left = [number < 10 or number in (20, 21) for number in june]
    labels = features.select("tenant_id", "customer_id", "cutoff_at").with_columns(
        is_cancelled_30d=pl.Series([*left, *[None] * 10], dtype=pl.Boolean),
        label_known_30d_at=pl.col("cutoff_at") + timedelta(days=30),
    )
    kept = base("churn_30d", 0.2, str(MAY))
    document = json.loads(kept["model"]) | model
    return dict.fromkeys(score_month.READS, pl.DataFrame()) | {
        "features.feat_customer": features,
        "features.label_customer": labels,
        "staging.stg_clock": pl.DataFrame({"as_of": [AS_OF]}),
        "raw.scoring_model": pl.DataFrame([kept | {"model": json.dumps(document)}]),
    }


def test_a_month_is_judged_when_its_last_outcome_is_known() -> None:
    june, july = score_month.compute(tables()).sort("score_month").to_dicts()
    assert (june["row_count"], june["known_count"], june["positive_count"]) == (40, 40, 12)
    assert june["expected_count"] == pytest.approx(8)
    assert june["oe_ratio"] == pytest.approx(1.5)
    assert june["judged_at"] == datetime(2026, 7, 1)
    assert (july["row_count"], july["known_count"], july["judged_at"]) == (10, 0, None)
    assert july["verdict"] == "unknown"


def test_segments_say_for_whom_it_is_off() -> None:
    """Of 20 accounts 10 left where 4 were expected: 2.5 times, beyond chance; of 20 users 2 where 4 were: by chance."""
    found = score_segment.compute(tables()).filter(pl.col("score_month") == date(2026, 6, 1))
    rows = {(row["segment_kind"], row["segment_value"]): row for row in found.to_dicts()}
    assert set(rows) == {("customer_kind", "account"), ("customer_kind", "user"), ("plan", "pro")}
    account, user = rows["customer_kind", "account"], rows["customer_kind", "user"]
    assert (account["positive_count"], account["oe_ratio"], account["verdict"]) == (10, pytest.approx(2.5), "red")
    assert (user["positive_count"], user["oe_ratio"], user["verdict"]) == (2, pytest.approx(0.5), "unknown")
    assert rows["plan", "pro"]["row_count"] == 40
    assert account["auc"] == pytest.approx(0.5)


def test_a_feature_that_has_shifted_is_named() -> None:
    """Learnt from 50 for all and from accounts and users alike: July has 500 for all, June nothing new."""
    kinds = np.array(["account", "user"] * 500, dtype=object)
    model = {
        "drift": {
            "mrr_base": reference_of(np.full(1000, 50.0)),
            "customer_kind": reference_of(kinds),
            "(score)": reference_of(np.full(1000, 0.2)),
            "gone": reference_of(kinds),
        }
    }
    found = score_drift.compute(tables(**model))
    rows = {(row["score_month"].month, row["feature_name"]): row for row in found.to_dicts()}
    assert {feature for _, feature in rows} == {"mrr_base", "customer_kind", "(score)"}
    assert {rows[6, name]["verdict"] for name in ("mrr_base", "customer_kind", "(score)")} == {"good"}
    assert rows[6, "customer_kind"]["psi"] == pytest.approx(0)
    assert rows[7, "mrr_base"]["verdict"] == "red"
    assert rows[7, "(score)"]["verdict"] == "good"
    # All are users: a half becomes 1/10,000, and another half all.
    assert rows[7, "customer_kind"]["psi"] == pytest.approx(-0.4999 * np.log(0.0002) + 0.5 * np.log(2))


def test_an_old_model_without_references_has_no_drift() -> None:
    assert score_drift.compute(tables()).height == 0
