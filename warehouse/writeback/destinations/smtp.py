"""Alerts by mail: one mail for what was raised and what was resolved since the last sync, to those who are told of it.

Which alerts there are, and that each goes out once, is decided by the sync; how mail is sent, by :mod:`warehouse.mail`.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from warehouse.links import LinkSettings
from warehouse.mail import MailError, SmtpSettings, recipients_of, send
from warehouse.reports.notices import notice
from warehouse.settings import Settings
from warehouse.writeback.destination import Capabilities, Destination, Outcome, Row, Status

ATTEMPTS = 4
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 15.0


def configured(settings: Settings) -> Iterable[Destination]:  # noqa: ARG001 - every kind is asked alike
    """Return the mail destination, where a server and somebody to write to are set."""
    own = SmtpSettings()
    return [AlertMail(own, LinkSettings().dashboards_url)] if own.host and own.alert_recipients else []


class AlertMail(Destination):
    """Mails about alerts.

    Parameters
    ----------
    dashboards_url
        Address of the dashboards, for links; none, where it is empty.
    sleep
        What waits between attempts, which tests replace.
    """

    name = "smtp"
    capabilities = Capabilities(
        objects=frozenset({"event"}),
        batch_rows=500,
        event_types=frozenset({"ops.alert.raised", "ops.alert.resolved"}),
    )

    def __init__(self, own: SmtpSettings, dashboards_url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._own, self._dashboards_url, self._sleep = own, dashboards_url, sleep

    def takes(self, tenant_id: str) -> bool:
        """Alerts of whom nobody is told are left due until somebody is named."""
        return bool(recipients_of(tenant_id, self._own.alert_recipients))

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Send a mail per tenant, so that nobody reads of another's; see :class:`Destination`."""
        assert object_name in self.capabilities.objects
        rows = list(rows)
        outcomes: dict[int, Outcome] = {}
        for tenant_id, numbers in _by_tenant(rows):
            outcome = self._send(tenant_id, [rows[number] for number in numbers])
            outcomes.update(dict.fromkeys(numbers, outcome))
        return [outcomes[number] for number in range(len(rows))]

    def _send(self, tenant_id: str, rows: list[Row]) -> Outcome:
        recipients = recipients_of(tenant_id, self._own.alert_recipients)
        assert recipients, "such rows are not planned"
        events: list[dict[str, Any]] = [row.payload for row in rows]
        ids = "\n".join(row.message_id for row in rows)
        mail = notice(
            tenant_id, events, self._dashboards_url, f"alerts.{hashlib.sha256(ids.encode()).hexdigest()[:32]}"
        )
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            retry=retry_if_exception(lambda error: isinstance(error, MailError) and not error.is_lasting),
            sleep=self._sleep,
            reraise=True,
        )
        attempts = 0
        try:
            for attempt in retrying:
                with attempt:
                    attempts = attempt.retry_state.attempt_number
                    refused = send(self._own, mail, recipients)
        except MailError as error:
            status: Status = "rejected" if error.is_of_the_mail else "failed"
            return Outcome(status, error.code, error.answer, attempts=attempts)
        if refused:
            code, words = next(iter(refused.values()))
            message = f"Not to {len(refused)} of {len(recipients)} recipients: {words}"
            return Outcome("acknowledged", code, message, attempts=attempts)
        return Outcome("acknowledged", attempts=attempts)


def _by_tenant(rows: Sequence[Row]) -> Iterator[tuple[str, list[int]]]:
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        numbers.setdefault(row.tenant_id, []).append(number)
    yield from numbers.items()
