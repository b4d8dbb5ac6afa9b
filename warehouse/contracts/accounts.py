"""Accounts, contacts, identity: who the companies and people are, and which records are the same."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Boolean, Integer, Number, Text, TextList
from warehouse.contracts.terms import (
    ACCOUNT,
    CITY,
    CONTACT,
    EMAIL,
    FIRST_NAME,
    ICP_FIT,
    INDUSTRY,
    LAST_NAME,
    LEAD,
    OWNER,
    PHONE,
    REASON,
    USER,
    VISITOR,
)


class AccountUpserted(EventContract, type="crm.account.upserted"):
    """An account was created or changed; a field that is absent stays as it was."""

    account_id: Text = required(ACCOUNT)
    name: Text = required("Name of the account.", example="Harbour Retail")
    kind: Text = optional(
        "Kind of organisation.", choices=("university", "corporation", "ngo", "brand", "agency", "other")
    )
    domain: Text = optional("Internet domain, without scheme or path.", example="harbour.example")
    industry: Text = optional(INDUSTRY)
    segment: Text = optional("Segment by size of business.", choices=("smb", "mid", "enterprise", "custom"))
    size: Integer = optional("Number of employees.", example=240)
    budget: Number = optional("Yearly budget for what we sell, in the reporting currency.", example=150000)
    country: Text = optional("Country, in the words of the sending system.", example="PT")
    region: Text = optional("Sales region, in the words of the sending system.", example="south")
    owner_id: Text = optional(OWNER)
    status: Text = optional("State of the relationship.", choices=("active", "dormant", "churned"))
    icp_fit_score: Integer = optional(ICP_FIT)
    icp_fit_reason: Text = optional("Why the fit is what it is.", example="right size, right industry")


class ContactUpserted(EventContract, type="crm.contact.upserted"):
    """A contact was created or changed; a field that is absent stays as it was."""

    contact_id: Text = required(CONTACT)
    account_id: Text = optional("The account that the contact works for.", example="acc-204")
    user_id: Text = optional("The same person as a user of the product.", example="user-58")
    lead_id: Text = optional("The lead that the contact came from.", example="lead-3307")
    first_name: Text = optional(FIRST_NAME)
    last_name: Text = optional(LAST_NAME)
    email: Text = optional(EMAIL)
    phone: Text = optional(PHONE)
    role: Text = optional(
        "Part in a buying decision.", choices=("decision_maker", "influencer", "champion", "user", "other")
    )
    role_tags: TextList = optional("Further roles, as the tenant tags them.", example=["finance", "board"])
    influence_score: Integer = optional(
        "Influence on the decision, 0 (none) to 100.", minimum=0, maximum=100, example=80
    )
    lifecycle_stage: Text = optional(
        "Stage of the person's life as a customer.", choices=("lead", "prospect", "customer", "advocate")
    )
    birth_year: Integer = optional("Year of birth.", example=1984)
    city: Text = optional(CITY)
    education: Text = optional("Education, in the words of the sending system.", example="master")


class AccountMerged(EventContract, type="crm.account.merged"):
    """Two accounts were found to be one; what belonged to the loser belongs to the winner."""

    winner_id: Text = required("The account that stays.", example="acc-204")
    loser_id: Text = required("The account that is given up.", example="acc-911")
    reason: Text = optional(REASON)


class ContactMerged(EventContract, type="crm.contact.merged"):
    """Two contacts were found to be one person; what belonged to the loser belongs to the winner."""

    winner_id: Text = required("The contact that stays.", example="con-815")
    loser_id: Text = required("The contact that is given up.", example="con-816")
    reason: Text = optional(REASON)


class IdentityLinked(
    EventContract, type="identity.linked", at_least=(2, ("visitor_id", "lead_id", "contact_id", "user_id"))
):
    """Ids of several systems were found to be the same person; two ids at least."""

    visitor_id: Text = optional(VISITOR, min_length=1)
    lead_id: Text = optional(LEAD, min_length=1)
    contact_id: Text = optional(CONTACT, min_length=1)
    user_id: Text = optional(USER, min_length=1)


class IdentityErasureRequested(EventContract, type="identity.erasure.requested"):
    """A person asked to be erased: every trace is to be removed or pseudonymised."""

    subject_type: Text = required("Kind of record that the id names.", choices=("contact", "lead", "user"))
    subject_id: Text = required("Id of the person's record.", example="con-815")


class IdentityConsentChanged(EventContract, type="identity.consent.changed"):
    """A person gave or withdrew consent to be written to on a channel."""

    contact_id: Text = required(CONTACT)
    channel: Text = required("Channel that the consent is for.", choices=("email", "sms", "push", "chat"))
    granted: Boolean = required("Whether consent is given from now on.")
