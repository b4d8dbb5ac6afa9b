"""Which fields of events name a person or tell of one, by the contracts; nothing is listed that they say."""

import re
from functools import cache
from typing import Literal

from warehouse import contracts

OWN_FIELDS = {"contact_id": "contact", "lead_id": "lead", "user_id": "user", "visitor_id": "visitor"}
"""Fields whose id says that the event is about that person."""

OTHER_FIELDS = {
    "winner_id": "contact",
    "loser_id": "contact",
    "referrer_user_id": "user",
}
"""Fields that name a person in an event which may be about another."""

FIELD_KINDS = {**OWN_FIELDS, **OTHER_FIELDS}

NOT_ABOUT_ONE = ("crm.deal.", "crm.activity.", "masterdeal.", "billing.", "support.", "referral.", "identity.consent.")
"""Types of events whose people may be several, or that are about a thing: see macros/identity.sql."""

STAFFED = ("chat.", "crm.activity.")
"""Types of events whose ``user_id`` is the employee's."""

DESCRIBING = frozenset({"company", "job_title", "birth_year", "education"})
"""Not contact details, but apt to single a person out of their city and industry."""

_GUESSED = re.compile(r"(?i)(?P<email>e?-?mail)|(?P<phone>phone|mobile|(?:^|_)tel)|(?P<name>name$)")
Personal = Literal["email", "phone", "name", "text"]


def own_fields(event_type: str) -> dict[str, str]:
    """Of :data:`OWN_FIELDS` those that events of a type are about."""
    if event_type.startswith(STAFFED):
        return {name: kind for name, kind in OWN_FIELDS.items() if kind != "user"}
    return OWN_FIELDS


@cache
def personal_fields() -> dict[str, Personal]:
    """Fields with personal data, by name, and of which kind."""
    return {spec.name: spec.pii for contract in contracts.all().values() for spec in contract.fields() if spec.pii}


@cache
def plain_fields() -> frozenset[str]:
    """Fields that some contract knows and that hold no personal data."""
    known = {spec.name for contract in contracts.all().values() for spec in contract.fields()}
    return frozenset(known - personal_fields().keys() - DESCRIBING)


@cache
def fields_of(event_type: str) -> frozenset[str]:
    """Fields without personal data that events of a type have; of an unknown type, those of any."""
    contract = contracts.get(event_type)
    if contract is None:
        return plain_fields()
    return frozenset(spec.name for spec in contract.fields()) - personal_fields().keys() - DESCRIBING


def guessed_kind(name: str) -> str | None:
    """What a field that no contract knows holds, by its name."""
    found = _GUESSED.search(name)
    return found.lastgroup if found else None
