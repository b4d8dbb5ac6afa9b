"""pm4py: how long deals stay in a stage and how long a timer takes, as process mining sees it, from the raw log."""

from collections.abc import Iterator

from benchmarks.peers.bench import DEALHOUSE, Absent, Bench, Result
from benchmarks.peers.process import Work

PACKAGES = ("pm4py", "pandas")
HERE = "benchmarks.peers.pm4py"
STAGES = {
    "crm.deal.created": "draft",
    "crm.brief.submitted": "briefed",
    "media.mediaplan.ready": "planning",
    "crm.offer.approved": "offer_ready",
    "crm.deal.lost": "lost",
}
"""Where a deal of the log stands after an event: one that moves no gate moves no deal."""
TIMERS = {"lead_to_brief": ("draft", "briefed"), "brief_to_offer": ("briefed", "offer_ready")}


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """From files to mean hours by transition and by timer, with their counts."""
    logs = {"logs": str(bench.logs)}
    imports = ("warehouse.ingest", "warehouse.landing", "warehouse.store", "warehouse.dbt", "dbt.cli.main")
    ours = Work(DEALHOUSE, "measure_durations", imports, logs)
    theirs = Work(HERE, "measure_durations", ("pandas", "pm4py"), logs, is_peer=True)
    yield bench.race(
        "pm4py", "stage and SLA durations from files", ours, theirs, ("kind", "name", "next_name"), 1e-9,
        "ours ingests, and builds and checks the visits and timers of every deal; pm4py is told which event leads to "
        "which stage, and gives means alone",
    )  # fmt: skip


def measure_durations(folder: str, logs: str) -> int:
    """Discover the directly-follows graph with its durations, and the temporal profile."""
    import pandas as pd
    import pm4py

    from benchmarks.peers.pandas import read_events

    events = read_events(logs, ("deal_id",))
    events["stage"] = events["type"].map(STAGES)
    log = pm4py.format_dataframe(
        events.dropna(subset=["stage"]), case_id="deal_id", activity_key="stage", timestamp_key="time"
    )
    durations, _, _ = pm4py.discover_performance_dfg(log)
    counts, _, _ = pm4py.discover_dfg(log)
    rows = [
        ("stage", name, following, counts[name, following], told["mean"] / 3600)
        for (name, following), told in durations.items()
    ]
    followed = pm4py.discover_eventually_follows_graph(log)
    profile = pm4py.discover_temporal_profile(log)
    rows += [("sla", sla, "", followed[pair], profile[pair][0] / 3600) for sla, pair in TIMERS.items()]
    told = pd.DataFrame(rows, columns=["kind", "name", "next_name", "times", "mean_hours"])
    told.to_parquet(f"{folder}/rows.parquet")
    return len(rows)
