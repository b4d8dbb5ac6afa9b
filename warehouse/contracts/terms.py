"""What the fields mean that many event types share: one meaning, one description, one example.

A field that a single event type has is described there.
"""

from warehouse.contracts.fields import term

ACCOUNT = term("The account (company) concerned.", example="acc-204")
CONTACT = term("The contact (person known to the CRM) concerned.", example="con-815")
LEAD = term("The lead concerned.", example="lead-3307")
USER = term("The user of the product concerned.", example="user-58")
OWNER = term("The employee who owns the record, by their user id in the CRM.", example="user-12")
STAFF = term("The employee concerned, by their user id in the CRM.", example="user-12")
VISITOR = term("The browser's anonymous id, from before anyone is known.", example="vis-9f2c")
DEAL = term("The deal concerned; unique within a tenant.", example="deal-1042")
CAMPAIGN = term("The campaign concerned.", example="cmp-spring")
CONVERSATION = term("The conversation concerned, one per person and channel.", example="conv-77")
MESSAGE = term("The message; later events of the same message carry the same id.", example="msg-90210")
SUBSCRIPTION = term("The subscription concerned.", example="sub-31")
ORDER = term("The order of the shop concerned.", example="ord-6001")
TICKET = term("The support ticket concerned.", example="tick-404")
APPOINTMENT = term("The appointment concerned.", example="apt-19")

AMOUNT = term("Amount of money, in `currency`.", example=12500.5)
CURRENCY = term("Currency of the amounts of this event, ISO 4217.", pattern="^[A-Z]{3}$", example="EUR")
MRR = term("Monthly recurring revenue of the subscription from here on, in `currency`.", example=490)
PLAN = term("Plan or tariff, in the words of the sending system.", example="pro")
PERIOD_START = term("First day of the period that is paid for.", example="2025-03-01")
PERIOD_END = term("First day after the period that is paid for: validity is half-open.", example="2025-04-01")

EMAIL = term("E-mail address. Facts carry a keyed pseudonym instead.", pii="email", example="ann@example.com")
PHONE = term("Phone number. Facts carry a keyed pseudonym instead.", pii="phone", example="+15550100")
FIRST_NAME = term("Given name. Not carried into facts.", pii="name", example="Ann")
LAST_NAME = term("Family name. Not carried into facts.", pii="name", example="Lee")

INDUSTRY = term("Industry, in the words of the sending system.", example="retail")
CITY = term("City, in the words of the sending system.", example="Lisbon")
ICP_FIT = term("Fit to the ideal customer profile, 0 (none) to 100.", minimum=0, maximum=100, example=72)
REASON = term("Why, in the words of the sending system.", example="requested by the customer")
EVIDENCE = term("References to what proves it: ids of messages, links to documents.", example=["mail-771"])

UTM_SOURCE = term("`utm_source` of the link: the site or system that sent the visitor.", example="google")
UTM_MEDIUM = term("`utm_medium` of the link: the kind of channel.", example="cpc")
UTM_CAMPAIGN = term("`utm_campaign` of the link: the campaign by its name in the link.", example="spring")
UTM_CONTENT = term("`utm_content` of the link: which of several ads or links.", example="banner-a")
UTM_TERM = term("`utm_term` of the link: the paid search term.", example="crm software")
