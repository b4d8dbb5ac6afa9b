"""Leads: from the first contact to conversion."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Boolean, Integer, Number, Text
from warehouse.contracts.terms import (
    ACCOUNT,
    CITY,
    CONTACT,
    DEAL,
    EMAIL,
    FIRST_NAME,
    ICP_FIT,
    INDUSTRY,
    LAST_NAME,
    LEAD,
    PHONE,
    REASON,
    UTM_CAMPAIGN,
    UTM_CONTENT,
    UTM_MEDIUM,
    UTM_SOURCE,
    UTM_TERM,
    VISITOR,
)

LEAD_SOURCES = ("organic", "referral", "event", "content", "paid", "partnership", "other")


class LeadCreated(EventContract, type="crm.lead.created"):
    """A lead came in."""

    lead_id: Text = required(LEAD)
    email: Text = optional(EMAIL)
    phone: Text = optional(PHONE)
    first_name: Text = optional(FIRST_NAME)
    last_name: Text = optional(LAST_NAME)
    company: Text = optional("Company, as the lead wrote it.", example="Harbour Retail")
    company_size: Integer = optional("Number of employees of the company.", example=240)
    industry: Text = optional(INDUSTRY)
    job_title: Text = optional("Job title, as the lead wrote it.", example="Head of Marketing")
    budget: Number = optional("Budget that the lead named, in the reporting currency.", example=20000)
    city: Text = optional(CITY)
    lead_source: Text = required("How the lead came to us.", choices=LEAD_SOURCES)
    utm_source: Text = optional(UTM_SOURCE)
    utm_medium: Text = optional(UTM_MEDIUM)
    utm_campaign: Text = optional(UTM_CAMPAIGN)
    utm_content: Text = optional(UTM_CONTENT)
    utm_term: Text = optional(UTM_TERM)
    referrer_user_id: Text = optional("The user who referred the lead.", example="user-58")
    visitor_id: Text = optional(VISITOR)
    assigned_to: Text = optional("The employee that the lead was given to.", example="user-12")


class LeadUpdated(LeadCreated, type="crm.lead.updated"):
    """Attributes of a lead changed; a field that is absent stays as it was."""

    lead_source: Text = optional("How the lead came to us, corrected.", choices=LEAD_SOURCES)


class LeadAssigned(EventContract, type="crm.lead.assigned"):
    """A lead was given to an employee."""

    lead_id: Text = required(LEAD)
    assigned_to: Text = required("The employee that the lead was given to.", example="user-12")
    method: Text = optional("How the employee was chosen.", choices=("round_robin", "territory", "manual"))


class LeadQualified(EventContract, type="crm.lead.qualified"):
    """A lead was found worth pursuing."""

    lead_id: Text = required(LEAD)
    method: Text = optional("Method of qualification.", choices=("bant", "champ", "icp", "manual"))
    budget_confirmed: Boolean = optional("Whether there is a budget (BANT).")
    authority_confirmed: Boolean = optional("Whether the person may decide (BANT, CHAMP).")
    need_confirmed: Boolean = optional("Whether there is a need (BANT).")
    timing_confirmed: Boolean = optional("Whether the time is right (BANT).")
    challenges: Text = optional(
        "Challenges the lead told of (CHAMP), as typed.", pii="text", example="reports take days"
    )
    prioritization: Integer = optional(
        "Priority of the matter for the lead (CHAMP), 1 (low) to 5.", minimum=1, maximum=5, example=4
    )
    icp_fit_score: Integer = optional(ICP_FIT)


class LeadDisqualified(EventContract, type="crm.lead.disqualified"):
    """A lead was found not worth pursuing."""

    lead_id: Text = required(LEAD)
    reason: Text = optional(REASON)


class LeadConverted(EventContract, type="crm.lead.converted"):
    """A lead became a contact, an account or a deal."""

    lead_id: Text = required(LEAD)
    contact_id: Text = optional(CONTACT)
    account_id: Text = optional(ACCOUNT)
    deal_id: Text = optional(DEAL)


class LeadStageChanged(EventContract, type="crm.lead.stage_changed"):
    """A lead moved to another stage of the dialogue."""

    lead_id: Text = required(LEAD)
    from_stage: Text = optional("Stage that was left, as the sending system saw it.", example="new")
    to_stage: Text = required(
        "Stage that was entered; a tenant may have its own.",
        known=(
            "new",
            "ai_dialog",
            "no_reply",
            "call_requested",
            "incomplete_data",
            "complete_data",
            "won",
            "lost",
        ),
        example="ai_dialog",
    )
    changed_by: Text = required("Whether the AI manager or a person moved it.", choices=("ai", "human"))
