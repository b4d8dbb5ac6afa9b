"""The jobs that send the weekly and the monthly report, with their schedules.

They run by themselves only where a mail server and recipients are set; what they send is decided in
:mod:`warehouse.reports`.
"""

from dagster import (
    DefaultScheduleStatus,
    JobDefinition,
    MetadataValue,
    OpExecutionContext,
    ScheduleDefinition,
    in_process_executor,
    job,
    op,
)

from warehouse.mail import SmtpSettings
from warehouse.reports.period import PeriodKind
from warehouse.reports.sending import write_reports
from warehouse.settings import Settings


def _report_job(kind: PeriodKind, name: str) -> JobDefinition:
    @op(name=f"send_{name}", description=f"Make the report of the last {kind} of each tenant, and send it once.")
    def send(context: OpExecutionContext) -> None:
        written = write_reports(Settings(), kind, is_sent=True)
        for one in written:
            what = f"sent to {len(one.sent_to)}" if one.sent_to else f"not sent: {one.why_not_sent}"
            context.log.info(f"{one.report.tenant_id}, {one.report.period.label}: {what}")
        context.add_output_metadata({"pages": MetadataValue.json([str(one.page) for one in written])})

    @job(name=name, executor_def=in_process_executor, description=f"The report of the last {kind}, by mail.")
    def report() -> None:
        send()

    return report


weekly_report = _report_job("week", "weekly_report")
monthly_report = _report_job("month", "monthly_report")


def report_schedules(smtp: SmtpSettings) -> list[ScheduleDefinition]:
    """Each morning, after the night's runs; running from the start only where mail is set up.

    A report goes out once, on the first morning on which a publication shows all of its period: where that comes late,
    so does the report, and not a week or a month after it.
    """
    is_set_up = bool(smtp.host and smtp.report_recipients)
    status = DefaultScheduleStatus.RUNNING if is_set_up else DefaultScheduleStatus.STOPPED
    return [
        ScheduleDefinition(job=each, cron_schedule="0 6 * * *", default_status=status)
        for each in (weekly_report, monthly_report)
    ]
