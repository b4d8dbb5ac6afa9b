"""Marketing: spend, campaigns, e-mails, experiments."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Date, Integer, Number, Text
from warehouse.contracts.terms import AMOUNT, CAMPAIGN, CONTACT, CURRENCY, LEAD, MESSAGE, USER


class SpendReported(EventContract, type="ads.spend.reported"):
    """Spend of a day, channel and campaign; a later report of the same three replaces the earlier one."""

    date: Date = required("Day on which the money was spent.")
    channel: Text = required("Channel of advertising, in the words of the sending system.", example="search")
    campaign_id: Text = optional(CAMPAIGN)
    amount: Number = required(AMOUNT)
    currency: Text = required(CURRENCY)
    impressions: Integer = optional("Times that the ads were shown.", example=48210)
    clicks: Integer = optional("Times that the ads were clicked.", example=613)


class CampaignSent(EventContract, type="crm.campaign.sent"):
    """A campaign was sent to its segment."""

    campaign_id: Text = required(CAMPAIGN)
    name: Text = required("Name of the campaign.", example="Spring welcome")
    campaign_type: Text = optional(
        "What the campaign is for.",
        choices=(
            "onboarding",
            "activation",
            "conversion",
            "retention",
            "upsell",
            "reengagement",
            "newsletter",
        ),
    )
    channel: Text = required("Channel that it was sent on.", choices=("email", "sms", "push", "in_app", "chat"))
    segment_id: Text = optional("The segment of people that it went to.", example="seg-new-users")
    cost: Number = optional("Cost of sending, in `currency`.", example=40)
    currency: Text = optional(CURRENCY)


class _Email(EventContract):
    message_id: Text = required(MESSAGE)
    campaign_id: Text = optional(CAMPAIGN)
    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional(LEAD)
    user_id: Text = optional(USER)
    variant: Text = optional("Variant of the message in a test.", example="b")
    url: Text = optional("Address that the link leads to.", example="https://www.example.com/offer")


class EmailSent(_Email, type="crm.email.sent"):
    """An e-mail was sent."""


class EmailDelivered(_Email, type="crm.email.delivered"):
    """An e-mail was delivered."""


class EmailBounced(_Email, type="crm.email.bounced"):
    """An e-mail came back undelivered."""


class EmailOpened(_Email, type="crm.email.opened"):
    """An e-mail was opened."""


class EmailClicked(_Email, type="crm.email.clicked"):
    """A link of an e-mail was clicked."""


class Unsubscribed(EventContract, type="crm.unsubscribe"):
    """Somebody asked for no more messages on a channel."""

    contact_id: Text = optional(CONTACT)
    lead_id: Text = optional(LEAD)
    user_id: Text = optional(USER)
    channel: Text = required("Channel that was left.", example="email")
    campaign_id: Text = optional("The campaign that led to it.", example="cmp-spring")


class ExperimentExposed(EventContract, type="crm.experiment.exposed"):
    """Somebody was shown a variant of an experiment."""

    experiment_id: Text = required("The experiment.", example="exp-pricing")
    variant: Text = required("Variant that was shown.", example="control")
    user_id: Text = optional(USER)
    lead_id: Text = optional(LEAD)
    contact_id: Text = optional(CONTACT)
