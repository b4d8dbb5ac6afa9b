"""Requests to be forgotten: of leads long silent and of customers long gone, so that nothing is said of them after."""

import numpy as np

from warehouse.sample import truth
from warehouse.sample.conversion import Outcome, Trials
from warehouse.sample.leads import Leads
from warehouse.sample.log import EventLog, derived, take
from warehouse.sample.streams import Streams
from warehouse.sample.subscriptions import Months, Subscribers

QUIET_DAYS = 125.0
"""Nothing happens to a lead that did not convert later than this after its creation."""


def run(
    streams: Streams,
    log: EventLog,
    leads: Leads,
    trials: Trials,
    outcome: Outcome,
    people: Subscribers,
    months: Months,
    returned: Subscribers,
) -> None:
    """Emit erasures of leads and their users, and of the contacts of former customers.

    Parameters
    ----------
    streams, log
        Random streams and event log.
    leads, trials, outcome
        All leads and what became of them.
    people, months, returned
        The subscriptions of people, their lives, and the later subscriptions of those who came back.
    """
    rng = streams("privacy")
    forgets = ~outcome.converted & (rng.random(len(leads)) < truth.ERASURE_RATE)
    at = leads.created + QUIET_DAYS + rng.uniform(0, 60, len(leads))
    log.emit("identity.erasure.requested", at, {"subject_id": leads.id, "subject_type": "lead"}, keep=forgets)
    log.emit("identity.erasure.requested", at + 1e-3, {"subject_id": leads.user, "subject_type": "user"},
             keep=forgets & np.isfinite(trials.started_at))  # fmt: skip
    left = np.flatnonzero(months.cancels)
    left = left[~take(people.user, months.subscriber[left]).is_in(returned.user.to_list()).to_numpy()]
    contact = derived("C-L-{}", take(people.user, months.subscriber[left]).str.strip_prefix("U-"))
    log.emit(
        "identity.erasure.requested",
        months.end[left] + rng.uniform(40, 90, len(left)),
        {"subject_id": contact, "subject_type": "contact"},
        keep=rng.random(len(left)) < 10 * truth.ERASURE_RATE,
    )
