"""Gates of the MasterDeal: what the domains report about an adtech deal, its KPIs and its NPS.

The stage that follows from the gates is decided in SQL, not here.
"""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Date, Integer, Number, Text
from warehouse.contracts.terms import AMOUNT, CAMPAIGN, CONTACT, CURRENCY, DEAL, REASON, USER


class _DealEvent(EventContract):
    deal_id: Text = required(DEAL)


class BriefSubmitted(_DealEvent, type="crm.brief.submitted"):
    """The brief was collected: gate G1, has_brief."""

    goals: Text = optional("Goals of the campaign, as briefed.", example="reach in the south")


class PlanningStarted(_DealEvent, type="media.planning.started"):
    """Media planning began: a marker, no gate."""


class MediaplanReady(_DealEvent, type="media.mediaplan.ready"):
    """The media plan is ready: gate G2, mediaplan_ready."""

    planned_budget: Number = optional("Budget of the plan, in `currency`.", example=90000)
    currency: Text = optional(CURRENCY)


class OfferApproved(_DealEvent, type="crm.offer.approved"):
    """The client approved the offer: gate G3, offer_approved."""

    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)


class ContractSent(_DealEvent, type="docflow.contract.sent"):
    """The contract went out for signing: a marker, no gate."""


class ContractSigned(_DealEvent, type="docflow.contract.signed"):
    """The contract was signed: gate G4, contract_signed."""

    contract_id: Text = optional("The contract that was signed.", example="ctr-88")


class ContractRevoked(_DealEvent, type="docflow.contract.revoked"):
    """The contract was revoked: G4 falls, and the deal is cancelled until a contract is signed again."""

    reason: Text = optional(REASON)


class CampaignStarted(_DealEvent, type="mediapush.campaign.started"):
    """The campaign is running: gate G5, campaign_started."""

    campaign_id: Text = optional(CAMPAIGN)


class InvoiceIssued(_DealEvent, type="dcm.invoice.issued"):
    """The invoice was issued: gate G6, invoice_issued."""

    invoice_id: Text = optional("The invoice.", example="inv-700")
    amount: Number = optional(AMOUNT)
    currency: Text = optional(CURRENCY)


class CloseoutCompleted(_DealEvent, type="dcm.closeout.completed"):
    """Closing documents are complete: gate G7, closeout_completed."""


class KpiReported(_DealEvent, type="mediapush.kpi.reported"):
    """A KPI of a deal's campaign was reported for a day; a later report of the same day replaces it."""

    campaign_id: Text = optional(CAMPAIGN)
    date: Date = required("Day that the value is of.")
    kpi: Text = required(
        "What is counted; others than the known ones are allowed.",
        known=("impressions", "clicks", "conversions", "reach", "spend"),
    )
    actual: Number = required("Value of that day.", example=48210)
    target: Number = optional("Value that was planned for that day.", example=50000)


class NpsResponded(EventContract, type="survey.nps.responded"):
    """Somebody answered how likely they are to recommend us."""

    response_id: Text = required("The answer.", example="nps-17")
    score: Integer = required(
        "Likelihood, 0 to 10; 9 and more promotes, 6 and less detracts.", minimum=0, maximum=10, example=9
    )
    deal_id: Text = optional(DEAL)
    contact_id: Text = optional(CONTACT)
    user_id: Text = optional(USER)
    comment: Text = optional("Comment, as typed; may name people.", pii="text", example="Quick answers.")
