"""The job of retention: daily, and telling only what is due until somebody has once had it carried out."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import (
    DefaultScheduleStatus,
    InitResourceContext,
    OpExecutionContext,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from orchestration.resources import Warehouse
from warehouse.erasure.locks import forgetting
from warehouse.retention import Policy, due, is_confirmed, retain


class QuietWarehouse(Warehouse):
    """A home that is written to while nothing is sent from it."""

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator["QuietWarehouse"]:
        """Wait for the locks as long as the settings say, then hold them."""
        settings = self.settings
        with forgetting(settings.layout(), "retention", wait_seconds=settings.lock_wait_seconds):
            yield self


@op(description="Take away what is older than the policy, and prove that nothing older is left.")
def take_away(context: OpExecutionContext, quiet_warehouse: QuietWarehouse) -> None:
    """Carry it out, or say what would be taken away."""
    settings, policy = quiet_warehouse.settings, Policy()
    if not is_confirmed(settings.layout()):
        found = due(settings, policy)
        for one in found:
            context.log.info(f"{one.what}: {one.count}, the oldest of {one.oldest:%Y-%m-%d}")
        context.log.warning("Nothing was changed. To carry it out for the first time: dealhouse retain --yes")
        context.add_output_metadata({"due": {one.what: one.count for one in found}, "is_dry_run": True})
        return
    receipt = retain(settings, policy, say=context.log.info)
    context.add_output_metadata({"taken": receipt["taken"], "receipt": receipt["receipt"], "is_dry_run": False})


@job(
    name="retention",
    executor_def=in_process_executor,
    description="Take away what is older than the periods of the settings; a dry run until `dealhouse retain --yes`.",
)
def retention_job() -> None:
    """One step."""
    take_away()


daily = ScheduleDefinition(job=retention_job, cron_schedule="30 2 * * *", default_status=DefaultScheduleStatus.STOPPED)
