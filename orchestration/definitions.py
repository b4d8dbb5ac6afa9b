"""What ``dagster dev`` loads: assets, jobs, the schedule, the sensor of the inbox."""

from collections.abc import Iterator

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    RunConfig,
    RunRequest,
    ScheduleDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    in_process_executor,
    sensor,
)

from orchestration.assets import SOURCES, built, published, take_in
from orchestration.reports import monthly_report, report_schedules, weekly_report
from orchestration.resources import BuildOptions, Warehouse
from orchestration.retention import QuietWarehouse, daily, retention_job
from orchestration.training import TRAINED, trained
from warehouse.intake.spool import Spool
from warehouse.landing import waiting_files
from warehouse.mail import SmtpSettings
from warehouse.settings import Settings

SETTINGS = Settings()

run_job = define_asset_job(
    "run",
    selection=AssetSelection.all() - TRAINED,
    executor_def=in_process_executor,
    description="Take in what has arrived, build what is due, publish it.",
)
full_refresh_job = define_asset_job(
    "full_refresh",
    selection=AssetSelection.all() - TRAINED,
    executor_def=in_process_executor,
    config=RunConfig(ops={"build": BuildOptions(as_of="", known_at="", full_refresh=True)}),
    description="The same, with every table built anew.",
)
ingestion_job = define_asset_job(
    "ingestion",
    selection=AssetSelection.assets(take_in),
    executor_def=in_process_executor,
    description="Only take in what has arrived.",
)
train_job = define_asset_job(
    "train",
    selection=AssetSelection.assets(trained),
    executor_def=in_process_executor,
    description="Fit all scores anew; a model that is not worse than the one in force takes its place.",
)
weekly = ScheduleDefinition(job=train_job, cron_schedule="0 3 * * 1", default_status=DefaultScheduleStatus.STOPPED)
hourly = ScheduleDefinition(job=run_job, cron_schedule="0 * * * *", default_status=DefaultScheduleStatus.STOPPED)


@sensor(job=run_job, minimum_interval_seconds=30, default_status=DefaultSensorStatus.STOPPED)
def inbox(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Start a run when files wait in the inbox, or events that came in live; the same ones start only one."""
    home = SETTINGS.layout()
    waiting = [f"{path.name}:{path.stat().st_mtime_ns}" for path in waiting_files(home)]
    # What comes in live is appended to one file until a run closes it: its name stands for all that is in it.
    live = Spool(home).open_file()
    if live is not None:
        waiting.append(live.name)
    if not waiting:
        yield SkipReason("The inbox is empty.")
        return
    yield RunRequest(run_key="|".join(waiting))


defs = Definitions(
    assets=[SOURCES, take_in, built, published, trained],
    jobs=[run_job, full_refresh_job, ingestion_job, train_job, retention_job, weekly_report, monthly_report],
    schedules=[hourly, daily, weekly, *report_schedules(SmtpSettings())],
    sensors=[inbox],
    resources={
        "warehouse": Warehouse(home=str(SETTINGS.layout().root)),
        "quiet_warehouse": QuietWarehouse(home=str(SETTINGS.layout().root)),
    },
    executor=in_process_executor,
)
