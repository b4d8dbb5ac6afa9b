"""pandas: deals from the raw log, and recurring revenue and cohorts from facts, as an analyst's script would have it."""

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
IMPORTS = ("warehouse.ingest", "warehouse.landing", "warehouse.store", "warehouse.dbt", "dbt.cli.main")


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """From files to deals; from facts to months and cohorts."""
    logs = {"logs": str(bench.logs)}
    yield bench.race(
        "pandas", "deals from files",
        Work(DEALHOUSE, "take_in_and_build_deals", IMPORTS, logs, show="show_deals"),
        Work(HERE, "build_deals", ("pandas", "pyarrow"), logs, is_peer=True),
        ("tenant_id", "deal_id"), 1e-12,
        f"{len(DEAL_COLUMNS)} columns of fact_deal for the events of this log alone; ours takes in any event, and builds "
        "every column, by incremental models, with their checks",
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
