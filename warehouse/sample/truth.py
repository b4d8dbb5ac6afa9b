"""The truth about the sample company: every effect that its events contain, as a named constant.

Later models must find these numbers; docs/sample.md shows them in a table made from this module. A number
that changes who converts, wins, stays or breaches belongs here; what only dresses an event does not.
"""

from collections.abc import Iterator


class Effect(float):
    """A number with its unit and what it does; it calculates as the float that it is.

    Parameters
    ----------
    value
        The number.
    unit
        What it is counted in, such as ``log-odds`` or ``share``.
    meaning
        What it does to whom, in a sentence without a full stop.
    """

    unit: str
    meaning: str

    def __new__(cls, value: float, unit: str, meaning: str) -> "Effect":
        """Make a float that knows what it means."""
        effect = super().__new__(cls, value)
        effect.unit, effect.meaning = unit, meaning
        return effect


def _each(unit: str, meaning: str, /, **values: float) -> dict[str, Effect]:
    return {key: Effect(value, unit, meaning) for key, value in values.items()}


# Volume
LEADS_PER_ACCOUNT_DAY = Effect(0.02, "events", "leads of the main tenant per account and day")
STRANGERS_PER_LEAD = Effect(1.0, "ratio", "visitors who never leave their contact, per lead")
DEALS_PER_ACCOUNT = Effect(0.9, "per year", "deals that sales opens by itself, per account")
STUDIO_DEALS_PER_ACCOUNT = Effect(0.55, "per year", "studio opportunities per account")
ADTECH_DEALS_PER_ACCOUNT = Effect(0.65, "per year", "MasterDeals per account")
CHATS_PER_ACCOUNT = Effect(1.6, "per year", "messenger leads per account, over all messenger tenants")
SHOP_CLIENTS_PER_ACCOUNT = Effect(1.6, "per year", "new clients of the dealer shop per account")

# Seasons
GROWTH_PER_YEAR = Effect(1.35, "ratio", "arrivals of one day against the same day a year before")
WEEKDAY = _each(
    "ratio",
    "arrivals on this weekday against the mean day",
    mon=1.20, tue=1.22, wed=1.18, thu=1.12, fri=0.98, sat=0.62, sun=0.68,
)  # fmt: skip
MONTH = _each(
    "ratio",
    "arrivals in this month against the mean month",
    jan=0.92, feb=1.00, mar=1.08, apr=1.06, may=1.02, jun=0.94,
    jul=0.82, aug=0.84, sep=1.16, oct=1.14, nov=1.10, dec=0.92,
)  # fmt: skip

# Channels of acquisition
CHANNEL_SHARE = _each(
    "share",
    "of the leads that come by this channel",
    organic=0.22, google=0.20, meta=0.20, linkedin=0.09, content=0.09, event=0.07, referral=0.08, partner=0.05,
)  # fmt: skip
CHANNEL_QUALITY = _each(
    "log-odds",
    "of conversion, against organic",
    organic=0.0, google=-0.15, meta=-0.8, linkedin=0.2, content=0.1, event=0.35, referral=0.8, partner=0.3,
)  # fmt: skip
CHANNEL_COST_PER_LEAD = _each(
    "USD",
    "spent per expected lead of this channel",
    google=14.0, meta=7.0, linkedin=46.0, content=9.0, event=31.0, partner=24.0,
)  # fmt: skip
SPEND_CORRECTION_RATE = Effect(0.04, "share", "of spend reports that a later report for the same day replaces")

# Conversion of a lead (won as a customer or opened as a deal), one logistic model
LEAD_BASE = Effect(-2.8, "log-odds", "of conversion with every driver at 0")
LEAD_MID_SIZE = Effect(0.6, "log-odds", "of conversion where the company has 50 to 1,000 people")
LEAD_INDUSTRY = Effect(0.5, "log-odds", "of conversion in education, software and media")
LEAD_DECIDER = Effect(0.7, "log-odds", "of conversion where the job title is head, director or founder")
LEAD_BUDGET = Effect(0.3, "log-odds", "of conversion per natural log of budget ÷ 5,000 USD")
LEAD_SESSION = Effect(0.45, "log-odds", "of conversion per natural log of 1 + sessions in the first 7 days")
LEAD_DOWNLOAD = Effect(0.35, "log-odds", "of conversion per download in the first 7 days")
LEAD_EVENT = Effect(0.8, "log-odds", "of conversion where an event was attended in the first 7 days")
LEAD_EMAIL_CLICK = Effect(0.4, "log-odds", "of conversion per onboarding e-mail clicked in the first 7 days")
LEAD_RESPONSE = Effect(-0.4, "log-odds", "of conversion per natural log of 1 + hours to the first response")
LEAD_NEVER_HOURS = Effect(168.0, "hours", "that count for a lead that nobody ever answered")
LEAD_NEVER_SHARE = Effect(0.04, "share", "of leads that nobody ever answers")
LEAD_DAYS_TO_CONVERT = Effect(19.0, "days", "median from creation to conversion, of those who convert")
ONBOARDING_LIFT = Effect(0.5, "log-odds", "of conversion in variant b of the experiment onboarding-checklist")
SUBJECT_LINE_LIFT = Effect(0.0, "log-odds", "of conversion in variant b of the experiment subject-line: none")

# From trial to first use, by people: before it is decided who converts
TRIAL_BASE = Effect(-0.4, "log-odds", "of starting a trial within 6 days, for a person of mean hidden engagement")
TRIAL_ENGAGEMENT = Effect(0.6, "log-odds", "of starting a trial per point of hidden engagement")
ACTIVATION_BASE = Effect(0.4, "log-odds", "of activating a trial, for a person of mean hidden engagement")
ACTIVATION_ENGAGEMENT = Effect(0.4, "log-odds", "of activating a trial per point of hidden engagement")
LEAD_TRIAL = Effect(0.3, "log-odds", "of conversion where a trial was started")
LEAD_ACTIVATED = Effect(0.7, "log-odds", "of conversion where the trial was activated")
ACTIVATION_MINUTES = Effect(24.0, "minutes", "median from trial to first significant action")

# What sales makes of a lead in its first seven days; it sees the drivers of conversion, and nothing of the outcome
QUALIFY_BASE = Effect(2.0, "log-odds", "of being qualified where the odds of conversion are even")
QUALIFY_ODDS = Effect(1.5, "log-odds", "of being qualified per log-odds of conversion")

# Churn of a monthly subscription, one discrete-time logistic hazard per paid month
CHURN_BASE = Effect(-0.55, "log-odds", "of leaving at the end of a month with every driver at 0")
CHURN_LOGINS = Effect(-1.05, "log-odds", "of leaving per natural log of 1 + logins in the month")
CHURN_OPEN_TICKET = Effect(0.9, "log-odds", "of leaving per ticket of the month still open at its end")
CHURN_DETRACTOR = Effect(0.8, "log-odds", "of leaving where the last NPS answer was 0 to 6")
CHURN_NO_KEY_FEATURE = Effect(0.6, "log-odds", "of leaving where no key feature was used in the month")
CHURN_FAILED_PAYMENT = Effect(0.9, "log-odds", "of leaving where the month's payment failed at first")
CHURN_FIRST_MONTHS = Effect(0.45, "log-odds", "of leaving in the first two months")
SATISFACTION_MEMORY = Effect(0.88, "ratio", "of last month's hidden satisfaction that is left in this one")
USAGE_SATISFACTION = Effect(0.6, "log", "of logins per point of hidden satisfaction")
TICKETS_SATISFACTION = Effect(-0.5, "log", "of tickets per point of hidden satisfaction")
NPS_SATISFACTION = Effect(1.9, "points", "of NPS answer per point of hidden satisfaction")
SELF_SERVICE_RATE = Effect(0.18, "share", "of accounts that subscribe without a deal, within 5 months")
RETURN_RATE = Effect(0.09, "share", "of cancelled subscribers who come back, 2 to 5 months later")
UPGRADE_RATE = Effect(0.022, "share", "of paid months followed by a higher plan")
DOWNGRADE_RATE = Effect(0.01, "share", "of paid months followed by a lower plan")
PAYMENT_FAILURE_RATE = Effect(0.045, "share", "of subscription payments that fail at first")
REFUND_RATE = Effect(0.008, "share", "of subscription payments that are refunded")

# Deals of sales and of the studio, one logistic model
DEAL_BASE = Effect(-0.75, "log-odds", "of winning with every driver at 0")
DEAL_CHAMPION = Effect(0.9, "log-odds", "of winning where the deal's contact is a champion or decision maker")
DEAL_COMPETITOR = Effect(-0.8, "log-odds", "of winning where a competitor is known from the start")
DEAL_INBOUND = Effect(0.6, "log-odds", "of winning where the deal came from a lead or a referral")
DEAL_AMOUNT = Effect(-0.3, "log-odds", "of winning per natural log of amount ÷ 20,000 USD")
DEAL_DISCIPLINE = Effect(0.7, "log-odds", "of winning where next steps are kept")
DEAL_LOST_PACE = Effect(1.5, "ratio", "of days per stage of deals that will be lost, against deals that will be won")
DEAL_ACTIVITY_WON = Effect(0.55, "per week", "calls, e-mails and meetings on deals that will be won")
DEAL_ACTIVITY_LOST = Effect(0.35, "per week", "calls, e-mails and meetings on deals that will be lost")
NEXT_STEP_KEPT = Effect(0.9, "share", "of next steps done before they are due, on disciplined deals")
NEXT_STEP_KEPT_OTHERS = Effect(0.4, "share", "of next steps done before they are due, on the others")
STAGE_SKIP_RATE = Effect(0.08, "share", "of middle stages that are jumped over")
STAGE_RETURN_RATE = Effect(0.06, "share", "of late stages after which the deal goes back one stage")
REOPEN_RATE = Effect(0.06, "share", "of lost deals that are reopened")
REOPEN_WIN_RATE = Effect(0.4, "share", "of reopened deals that are won")

# MasterDeal: durations are log-normal, so that this share of the timers breaches its target
SLA_BREACH_RATE = _each(
    "share",
    "of the timers of this policy that stop after their target",
    lead_to_brief=0.22, brief_to_offer=0.30, offer_to_contract=0.25, contract_to_launch=0.18, launch_to_close=0.28,
)  # fmt: skip
SLA_SPREAD = Effect(0.6, "log", "standard deviation of a timer's duration")
GATE_DROP_RATE = _each(
    "share",
    "of MasterDeals lost before this gate, of those that reached the one before",
    G1=0.10, G2=0.05, G3=0.14, G4=0.08, G5=0.02,
)  # fmt: skip
REVOKE_RATE = Effect(0.08, "share", "of signed contracts that are revoked before the campaign starts")
RESIGN_RATE = Effect(0.6, "share", "of revoked contracts that are signed again")
GATE_DISORDER_RATE = Effect(0.03, "share", "of MasterDeals whose media plan is stamped before their brief")
KPI_ATTAINMENT = Effect(0.97, "ratio", "median of actual ÷ target of a campaign day")

# Messengers
AI_ACCURACY = Effect(0.84, "share", "of intents on which a person who labels agrees with the AI")
HANDOFF_RATE = Effect(0.35, "share", "of conversations that a person takes over")
CHAT_BASE = Effect(-1.9, "log-odds", "of winning a messenger lead with every driver at 0")
CHAT_CALL = Effect(1.3, "log-odds", "of winning where the lead asked for a call")
CHAT_RESPONSE = Effect(-0.25, "log-odds", "of winning per natural log of 1 + minutes to a person's first answer")
FOLLOWUP_NIGHT_RATE = Effect(0.02, "share", "of follow-ups sent between 21:00 and 09:00 local time, which is a breach")

# Dealer shop
NO_SHOW_BASE = Effect(-2.0, "log-odds", "of not showing up, with every driver at 0")
NO_SHOW_FAR = Effect(0.8, "log-odds", "of not showing up where the slot was booked more than 7 days ahead")
NO_SHOW_CHAT = Effect(0.4, "log-odds", "of not showing up where it was booked in a messenger")
APPOINTMENT_CANCEL_RATE = Effect(0.07, "share", "of appointments cancelled before their slot")
ORDER_RATE = Effect(0.68, "share", "of attended appointments after which the client orders")
REPEAT_SHAPE = Effect(0.9, "gamma shape", "of the clients' rates of repeat orders (r of BG/NBD)")
REPEAT_SCALE = Effect(190.0, "days", "of the clients' rates of repeat orders (α of BG/NBD)")
DROPOUT_A = Effect(1.2, "beta", "a of BG/NBD: chance of being lost after an order")
DROPOUT_B = Effect(4.0, "beta", "b of BG/NBD: chance of being lost after an order")
ORDER_COST_RATIO = Effect(0.46, "ratio", "of an order's cost to its amount, mean")
ORDER_CANCEL_RATE = Effect(0.05, "share", "of orders cancelled before they are issued")

# Marketing
EMAIL_BOUNCE_RATE = Effect(0.025, "share", "of e-mails that bounce")
EMAIL_OPEN_RATE = Effect(0.34, "share", "of delivered e-mails opened by a lead of mean engagement")
EMAIL_CLICK_RATE = Effect(0.24, "share", "of opened e-mails clicked by a lead of mean engagement")
UNSUBSCRIBE_RATE = Effect(0.004, "share", "of delivered e-mails that end the subscription to e-mails")

# Duplicates of entities
DUPLICATE_LEAD_RATE = Effect(0.02, "share", "of leads created again under another id")
DUPLICATE_ACCOUNT_RATE = Effect(0.06, "share", "of accounts entered again under another id")
MERGED_RATE = Effect(0.5, "share", "of the accounts and contacts entered twice that somebody merges")

# Privacy
ERASURE_RATE = Effect(0.01, "share", "of leads that ask to be forgotten; ten times as many of former customers")

# Delivery of events
LATE_RATE = Effect(0.006, "share", "of events that arrive late, by 4 days in the median")
DUPLICATE_EVENT_RATE = Effect(0.004, "share", "of events that arrive a second time, byte for byte")
BAD_ROW_RATE = Effect(0.00005, "share", "of events to which a bad row of each kind is added")
DRIFT_RATE = Effect(0.002, "share", "of logins and sessions with the field `app_version`, which no contract names")


def effects() -> Iterator[tuple[str, Effect]]:
    """Yield every effect with its name, in the order of this module; one of a group as ``NAME[key]``."""
    for name, value in globals().items():
        if isinstance(value, Effect):
            yield name, value
        elif name.isupper() and isinstance(value, dict):
            for key, effect in value.items():
                yield f"{name}[{key}]", effect


def table() -> str:
    """Return the effects as a Markdown table."""
    rows = [f"| `{name}` | {effect:g} | {effect.unit} | {effect.meaning} |" for name, effect in effects()]
    return "\n".join(["| constant | value | unit | what it does |", "| --- | ---: | --- | --- |", *rows])
