"""pandas: deals from the raw log, and recurring revenue and cohorts from facts, as in an analyst's script."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.peers.bench import DEALHOUSE, Absent, Bench, Result
from benchmarks.peers.process import Work

PACKAGES = ("pandas", "pyarrow", "numpy")
HERE = "benchmarks.peers.pandas"
DEAL_FIELDS = (
    *("deal_id", "pipeline", "owner_id", "title", "client_type", "deal_source", "amount", "currency", "probability"),
    *("expected_close_date", "lost_reason"),
)
DEAL_COLUMNS = (
    *DEAL_FIELDS, "tenant_id", "stage", "status", "created_at", "stage_entered_at", "closed_at", "days_to_loss",
    "is_slipping", "push_count",
)  # fmt: skip
MOVEMENT_COLUMNS = (
    *("tenant_id", "customer_id", "mrr_month", "movement", "start_base", "amount_base", "fx_base", "end_base"),
    "is_complete",
)
FLOWS = ("new", "reactivation", "expansion", "contraction", "churn")
MONTH_COLUMNS = (
    *("tenant_id", "mrr_month", "start_base", *(f"{name}_base" for name in FLOWS), "fx_base", "end_base"),
    *("arr_base", "nrr", "grr", "start_customer_count", "end_customer_count"),
)
COHORT_COLUMNS = (
    *("tenant_id", "cohort_month", "period_number", "cohort_size", "active_count", "still_active_count"),
    *("retention_bounded", "retention_unbounded"),
)
CUSTOMER = ["tenant_id", "customer_id"]
IMPORTS = ("warehouse.ingest", "warehouse.landing", "warehouse.store", "warehouse.dbt", "dbt.cli.main")


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """From files to deals; from facts to months and cohorts."""
    logs = {"logs": str(bench.logs)}
    yield bench.race(
        "pandas", "deals from files",
        Work(DEALHOUSE, "take_in_and_build_deals", IMPORTS, logs, show="show_deals"),
        Work(HERE, "build_deals", ("pandas", "pyarrow"), logs, is_peer=True),
        ("tenant_id", "deal_id"), 1e-12,
        f"{len(DEAL_COLUMNS)} columns of fact_deal for the events of this log alone; ours takes in any event, and "
        "builds every column, by incremental models, with their checks",
    )  # fmt: skip
    home = {"home": str(bench.company)}
    yield bench.race(
        "pandas", "MRR movements and months, payment cohorts, from facts",
        Work(DEALHOUSE, "build_revenue", IMPORTS, home, prepare="copy_home", show="show_revenue"),
        Work(HERE, "build_revenue", ("pandas", "pyarrow"), home, is_peer=True),
        {
            "mrr_movement": (*CUSTOMER, "mrr_month"),
            "mrr_month": ("tenant_id", "mrr_month"),
            "cohort_retention": ("tenant_id", "cohort_month", "period_number"),
        },
        1e-9,
        "pandas computes the totals of months and the cohorts of first payments; ours all kinds of both, by plan, "
        "segment and channel, with their checks",
    )  # fmt: skip


def read_events(logs: str, fields: Sequence[str]) -> Any:
    """Events of all files, each once, with these fields of their data beside them."""
    import json
    from pathlib import Path

    import pandas as pd

    rows = []
    for path in sorted(Path(logs).iterdir()):
        with path.open() as lines:
            for line in lines:
                event = json.loads(line)
                data = event.pop("data")
                rows.append({**event, **{name: data.get(name) for name in fields}})
    events = pd.DataFrame(rows).drop_duplicates(["source", "id"])
    events["time"] = pd.to_datetime(events["time"], format="ISO8601", utc=True)
    return events


def build_deals(folder: str, logs: str) -> int:
    """What the hand-written script of this folder's neighbour says, in pandas."""
    import numpy as np
    import pandas as pd

    events = read_events(logs, DEAL_FIELDS).rename(columns={"tenantid": "tenant_id"})
    as_of = events["time"].max()
    for name in ("amount", "probability"):
        events[name] = pd.to_numeric(events[name])
    events["expected_close_date"] = pd.to_datetime(events["expected_close_date"])
    key = ["tenant_id", "deal_id"]
    events["is_later"] = events["type"] != "crm.deal.created"
    events = events.sort_values([*key, "time", "is_later", "id", "source"])
    # The last value that was said, by events of the deal itself.
    own = events[events["type"].str.startswith("crm.deal.")]
    deals = own.groupby(key)[list(DEAL_FIELDS[1:-2])].last()
    deals["expected_close_date"] = events.groupby(key)["expected_close_date"].last()
    lost = events[events["type"] == "crm.deal.lost"].groupby(key)
    deals["lost_reason"] = lost["lost_reason"].last()
    firsts = events.pivot_table(index=key, columns="type", values="time", aggfunc="min")
    created, brief, plan, offer, lost_at = (
        firsts.get(name, pd.Series(pd.NaT, firsts.index, dtype=events["time"].dtype)).reindex(deals.index)
        for name in (
            "crm.deal.created", "crm.brief.submitted", "media.mediaplan.ready", "crm.offer.approved", "crm.deal.lost",
        )
    )  # fmt: skip
    is_ready, is_planning, is_briefed = plan.notna() & offer.notna(), brief.notna() & plan.notna(), brief.notna()
    is_lost = lost_at.notna()
    deals["stage"] = np.select(
        [is_lost, is_ready, is_planning, is_briefed], ["lost", "offer_ready", "planning", "briefed"], "draft"
    )
    deals["status"] = np.where(is_lost, "lost", "open")
    entered = created.mask(is_briefed, brief).mask(is_planning, brief.where(brief > plan, plan))
    entered = entered.mask(is_ready, plan.where(plan > offer, offer)).mask(is_lost, lost_at)
    deals["created_at"], deals["stage_entered_at"], deals["closed_at"] = created, entered, lost_at
    deals["days_to_loss"] = (lost_at - created) / pd.Timedelta(days=1)
    late = deals["expected_close_date"] + pd.Timedelta(days=14) < as_of.tz_localize(None).normalize()
    deals["is_slipping"] = ~is_lost & late
    month = events["expected_close_date"].dt.year * 12 + events["expected_close_date"].dt.month
    before = month.groupby([events[name] for name in key]).ffill()
    before = before.groupby([events[name] for name in key]).shift()
    pushed = (events["type"] == "crm.deal.updated") & (month > before)
    deals["push_count"] = pushed.groupby([events[name] for name in key]).sum()
    deals["expected_close_date"] = deals["expected_close_date"].dt.date
    deals.reset_index().to_parquet(f"{folder}/rows.parquet")
    return len(deals)


def build_revenue(folder: str, home: str) -> int:
    """Movements of recurring revenue, their months, and who of a month's first payers is still there."""
    import pandas as pd

    as_of = pd.read_parquet(f"{home}/clock.parquet")["as_of"].iloc[0]
    spans = pd.read_parquet(f"{home}/fact_subscription_period.parquet")
    rates = pd.read_parquet(f"{home}/fact_fx_rate.parquet")
    payments = pd.read_parquet(f"{home}/fact_payment.parquet")
    for name in ("start_date", "end_date"):
        spans[name] = pd.to_datetime(spans[name])
    rates = rates[["currency", "fx_date", "fx_rate"]].assign(fx_date=pd.to_datetime(rates["fx_date"]))
    first = spans["start_date"].min().to_period("M").to_timestamp()
    months = pd.DataFrame({"month": pd.date_range(first, as_of, freq="MS")})
    after = months["month"] + pd.DateOffset(months=1)
    months["is_complete"] = after <= as_of
    months["valued"] = (after - pd.Timedelta(days=1)).where(after <= as_of.normalize(), as_of.normalize())
    moved = _movements(spans, rates, months)
    moved.rename(columns={"month": "mrr_month"})[list(MOVEMENT_COLUMNS)].to_parquet(
        f"{folder}/mrr_movement.parquet", index=False
    )
    _months(moved, months)[list(MONTH_COLUMNS)].to_parquet(f"{folder}/mrr_month.parquet", index=False)
    cohorts = _cohorts(payments, moved, months)
    cohorts[list(COHORT_COLUMNS)].to_parquet(f"{folder}/cohort_retention.parquet", index=False)
    return len(moved)


def _movements(spans: Any, rates: Any, months: Any) -> Any:
    import numpy as np
    import pandas as pd

    worth = spans[~spans["is_trial"] & (spans["mrr"] > 0)]
    held = worth.merge(months, how="cross")
    held = held[(held["start_date"] <= held["valued"]) & (held["end_date"] > held["valued"])]
    held = held.merge(rates, how="left", left_on=["currency", "valued"], right_on=["currency", "fx_date"])
    held["rate"] = held["fx_rate"].where(held["currency"] != "USD", 1.0)
    held = held.groupby([*CUSTOMER, "month", "currency"], as_index=False).agg(mrr=("mrr", "sum"), rate=("rate", "max"))
    later = held.assign(month=held["month"] + pd.DateOffset(months=1))
    later = later[later["month"].isin(months["month"])]
    both = held.merge(later, how="outer", on=[*CUSTOMER, "month", "currency"], suffixes=("_end", "_start"))
    for side in ("start", "end"):
        both[side] = both[f"mrr_{side}"] * both[f"rate_{side}"]
        both[f"unpriced_{side}"] = both[f"mrr_{side}"].notna() & both[side].isna()
    both["compared"] = both["mrr_end"] * both["rate_start"].fillna(both["rate_end"])
    moved = both.groupby([*CUSTOMER, "month"], as_index=False).agg(
        held_start=("mrr_start", "count"), held_end=("mrr_end", "count"), start_base=("start", "sum"),
        end_base=("end", "sum"), compared=("compared", "sum"), no_start=("unpriced_start", "any"),
        no_end=("unpriced_end", "any"),
    )  # fmt: skip
    moved["start_base"], moved["end_base"] = (
        moved[f"{side}_base"].mask(moved[f"no_{side}"]) for side in ("start", "end")
    )
    start, end, compared = moved["start_base"], moved["end_base"], moved["compared"]
    is_new = moved["month"] == moved.groupby(CUSTOMER)["month"].transform("min")
    cases = [
        (moved["held_start"] == 0) & is_new, moved["held_start"] == 0, moved["held_end"] == 0,
        start.isna() | end.isna(), (compared - start).abs() <= 1e-9 * start, compared > start,
    ]  # fmt: skip
    moved["movement"] = np.select(
        cases, ["new", "reactivation", "churn", "unknown", "unchanged", "expansion"], "contraction"
    )
    kind = moved["movement"]
    moved["amount_base"] = np.select(
        [kind.isin(["new", "reactivation"]), kind == "churn", kind == "unchanged", kind == "unknown"],
        [end, -start, 0.0, np.nan], compared - start,
    )  # fmt: skip
    moved["fx_base"] = np.select(
        [kind == "unknown", kind.isin(["unchanged", "expansion", "contraction"])],
        [end.fillna(0) - start.fillna(0), end - start - moved["amount_base"]], 0.0,
    )  # fmt: skip
    return moved.merge(months[["month", "is_complete"]], on="month")


def _months(moved: Any, months: Any) -> Any:
    import pandas as pd

    flows = pd.DataFrame({"tenant_id": moved["tenant_id"], "month": moved["month"]})
    for name in FLOWS:
        sign = -1 if name in ("contraction", "churn") else 1
        flows[f"{name}_base"] = (sign * moved["amount_base"]).where(moved["movement"] == name, 0).fillna(0)
    for name in ("start_base", "end_base", "fx_base"):
        flows[name] = moved[name].fillna(0)
    flows["start_customer_count"] = (~moved["movement"].isin(["new", "reactivation"])).astype("int64")
    flows["end_customer_count"] = (moved["movement"] != "churn").astype("int64")
    summed = flows.groupby(["tenant_id", "month"], as_index=False).sum()
    begun = summed.groupby("tenant_id", as_index=False)["month"].min().rename(columns={"month": "first"})
    wanted = begun.merge(months[["month"]], how="cross")
    told = wanted[wanted["month"] >= wanted["first"]].merge(summed, how="left", on=["tenant_id", "month"])
    told = told.fillna(dict.fromkeys(flows.columns[2:], 0))
    lost, start = told["contraction_base"] + told["churn_base"], told["start_base"].mask(told["start_base"] == 0)
    told["arr_base"] = 12 * told["end_base"]
    told["nrr"] = (told["start_base"] + told["expansion_base"] - lost) / start
    told["grr"] = (told["start_base"] - lost) / start
    return told.rename(columns={"month": "mrr_month"})


def _cohorts(payments: Any, moved: Any, months: Any) -> Any:
    import pandas as pd

    paid = payments[payments["paid_at"].notna() & (payments["amount"] > 0) & payments["customer_id"].notna()]
    paid = paid.assign(month=paid["paid_at"].dt.to_period("M").dt.to_timestamp())[[*CUSTOMER, "month"]]
    members = paid.groupby(CUSTOMER, as_index=False)["month"].min().rename(columns={"month": "cohort_month"})
    active = pd.concat([paid, moved[moved["movement"] != "churn"][[*CUSTOMER, "month"]]]).drop_duplicates()
    active = members.merge(active, on=CUSTOMER)
    active = active[active["month"] >= active["cohort_month"]]
    cohort = ["tenant_id", "cohort_month"]
    counts = active.groupby([*cohort, "month"], as_index=False).size().rename(columns={"size": "active_count"})
    last = active.groupby([*cohort, "customer_id"], as_index=False)["month"].max()
    sizes = members.groupby(cohort, as_index=False).size().rename(columns={"size": "cohort_size"})
    spine = pd.DataFrame({"month": pd.date_range(members["cohort_month"].min(), months["month"].max(), freq="MS")})
    told = sizes.merge(spine[spine["month"] <= months.loc[months["is_complete"], "month"].max()], how="cross")
    told = told[told["month"] >= told["cohort_month"]].merge(counts, how="left", on=[*cohort, "month"])
    told["active_count"] = told["active_count"].fillna(0).astype("int64")
    still = told[[*cohort, "month"]].merge(last.rename(columns={"month": "last"}), on=cohort)
    still = still[still["last"] >= still["month"]].groupby([*cohort, "month"], as_index=False).size()
    told = told.merge(still.rename(columns={"size": "still_active_count"}), how="left", on=[*cohort, "month"])
    told["still_active_count"] = told["still_active_count"].fillna(0).astype("int64")
    apart = (told["month"].dt.year - told["cohort_month"].dt.year) * 12
    told["period_number"] = apart + told["month"].dt.month - told["cohort_month"].dt.month
    told["retention_bounded"] = told["active_count"] / told["cohort_size"]
    told["retention_unbounded"] = told["still_active_count"] / told["cohort_size"]
    return told
