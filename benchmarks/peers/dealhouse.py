"""Our own side of the comparisons: each a function of plain values that works on a home in its folder."""

import shutil
from pathlib import Path
from typing import Any

from benchmarks.data import EVENTS_PER_DEAL, write_log

ACCOUNT_EVENTS = 480
EVENT_COLUMNS = "source, event_id, event_type, tenant_id, actor, occurred_at, cast(data as varchar) as data"


def write_logs(folder: str, events: int) -> int:
    """Write the log of deals in four files, and a fifth that brings the first hundredth once more."""
    place = Path(folder)
    deals = max(1, events // EVENTS_PER_DEAL // 4)
    for number in range(4):
        write_log(place / f"events-{number}.ndjson", deals * EVENTS_PER_DEAL, first_deal=number * deals)
    repeated = max(1, deals // 25)
    write_log(place / "events-9-again.ndjson", repeated * EVENTS_PER_DEAL)
    return (4 * deals + repeated) * EVENTS_PER_DEAL


def take_in(folder: str, logs: str) -> int:
    """Land the files of a folder and take them in."""
    from benchmarks.intake import take_in_folder

    return take_in_folder(folder, logs)


def show_events(folder: str, logs: str) -> int:  # noqa: ARG001
    """Write what was taken in."""
    return write_rows(folder, f"select {EVENT_COLUMNS} from raw.events")


def write_rows(folder: str, query: str, table: str = "rows") -> int:
    """Write the rows of a query over the work file of a home."""
    import duckdb

    with duckdb.connect(f"{folder}/warehouse.duckdb", read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"copy ({query}) to '{folder}/{table}.parquet' (format parquet)")
    return 1


def export(folder: str, home: str) -> int:
    """Write what a home has taken in, as Parquet."""
    from warehouse import lake
    from warehouse.settings import Settings

    settings = Settings(home=Path(home))
    return len(lake.export(settings.layout(), settings, Path(folder)).version)


def build_models(home: str, models: list[str], is_whole: bool = True, is_checked: bool = True) -> dict[str, Any]:
    """Build models anew with their checks, with all that they read or, of a home that is built, alone."""
    from warehouse import dbt
    from warehouse.settings import Settings

    chosen = [f"+{name}" if is_whole else name for name in models]
    arguments = [
        *("build", "--exclude-resource-type", "unit_test", "--full-refresh", "--indirect-selection", "buildable"),
        *(() if is_checked else ("--exclude-resource-type", "test")),
        *("--select", *chosen),
    ]
    result = dbt.invoke(Settings(home=Path(home)), arguments)
    if result.failed:
        raise RuntimeError(str(result.failed))
    alone = sum(node.seconds for node in result.nodes if node.name in models)
    return {"nodes": len(result.nodes), "seconds_of_models": alone}


def copy_home(folder: str, home: str, **_: Any) -> None:
    """Put a copy of a home's work file and keys into the folder, so that each round starts from the same."""
    shutil.copytree(home, folder, dirs_exist_ok=True)


def build_company(folder: str, events: int) -> int:
    """Write, take in and build a sample company as far as revenue and cohorts go; leave the facts that they read."""
    from warehouse.sample import DEFAULT_UNTIL, write_company

    home = Path(folder)
    write_company(home / "inbox", 400, max(20, events // ACCOUNT_EVENTS), 7, DEFAULT_UNTIL)
    accepted = take_in(folder, str(home / "inbox"))
    build_models(folder, ["mrr_month", "cohort_retention"])
    for table in ("fact_subscription_period", "fact_payment", "fact_fx_rate"):
        write_rows(folder, f"select * from facts.{table}", table)
    write_rows(folder, "select as_of from staging.stg_clock", "clock")
    return accepted


def build_revenue(folder: str, home: str, prepared: None) -> dict[str, Any]:  # noqa: ARG001
    """Build the marts of recurring revenue and cohorts anew, from facts that are there."""
    return build_models(folder, ["mrr_movement", "mrr_month", "member_month", "cohort_retention"], is_whole=False)


def show_revenue(folder: str, home: str) -> int:  # noqa: ARG001
    """Write the parts of the marts that the script in pandas computes."""
    from benchmarks.peers.pandas import COHORT_COLUMNS, MONTH_COLUMNS, MOVEMENT_COLUMNS

    write_rows(folder, f"select {', '.join(MOVEMENT_COLUMNS)} from marts.mrr_movement", "mrr_movement")
    months = f"select {', '.join(MONTH_COLUMNS)} from marts.mrr_month where segment_kind = 'total'"
    write_rows(folder, months, "mrr_month")
    cohorts = f"select {', '.join(COHORT_COLUMNS)} from marts.cohort_retention"
    chosen = "where cohort_kind = 'first_payment' and activity = 'revenue'"
    return write_rows(folder, f"{cohorts} {chosen}", "cohort_retention")


def build_deals(folder: str, prepared: None = None, **_: Any) -> dict[str, Any]:  # noqa: ARG001
    """Build fact_deal and fact_sla over what was taken in."""
    return build_models(folder, ["fact_deal", "fact_sla"])


def build_deals_unchecked(folder: str, prepared: None = None, **_: Any) -> dict[str, Any]:  # noqa: ARG001
    """The same without the checks."""
    return build_models(folder, ["fact_deal", "fact_sla"], is_checked=False)


def take_in_and_build_deals(folder: str, logs: str) -> dict[str, Any]:
    """From files to fact_deal."""
    take_in(folder, logs)
    return build_models(folder, ["fact_deal"])


def measure_durations(folder: str, logs: str) -> dict[str, Any]:
    """From files to mean hours by transition and by timer."""
    take_in(folder, logs)
    built = build_models(folder, ["fact_deal_stage", "fact_sla"])
    write_rows(
        folder,
        "select 'stage' as kind, stage as name, following as next_name, count(*) as times, avg(days_in_stage) * 24 as "
        "mean_hours from (select *, lead(stage) over (partition by deal_id order by visit_number) as following from "
        "facts.fact_deal_stage) where following is not null group by all union all "
        "select 'sla', sla, '', count(*), avg(elapsed_hours) from facts.fact_sla where status in ('met', 'breached') "
        "group by all",
    )
    return built


def show_deals(folder: str, logs: str) -> int:  # noqa: ARG001
    """Write the columns of fact_deal that the script in pandas has."""
    from benchmarks.peers.pandas import DEAL_COLUMNS

    return write_rows(folder, f"select {', '.join(DEAL_COLUMNS)} from facts.fact_deal")


def show_events_sorted(folder: str, logs: str) -> int:  # noqa: ARG001
    """Write what was taken in, the data by key as text: PostgreSQL does not keep the order of keys."""
    return write_rows(
        folder,
        "select source, event_id, event_type, tenant_id, actor, occurred_at, (select string_agg(key || '=' || "
        "(data ->> ('$.' || key)), '|' order by key) from unnest(json_keys(data)) as named (key)) as data "
        "from raw.events",
    )


def show_facts(folder: str, **_: Any) -> int:
    """Write both facts whole."""
    from benchmarks.peers.postgres import TABLES

    return sum(write_rows(folder, f"select * from facts.{table}", table) for table in TABLES)
