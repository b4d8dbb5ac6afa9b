"""lifetimes: BG/NBD and Gamma-Gamma on CDNOW. It is no longer maintained, and still what most people mean by CLV."""

from collections.abc import Iterator

from benchmarks.peers.bench import Absent, Bench, Result
from benchmarks.peers.process import Work

PACKAGES = ("lifetimes", "pandas", "numpy", "scipy", "autograd")
HERE = "benchmarks.peers.lifetimes"
END, WEEKS = "1997-09-30", 39
TOLERANCE = 1e-5
"""Both search for the most likely parameters and stop a little beside them, each on its own side."""


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """Fit both models on the first 39 weeks, and tell each customer's purchases and their value in the next 39."""
    from benchmarks.public_data import place_of

    path = place_of("cdnow") / "CDNOW_sample.txt"
    if not path.exists():
        yield Absent("lifetimes", "CLV", f"the data set CDNOW is not at {path.parent}; set DEALHOUSE_SHARED_DATA")
        return
    imports = ("polars", "scoring.lifetime", "scoring.lifetime.purchases")
    for copies in (1, 50):
        given = {"path": str(path), "copies": copies}
        ours = Work(HERE, "ours", imports, given)
        theirs = Work(HERE, "theirs", ("pandas", "lifetimes", "lifetimes.utils"), given, is_peer=True)
        yield bench.race(
            "lifetimes", f"BG/NBD and Gamma-Gamma, {2357 * copies:,} customers", ours, theirs, ("customer_id",),
            TOLERANCE,
            "histories from purchases, both fits, and per customer frequency, recency, T, expected purchases and mean "
            "value; the larger set is the same customers fifty times, so that its parameters are the same",
        )  # fmt: skip


def purchases(path: str, copies: int) -> tuple[list[str], list[str], list[float]]:
    """Customers, days (YYYY-MM-DD) and dollars."""
    from pathlib import Path

    lines = [line.split() for line in Path(path).read_text().splitlines()]
    days = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for _, _, day, *_ in lines]
    customers = [f"{number:02}-{line[1]}" for number in range(copies) for line in lines]
    return customers, days * copies, [float(line[4]) for line in lines] * copies


def ours(folder: str, path: str, copies: int) -> list[float]:
    """Fit and predict with :mod:`scoring.lifetime`; the parameters are the answer."""
    from datetime import date

    import polars as pl

    from scoring.lifetime import BetaGeoNBD, GammaGamma
    from scoring.lifetime.purchases import purchase_histories

    customers, days, amounts = purchases(path, copies)
    bought = pl.DataFrame({"customer_id": customers, "purchase_date": days, "amount": amounts})
    histories = purchase_histories(bought.with_columns(pl.col("purchase_date").str.to_date()), date.fromisoformat(END))
    counts = BetaGeoNBD(modified=False, horizon=WEEKS).fit(histories)
    bought_for = pl.col("frequency") > 0, pl.col("monetary") > 0
    money = GammaGamma().fit(histories.filter(*bought_for))
    told = histories.with_columns(expected_count=pl.Series(counts.predict(histories)))
    valued = told.filter(*bought_for)
    valued = valued.with_columns(expected_value=pl.Series(money.predict(valued)))
    told = told.join(valued.select("customer_id", "expected_value"), on="customer_id", how="left")
    told.drop("monetary").write_parquet(f"{folder}/rows.parquet")
    return [counts.r_, counts.alpha_, counts.a_, counts.b_, money.p_, money.q_, money.v_]


def theirs(folder: str, path: str, copies: int) -> list[float]:
    """Do the same with lifetimes, as its documentation does."""
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    customers, days, amounts = purchases(path, copies)
    bought = pd.DataFrame({"customer_id": customers, "day": pd.to_datetime(days), "amount": amounts})
    told = summary_data_from_transaction_data(
        bought, "customer_id", "day", "amount", observation_period_end=END, freq="D", freq_multiplier=7
    )
    counts = BetaGeoFitter().fit(told["frequency"], told["recency"], told["T"])
    valued = told[(told["frequency"] > 0) & (told["monetary_value"] > 0)]
    money = GammaGammaFitter().fit(valued["frequency"], valued["monetary_value"])
    told["expected_count"] = counts.predict(WEEKS, told["frequency"], told["recency"], told["T"])
    told["expected_value"] = money.conditional_expected_average_profit(valued["frequency"], valued["monetary_value"])
    told.drop(columns="monetary_value").reset_index().to_parquet(f"{folder}/rows.parquet")
    return [*counts.params_[["r", "alpha", "a", "b"]], *money.params_[["p", "q", "v"]]]
