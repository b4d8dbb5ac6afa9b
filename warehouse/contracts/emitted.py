"""What the warehouse itself emits: scores, risks, stages, timers and alerts, which receivers may send back.

The catalogue fixes the names of these types; the fields are those of the tables that they are made from.
"""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required, term
from warehouse.contracts.kinds import Date, Integer, Number, Text, TextList, Timestamp
from warehouse.contracts.terms import ACCOUNT, AMOUNT, CURRENCY, DEAL, LEAD, MRR, SUBSCRIPTION, USER

WAREHOUSE = "dealhouse"
"""The envelope's `source` of what the warehouse emits."""

AS_OF = term("The instant as of which it holds.", example="2025-03-14T00:00:00Z")
MODEL = term("Version of the model that computed it.", example="2025-03-01-a1b2c3")
FACTORS = term("What moved the score most, the strongest first.", example=["+ answered within an hour"])
SCORE = term("Score, 0 to 100.", minimum=0, maximum=100, example=81)
CHANCE = term("Calibrated probability, 0 to 1.", minimum=0, maximum=1, example=0.27)
CUSTOMER_KIND = term("Kind of customer that `subject_id` names.", choices=("user", "account"))
CUSTOMER = term("The customer: a user in b2c, an account in b2b.", example="user-58")
HEALTH = term("Band of the health score.", choices=("red", "yellow", "green"))
SLA = term(
    "The policy, by its name in the table of policies.",
    known=("lead_to_brief", "brief_to_offer", "offer_to_contract", "contract_to_launch", "launch_to_close"),
)
RUN = term("Which run of the timer on this deal, from 1; a reopened timer keeps its run.", minimum=1, example=1)
DUE = term("When the target is used up.", example="2025-03-16T12:00:00Z")
DOMAIN = term("The domain that answers for it.", example="legal")
ALERT = term("The alert: the same from raised to resolved.", example="alr-5f1e")
RULE = term("The rule that it is an alert of.", example="deal_slipping")
STAGES = (
    "draft",
    "briefed",
    "planning",
    "offer_ready",
    "contracting",
    "launching",
    "running",
    "closing",
    "closed",
    "cancelled",
)


class LeadScored(EventContract, type="crm.lead.scored", source=WAREHOUSE):
    """The score of a lead changed."""

    lead_id: Text = required(LEAD)
    score: Integer = required(SCORE)
    probability: Number = optional(CHANCE)
    tier: Text = optional("How to treat the lead.", choices=("hot", "warm", "cold"))
    factors: TextList = optional(FACTORS)
    model_version: Text = required(MODEL)
    as_of: Timestamp = required(AS_OF)


class HealthChanged(EventContract, type="crm.health.changed", source=WAREHOUSE):
    """The health of a customer came to another band, or moved much within one."""

    subject_type: Text = required(CUSTOMER_KIND)
    subject_id: Text = required(CUSTOMER)
    score: Integer = required(SCORE)
    previous_score: Integer = optional("Score that was last emitted.", minimum=0, maximum=100, example=64)
    level: Text = required(HEALTH)
    previous_level: Text = optional("Band that was last emitted.", choices=("red", "yellow", "green"))
    factors: TextList = optional(FACTORS)
    model_version: Text = required(MODEL)
    as_of: Timestamp = required(AS_OF)


class ChurnRiskDetected(EventContract, type="crm.churn_risk.detected", source=WAREHOUSE):
    """A customer is likely to leave."""

    subject_type: Text = required(CUSTOMER_KIND)
    subject_id: Text = required(CUSTOMER)
    probability: Number = required("Probability of leaving, 0 to 1.", minimum=0, maximum=1, example=0.61)
    risk_level: Text = required("Band of the risk.", choices=("low", "medium", "high"), example="high")
    reasons: TextList = optional("Why, the weightiest first.", example=["no login for 21 days"])
    action: Text = optional("What to do about it.", example="personal call")
    value_at_risk_base: Number = optional("Yearly revenue at stake, in the reporting currency.", example=5880)
    model_version: Text = required(MODEL)
    as_of: Timestamp = required(AS_OF)


class RenewalApproaching(EventContract, type="crm.renewal.approaching", source=WAREHOUSE):
    """A subscription is about to end or to be renewed."""

    subscription_id: Text = required(SUBSCRIPTION)
    user_id: Text = optional(USER)
    account_id: Text = optional(ACCOUNT)
    period_end: Date = required("First day after the period that is paid for.", example="2025-04-01")
    days_left: Integer = required("Days from `as_of` to `period_end`.", example=18)
    mrr: Number = optional(MRR)
    currency: Text = optional(CURRENCY)
    as_of: Timestamp = required(AS_OF)


class DealScored(EventContract, type="crm.deal.scored", source=WAREHOUSE):
    """The chance of winning a deal changed."""

    deal_id: Text = required(DEAL)
    probability: Number = required("Probability of winning, 0 to 1.", minimum=0, maximum=1, example=0.42)
    horizon_days: Integer = optional("Days within which it is to be won.", minimum=1, example=30)
    factors: TextList = optional(FACTORS)
    model_version: Text = required(MODEL)
    as_of: Timestamp = required(AS_OF)


class DuplicateProposed(EventContract, type="crm.duplicate.proposed", source=WAREHOUSE):
    """Two records look like one; a person decides, nothing is merged by itself."""

    kind: Text = required("What the records are.", choices=("account", "contact", "lead"))
    left_id: Text = required("One record, the smaller id.", example="acc-204")
    right_id: Text = required("The other record.", example="acc-911")
    probability: Number = required("Probability that they are one, 0 to 1.", minimum=0, maximum=1, example=0.97)
    reasons: TextList = optional("What agrees.", example=["same domain", "similar name"])


class MasterdealStageChanged(EventContract, type="masterdeal.stage.changed", source=WAREHOUSE):
    """The aggregated stage of a deal changed."""

    deal_id: Text = required(DEAL)
    from_stage: Text = optional("Aggregated stage that was left.", choices=STAGES)
    to_stage: Text = required("Aggregated stage that was entered.", choices=STAGES, example="briefed")
    changed_at: Timestamp = required("When the event happened that decided it.")


class MasterdealSlaUpdated(EventContract, type="masterdeal.sla.updated", source=WAREHOUSE):
    """An SLA timer of a deal started, stopped, or came to another status."""

    deal_id: Text = required(DEAL)
    sla: Text = required(SLA)
    run_number: Integer = required(RUN)
    status: Text = required(
        "Status of the timer.",
        choices=("met", "breached", "overdue", "at_risk", "running", "void"),
        example="running",
    )
    started_at: Timestamp = required("When the timer started.")
    stopped_at: Timestamp = optional("When it stopped; absent while it runs.")
    due_at: Timestamp = optional(DUE)
    target_hours: Number = optional("Target, in hours of the policy's calendar.", example=8)
    elapsed_hours: Number = optional("Time used, in hours of the policy's calendar.", example=2.5)
    owner_domain: Text = optional(DOMAIN)


class MasterdealSlaBreached(EventContract, type="masterdeal.sla.breached", source=WAREHOUSE):
    """An SLA timer of a deal passed its target; emitted once per run of the timer."""

    deal_id: Text = required(DEAL)
    sla: Text = required(SLA)
    run_number: Integer = required(RUN)
    due_at: Timestamp = required(DUE)
    breached_at: Timestamp = required("The first instant past the target.", example="2025-03-16T12:00:00Z")
    owner_domain: Text = optional(DOMAIN)


class MasterdealClosed(EventContract, type="masterdeal.closed", source=WAREHOUSE):
    """A deal went through its last gate and is closed."""

    deal_id: Text = required(DEAL)
    closed_at: Timestamp = required("When it closed.")
    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)


class AlertRaised(EventContract, type="ops.alert.raised", source=WAREHOUSE):
    """A rule of watching was broken."""

    alert_id: Text = required(ALERT)
    rule: Text = required(RULE)
    severity: Text = optional("How serious it is.", choices=("info", "warning", "error"), example="warning")
    subject_type: Text = optional("Kind of thing that it is about.", example="deal")
    subject_id: Text = optional("The thing that it is about.", example="deal-1042")
    message: Text = optional("What is wrong and what to do, in a sentence.", example="Close date passed 15 days ago.")
    since: Timestamp = required("Since when it has been so.")


class AlertResolved(EventContract, type="ops.alert.resolved", source=WAREHOUSE):
    """What an alert was about is no longer so."""

    alert_id: Text = required(ALERT)
    rule: Text = required(RULE)
    resolved_at: Timestamp = required("When it ended.")
