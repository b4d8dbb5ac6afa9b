"""Who is to be erased: all identifiers that the warehouse knows a person by.

Ids come from the identity graph of the last build; e-mails, phones and names from the person's own events and rejected
rows. How they are removed is in the modules beside this one.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb

from warehouse import contracts
from warehouse.erasure.fields import OWN_FIELDS, STAFFED, guessed_kind, own_fields, personal_fields, plain_fields
from warehouse.errors import UsageError

KINDS = ("contact", "lead", "user")
_MIN_DISTINCTIVE = 5


@dataclass
class Person:
    """A person of one tenant, in plain words: never written to disk but sealed."""

    tenant_id: str
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Values by kind: contact, lead, user, visitor."""
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    full_names: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    """Of all these, what records of others carry as well: it is removed from the person's own events alone."""

    def as_json(self) -> dict[str, Any]:
        """For sealing."""
        return asdict(self)

    def is_shared(self, value: str) -> bool:
        """Whether others carry a value, alone or as a part of another, such as a name within an address."""
        return any(value.lower() in one.lower() for one in self.shared)

    @property
    def id_pairs(self) -> list[tuple[str, str]]:
        """All ids as (kind, value)."""
        return [(kind, value) for kind, values in self.ids.items() for value in values]


def is_distinctive(value: str) -> bool:
    """Whether an id is unlikely to stand anywhere by chance: a UUID is, 17 is not."""
    return len(value) >= _MIN_DISTINCTIVE and bool(re.search(r"[A-Za-z]", value)) and bool(re.search(r"\d", value))


def find(con: duckdb.DuckDBPyConnection, kind: str, value: str, tenant_id: str | None) -> Person | None:
    """Everything that the person whom this id names is known by; None where the id is unknown.

    `con` is the work file of a finished build.

    Raises
    ------
    UsageError
        If the id names people of several tenants and none is given.
    """
    tenants = [
        str(row[0])
        for row in con.execute(
            "select distinct tenant_id from facts.fact_identity where id_kind = $kind and id_value = $value "
            "and ($tenant is null or tenant_id = $tenant) order by tenant_id",
            {"kind": kind, "value": value, "tenant": tenant_id},
        ).fetchall()
    ]
    if len(tenants) > 1:
        raise _of_several(kind, value, tenants)
    if not tenants:
        return _rejected_only(con, kind, value, tenant_id)
    person = Person(tenants[0])
    for id_kind, id_value in con.execute(
        "select other.id_kind, other.id_value from facts.fact_identity as one inner join facts.fact_identity as other "
        "using (tenant_id, person_id) where one.tenant_id = ? and one.id_kind = ? and one.id_value = ? order by all",
        [person.tenant_id, kind, value],
    ).fetchall():
        person.ids.setdefault(str(id_kind), []).append(str(id_value))
    _add_details(con, person)
    return person


def is_known(con: duckdb.DuckDBPyConnection, kind: str, value: str, tenant_id: str) -> bool:
    """Whether the identity graph has an id."""
    row = con.execute(
        "select 1 from facts.fact_identity where id_kind = ? and id_value = ? and tenant_id = ?",
        [kind, value, tenant_id],
    ).fetchone()
    return row is not None


def _rejected_only(con: duckdb.DuckDBPyConnection, kind: str, value: str, tenant_id: str | None) -> Person | None:
    """A person of whom nothing was accepted is known by what was rejected."""
    asked = Person(tenant_id or "", {kind: [value]})
    told, unreadable = _told_of(_rejected_texts(con, [value]), asked)
    tenants = sorted({tenant for tenant, _ in told if tenant_id in (None, tenant)})
    if len(tenants) > 1:
        raise _of_several(kind, value, tenants)
    # Of a line that cannot be read nobody knows the tenant, and whether a short id there is one.
    if not tenants and not (is_distinctive(value) and any(_names(text, value) for text in unreadable)):
        return None
    asked.tenant_id = tenants[0] if tenants else tenant_id or contracts.envelope.DEFAULT_TENANT
    _add_details(con, asked)
    return asked


def _add_details(con: duckdb.DuckDBPyConnection, person: Person) -> None:
    found: dict[str, set[str]] = {"email": set(), "phone": set(), "name": set(), "full": set()}
    for data in [*_own_data(con, person), *_own_rejects(con, person)]:
        names: dict[str, str] = {}
        for name, value in data.items():
            kind = personal_fields().get(name) or (None if name in plain_fields() else guessed_kind(name))
            if kind not in ("email", "phone", "name") or not isinstance(value, str) or not value.strip():
                continue
            found[kind].add(value.strip())
            names[name] = value.strip()
        if "first_name" in names and "last_name" in names:
            found["full"] |= _full_names(names["first_name"], names["last_name"])
    person.emails, person.phones = sorted(found["email"]), sorted(found["phone"])
    person.names, person.full_names = sorted(found["name"]), sorted(found["full"])
    person.shared = sorted(_shared(con, person))


def _full_names(first: str, last: str) -> set[str]:
    return {f"{first} {last}", f"{last} {first}", f"{last}, {first}"}


def _own_condition(person: Person) -> tuple[str, dict[str, Any]]:
    parts, values = [], {}
    for name, kind in OWN_FIELDS.items():
        if person.ids.get(kind):
            part = f"coalesce(list_contains($ids_{kind}, json_extract_string(data, '$.\"{name}\"')), false)"
            if kind == "user":
                part += "".join(f" and not starts_with(coalesce(event_type, ''), '{prefix}')" for prefix in STAFFED)
            parts.append(f"({part})")
            values[f"ids_{kind}"] = person.ids[kind]
    return f"tenant_id = $tenant and coalesce({' or '.join(parts) or 'false'}, false)", {
        "tenant": person.tenant_id,
        **values,
    }


def _own_data(con: duckdb.DuckDBPyConnection, person: Person) -> list[dict[str, Any]]:
    condition, values = _own_condition(person)
    rows = con.execute(f"select distinct data from raw.events where {condition}", values).fetchall()
    return [json.loads(text) for (text,) in rows]


def _own_rejects(con: duckdb.DuckDBPyConnection, person: Person) -> list[dict[str, Any]]:
    texts = _rejected_texts(con, [value for _, value in person.id_pairs])
    # What another tenant has sent is of somebody else, even if the id is the same.
    return [data for tenant, data in _told_of(texts, person)[0] if tenant == person.tenant_id]


def _rejected_texts(con: duckdb.DuckDBPyConnection, ids: list[str]) -> list[str]:
    rows = con.execute(
        "select raw_text from raw.rejected_events where list_bool_or(list_transform($ids, "
        "lambda one: contains(raw_text, one)))",
        {"ids": ids},
    ).fetchall()
    return [str(text) for (text,) in rows]


def _names(text: str, value: str) -> bool:
    """Whether an id stands in a text, and not as a part of a longer one."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", text) is not None


def _told_of(texts: list[str], person: Person) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Tenant and data of those texts that are events about one of the person's ids; and those that are no events.

    An event of whatever tenant that can be read, and names the id in no field of its own, is of neither.
    """
    found, unreadable = [], []
    for text in texts:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            event = None
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(data, dict):
            unreadable.append(text)
        elif any(
            str(data.get(name)) in person.ids.get(kind, []) for name, kind in own_fields(str(event.get("type"))).items()
        ):
            found.append((str(event.get("tenantid") or contracts.envelope.DEFAULT_TENANT), data))
    return found, unreadable


def _of_several(kind: str, value: str, tenants: list[str]) -> UsageError:
    return UsageError(
        f"The {kind} {value} exists in several tenants.",
        why="they are: " + ", ".join(tenants),
        todo="Name one with --tenant.",
    )


def _shared(con: duckdb.DuckDBPyConnection, person: Person) -> set[str]:
    """Values that events of others carry in a field of the same meaning, and ids that name something else as well."""
    condition, values = _own_condition(person)
    shared: set[str] = set()
    for kind, wanted in (("email", person.emails), ("phone", person.phones), ("name", person.names)):
        paths = [f'$."{name}"' for name, one in personal_fields().items() if one == kind]
        if not wanted:
            continue
        rows = con.execute(
            "select distinct value from (select unnest(json_extract_string(data, $paths)) as value from raw.events "
            f"where not ({condition})) "
            "where list_contains($wanted, lower(trim(value)))",
            {**values, "paths": paths, "wanted": [value.lower() for value in wanted]},
        ).fetchall()
        others = {str(row[0]).strip().lower() for row in rows}
        shared |= {value for value in wanted if value.lower() in others}
    if person.full_names:
        names = [name.lower() for name in person.names]
        rows = con.execute(
            "select distinct first, last from (select trim(json_extract_string(data, '$.first_name')) as first, "
            f"trim(json_extract_string(data, '$.last_name')) as last from raw.events where not ({condition})) "
            "where list_contains($names, lower(first)) and list_contains($names, lower(last))",
            {**values, "names": names},
        ).fetchall()
        namesakes = {name.lower() for first, last in rows for name in _full_names(first, last)}
        shared |= {name for name in person.full_names if name.lower() in namesakes}
    for kind, value in person.id_pairs:
        row = con.execute(
            "select 1 from facts.fact_identity where id_value = ? and not (tenant_id = ? and id_kind = ?) limit 1",
            [value, person.tenant_id, kind],
        ).fetchone()
        mine = {pair for pair in person.id_pairs if pair[1] == value}
        if row is not None and len(mine) == 1:
            shared.add(value)
    return shared
