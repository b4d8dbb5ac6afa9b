"""Cases: what people do about the customers and leads that a list asks them to look at.

The dashboards send these, and a CRM may. A case is opened by a list and needs no event; see ``models/facts/fact_case.sql``.
"""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required, term
from warehouse.contracts.kinds import Integer, Text, Timestamp
from warehouse.contracts.terms import STAFF

APP = "app"
"""The envelope's `source` of what the dashboards send."""

SUBJECT_TYPE = term("What the case is about.", choices=("customer", "lead"))
SUBJECT = term(
    "The customer, as lists name it (`account:` or `user:` and the id), or the lead by its id.",
    example="account:acc-204",
)
NOTE = term("What the employee notes. Not carried into facts.", pii="text", example="calls back in May")
SHOWN_SCORE = term("Score that the list showed when it was done.", minimum=0, maximum=100, example=60)


class CaseTaken(EventContract, type="ops.case.taken", source=APP):
    """An employee takes a case on."""

    subject_type: Text = required(SUBJECT_TYPE)
    subject_id: Text = required(SUBJECT)
    acted_by: Text = required(STAFF)
    note: Text = optional(NOTE)


class CaseHandled(EventContract, type="ops.case.handled", source=APP):
    """An employee has done what was to be done about a case."""

    subject_type: Text = required(SUBJECT_TYPE)
    subject_id: Text = required(SUBJECT)
    acted_by: Text = required(STAFF)
    outcome: Text = optional(
        "What came of it.", choices=("reached", "not_reached", "offer_made", "saved", "lost", "false_alarm", "other")
    )
    score: Integer = optional(SHOWN_SCORE)
    note: Text = optional(NOTE)


class CaseSnoozed(EventContract, type="ops.case.snoozed", source=APP):
    """An employee puts a case off."""

    subject_type: Text = required(SUBJECT_TYPE)
    subject_id: Text = required(SUBJECT)
    acted_by: Text = required(STAFF)
    snoozed_until: Timestamp = required("When the case is to be seen again.")
    note: Text = optional(NOTE)


class CaseReopened(EventContract, type="ops.case.reopened", source=APP):
    """What was done about a case no longer holds, or was a mistake."""

    subject_type: Text = required(SUBJECT_TYPE)
    subject_id: Text = required(SUBJECT)
    acted_by: Text = required(STAFF)
    note: Text = optional(NOTE)
