"""What the fields mean that many event types share: one meaning, one description, one example.

A field that a single event type has is described there.
"""

from warehouse.contracts.fields import term

ACCOUNT = term("The account (company) concerned.", example="acc-204")
CONTACT = term("The contact (person known to the CRM) concerned.", example="con-815")
LEAD = term("The lead concerned.", example="lead-3307")
USER = term("The user of the product, or of the CRM where staff act, concerned.", example="user-58")
VISITOR = term("The browser's anonymous visitor id, before anyone is known.", example="vis-9f2c")
DEAL = term("The deal concerned; unique within a tenant.", example="deal-1042")
OWNER = term("The employee who owns the record.", example="user-12")
CAMPAIGN = term("The campaign concerned.", example="cmp-spring")
CONVERSATION = term("The conversation that the message belongs to.", example="conv-77")

AMOUNT = term("Amount of money, in `currency`.", example=12500.5)
CURRENCY = term(
    "Currency of the amounts of this event, ISO 4217.", pattern="^[A-Z]{3}$", max_length=3, example="EUR"
)

EMAIL = term(
    "E-mail address. Kept out of facts; a keyed pseudonym stands for it.",
    pii="email",
    example="ann@example.com",
)
PHONE = term(
    "Phone number. Kept out of facts; a keyed pseudonym stands for it.", pii="phone", example="+15550100"
)
FIRST_NAME = term("Given name. Kept out of facts.", pii="name", example="Ann")
LAST_NAME = term("Family name. Kept out of facts.", pii="name", example="Lee")

INDUSTRY = term("Industry, in the words of the sending system.", example="retail")
CITY = term("City, in the words of the sending system.", example="Lisbon")
ICP_FIT = term("Fit to the ideal customer profile, 0 (none) to 100.", minimum=0, maximum=100, example=72)
EVIDENCE = term("References to what proves the change: message ids, document links.", example=["mail-771"])

UTM_SOURCE = term("`utm_source` of the link: the site or system that sent the visitor.", example="google")
UTM_MEDIUM = term("`utm_medium` of the link: the kind of channel.", example="cpc")
UTM_CAMPAIGN = term("`utm_campaign` of the link.", example="spring")
UTM_CONTENT = term("`utm_content` of the link: which of several ads or links.", example="banner-a")
UTM_TERM = term("`utm_term` of the link: the paid search term.", example="crm software")
