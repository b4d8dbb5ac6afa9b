"""Frames of mixed types, and the public data set where it is there."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tests.public_data import data_of


def mixed(rows: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Columns of every kind, with missing values, hostile names and a known effect of three of them."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(2.0, 50.0, rows)
    plan = rng.choice(
        ["basic", "pro'; drop table t; --", 'Ünï"code', "  ", "rare"], rows, p=[0.4, 0.3, 0.2, 0.095, 0.005]
    )
    active = rng.random(rows) < 0.5
    logit = 0.02 * (size - 100) + np.where(plan == "basic", -1.0, 0.5) + 0.8 * active
    y = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    frame = pl.DataFrame(
        {
            'si"ze': np.where(rng.random(rows) < 0.1, np.nan, size),
            "plan; select 1": plan,
            "is active": [None if rng.random() < 0.05 else bool(a) for a in active],
            "since": [date(2024, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 700, rows)],
            "total": [" " if rng.random() < 0.02 else f"{v:.2f}" for v in rng.normal(10, 3, rows)],
            "seats": rng.integers(1, 5, rows),
            "page": [f"page {i}" for i in rng.integers(0, 40, rows)],
            "customer": [f"c-{i}" for i in range(rows)],
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "country": ["DE"] * rows,
        }
    )
    return frame, y


@pytest.fixture(scope="session")
def data() -> tuple[pl.DataFrame, np.ndarray]:
    return mixed(3000)


@pytest.fixture(scope="session")
def telco() -> tuple[pl.DataFrame, np.ndarray]:
    frame = pl.read_csv(data_of("telco") / "WA_Fn-UseC_-Telco-Customer-Churn.csv")
    return frame.drop("Churn"), (frame["Churn"] == "Yes").to_numpy().astype(int)
