"""Product, billing, support (b2c): what users do, pay and ask."""

from warehouse.contracts.contract import EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Boolean, Date, Integer, Number, Text
from warehouse.contracts.terms import (
    ACCOUNT,
    AMOUNT,
    CONTACT,
    CURRENCY,
    DEAL,
    LEAD,
    MRR,
    ORDER,
    PERIOD_END,
    PERIOD_START,
    PLAN,
    REASON,
    SUBSCRIPTION,
    TICKET,
    USER,
    UTM_CAMPAIGN,
    UTM_CONTENT,
    UTM_MEDIUM,
    UTM_SOURCE,
    UTM_TERM,
    VISITOR,
)


class SessionStarted(EventContract, type="web.session.started"):
    """A visit to the site began."""

    session_id: Text = required("The visit.", example="ses-1a")
    visitor_id: Text = required(VISITOR)
    user_id: Text = optional(USER)
    lead_id: Text = optional(LEAD)
    utm_source: Text = optional(UTM_SOURCE)
    utm_medium: Text = optional(UTM_MEDIUM)
    utm_campaign: Text = optional(UTM_CAMPAIGN)
    utm_content: Text = optional(UTM_CONTENT)
    utm_term: Text = optional(UTM_TERM)
    referrer: Text = optional("Address of the page that the visitor came from.", example="https://news.example/")
    landing_page: Text = optional("Path of the first page.", example="/pricing")
    page_views: Integer = optional("Pages seen in the visit.", example=5)


class TrialStarted(EventContract, type="lms.trial.started"):
    """A user began a trial."""

    user_id: Text = required(USER)
    lead_id: Text = optional(LEAD)
    visitor_id: Text = optional(VISITOR)
    plan: Text = optional(PLAN)


class Login(EventContract, type="app.login"):
    """A user logged in."""

    user_id: Text = required(USER)


class FeatureUsed(EventContract, type="app.feature.used"):
    """A user used a feature of the product."""

    user_id: Text = required(USER)
    feature: Text = required("The feature, by the name that the product gives it.", example="report_export")
    is_key: Boolean = optional("Whether it is one of the features that mark adoption.")
    quantity: Number = optional("How much of it was used, in the feature's own unit.", example=3)


class Activated(EventContract, type="app.activated"):
    """A user did the first significant action."""

    user_id: Text = required(USER)


class CourseCompleted(EventContract, type="lms.course.completed"):
    """A user completed a course."""

    user_id: Text = required(USER)
    course_id: Text = required("The course.", example="crs-sql")


class _ClubEvent(EventContract):
    event_id: Text = required("The gathering, not the envelope's `id`.", example="meetup-3")
    lead_id: Text = optional(LEAD)
    user_id: Text = optional(USER)
    contact_id: Text = optional(CONTACT)


class ClubEventRegistered(_ClubEvent, type="club.event.registered"):
    """Somebody registered for a gathering of the club."""


class ClubEventAttended(_ClubEvent, type="club.event.attended"):
    """Somebody attended a gathering of the club."""


class ContentDownloaded(EventContract, type="content.downloaded", source="web"):
    """Somebody downloaded a piece of content."""

    content_id: Text = required("The piece of content.", example="guide-7")
    lead_id: Text = optional(LEAD)
    visitor_id: Text = optional(VISITOR)


class SubscriptionStarted(EventContract, type="billing.subscription.started"):
    """A subscription began."""

    subscription_id: Text = required(SUBSCRIPTION)
    user_id: Text = optional(USER)
    account_id: Text = optional(ACCOUNT)
    plan: Text = required(PLAN)
    mrr: Number = required(MRR)
    currency: Text = required(CURRENCY)
    period_start: Date = required(PERIOD_START)
    period_end: Date = required(PERIOD_END)
    is_trial: Boolean = optional("Whether nothing is paid yet.", example=False)


class SubscriptionRenewed(EventContract, type="billing.subscription.renewed"):
    """A subscription was renewed for another period."""

    subscription_id: Text = required(SUBSCRIPTION)
    mrr: Number = required(MRR)
    currency: Text = required(CURRENCY)
    period_start: Date = required(PERIOD_START)
    period_end: Date = required(PERIOD_END)


class SubscriptionChanged(EventContract, type="billing.subscription.changed"):
    """The plan or the price of a subscription changed."""

    subscription_id: Text = required(SUBSCRIPTION)
    plan: Text = required(PLAN)
    mrr: Number = required(MRR)
    currency: Text = required(CURRENCY)


class SubscriptionCancelled(EventContract, type="billing.subscription.cancelled"):
    """A subscription was cancelled; it runs until the effective date."""

    subscription_id: Text = required(SUBSCRIPTION)
    effective_date: Date = required("First day without the subscription.")
    reason: Text = optional(REASON)


class PaymentReceived(EventContract, type="billing.payment.received"):
    """A payment came in."""

    payment_id: Text = required("The payment.", example="pay-555")
    amount: Number = required(AMOUNT)
    currency: Text = required(CURRENCY)
    user_id: Text = optional(USER)
    account_id: Text = optional(ACCOUNT)
    subscription_id: Text = optional(SUBSCRIPTION)
    order_id: Text = optional(ORDER)
    deal_id: Text = optional(DEAL)
    provider: Text = optional("Payment provider.", example="card")


class _PaymentUndone(EventContract):
    payment_id: Text = required("The payment.", example="pay-555")
    amount: Number = required(AMOUNT)
    currency: Text = required(CURRENCY)
    reason: Text = optional(REASON)


class PaymentFailed(_PaymentUndone, type="billing.payment.failed"):
    """A payment was tried and failed."""


class PaymentRefunded(_PaymentUndone, type="billing.payment.refunded"):
    """A payment, or a part of it, was given back."""


class TicketOpened(EventContract, type="support.ticket.opened"):
    """A support ticket was opened."""

    ticket_id: Text = required(TICKET)
    user_id: Text = optional(USER)
    account_id: Text = optional(ACCOUNT)
    category: Text = optional("Subject area, in the words of the sending system.", example="billing")
    priority: Text = optional("How urgent it is.", choices=("low", "normal", "high", "urgent"))


class TicketResolved(EventContract, type="support.ticket.resolved"):
    """A support ticket was resolved."""

    ticket_id: Text = required(TICKET)


class TicketReopened(EventContract, type="support.ticket.reopened"):
    """A resolved support ticket is open again."""

    ticket_id: Text = required(TICKET)


class ReferralMade(EventContract, type="crm.referral.made"):
    """A user referred somebody."""

    referral_id: Text = required("The referral.", example="ref-12")
    referrer_user_id: Text = required("The user who referred.", example="user-58")
    lead_id: Text = optional("The lead that came of it.", example="lead-3307")
    code: Text = optional("Referral code that was used.", example="ANN10")
