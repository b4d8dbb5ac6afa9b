"""Deals: the pipeline from creation to its end, next steps and activities.

The gates of the MasterDeal have a module of their own.
"""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Date, Number, Text, TextList, Timestamp
from warehouse.contracts.terms import (
    ACCOUNT,
    AMOUNT,
    CAMPAIGN,
    CONTACT,
    CURRENCY,
    DEAL,
    EVIDENCE,
    LEAD,
    OWNER,
    STAFF,
)


class DealCreated(EventContract, type="crm.deal.created"):
    """A deal was opened."""

    deal_id: Text = required(DEAL)
    pipeline: Text = optional(
        "Pipeline that the deal moves through; `b2b` when absent.", choices=("b2b", "adtech", "studio")
    )
    account_id: Text = optional(ACCOUNT)
    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional("The lead that the deal came from.", example="lead-3307")
    title: Text = optional("Title of the deal as its owner reads it.", example="Spring campaign")
    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)
    stage: Text = optional("Stage of the pipeline that the deal starts in.", example="lead")
    probability: Number = optional("Probability of winning, 0 to 1.", minimum=0, maximum=1, example=0.35)
    forecast_category: Text = optional(
        "Forecast category; commit is part of best_case, best_case of pipeline.",
        choices=("pipeline", "best_case", "commit"),
    )
    expected_close_date: Date = optional("Day on which the deal is expected to close.")
    owner_id: Text = optional(OWNER)
    deal_source: Text = optional("Where the deal came from, in the words of the sending system.", example="inbound")
    primary_competitor: Text = optional("The competitor most likely to win it instead.", example="Northwind")
    client_type: Text = optional("Kind of client, in the words of the sending system.", example="new")
    campaign_id: Text = optional(CAMPAIGN)


class DealUpdated(EventContract, type="crm.deal.updated"):
    """Attributes of a deal changed; a field that is absent stays as it was."""

    deal_id: Text = required(DEAL)
    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)
    probability: Number = optional("Probability of winning, 0 to 1.", minimum=0, maximum=1, example=0.5)
    forecast_category: Text = optional(
        "Forecast category; commit is part of best_case, best_case of pipeline.",
        choices=("pipeline", "best_case", "commit"),
    )
    expected_close_date: Date = optional("Day on which the deal is now expected to close.")
    owner_id: Text = optional(OWNER)
    title: Text = optional("Title of the deal as its owner reads it.", example="Spring campaign, second wave")
    primary_competitor: Text = optional("The competitor most likely to win it instead.", example="Northwind")
    evidence_refs: TextList = optional(EVIDENCE)


class DealStageChanged(EventContract, type="crm.deal.stage_changed"):
    """A deal moved to another stage; on an adtech deal, a stage of its domain, not the aggregated one."""

    deal_id: Text = required(DEAL)
    from_stage: Text = optional("Stage that was left, as the sending system saw it.", example="qualified")
    to_stage: Text = required("Stage that was entered.", example="proposal")
    evidence_refs: TextList = optional(EVIDENCE)


class DealNextStepSet(EventContract, type="crm.deal.next_step_set"):
    """The next step of a deal was agreed; it replaces the one before."""

    deal_id: Text = required(DEAL)
    next_step: Text = required("What is to be done next.", example="Send the revised offer")
    due_at: Timestamp = required("When it is to be done by.")


class DealNextStepDone(EventContract, type="crm.deal.next_step_done"):
    """The open next step of a deal was done."""

    deal_id: Text = required(DEAL)


class DealWon(EventContract, type="crm.deal.won"):
    """A deal was won."""

    deal_id: Text = required(DEAL)
    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)
    evidence_refs: TextList = optional(EVIDENCE)


class DealLost(EventContract, type="crm.deal.lost"):
    """A deal was lost."""

    deal_id: Text = required(DEAL)
    lost_reason: Text = required("Why it was lost, in the words of the sending system.", example="price")
    competitor: Text = optional("The competitor that it was lost to.", example="Northwind")


class DealReopened(EventContract, type="crm.deal.reopened"):
    """A deal that was won or lost is open again."""

    deal_id: Text = required(DEAL)
    reason: Text = optional("Why it was reopened.", example="budget came back")


class ActivityLogged(EventContract, type="crm.activity.logged"):
    """An activity of the sales team was recorded, or planned when it has a due time only."""

    activity_id: Text = required("The activity; the same id again is a later state of it.", example="act-5521")
    activity_type: Text = required("Kind of activity.", choices=("email", "call", "meeting", "note", "task"))
    deal_id: Text = optional(DEAL)
    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional(LEAD)
    user_id: Text = optional(STAFF)
    due_at: Timestamp = optional("When it is planned for.")
    completed_at: Timestamp = optional("When it was completed.")
    subject_line: Text = optional("Subject, as typed; may name people.", pii="text", example="Call about the offer")
