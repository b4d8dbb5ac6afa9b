"""Pairs of contacts, and of accounts, that may be one and the same: how probable it is, and what speaks for it.

Records are prepared here, and compared by splink (Fellegi and Sunter, 1969) with weights that are fixed in
:mod:`warehouse.statistics._duplicate_weights`: nothing is trained, so that equal records give equal probabilities in
every build. Only records that share something rare are compared at all. Nobody is merged here, and no name, address or
number leaves this module: reasons say what is alike, not what it is.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from warehouse.phone import e164_digits
from warehouse.statistics._duplicate_weights import ACCOUNT, CONTACT, Model

if TYPE_CHECKING:
    import polars as pl

READS = (
    "contacts.contact_detail",
    "facts.dim_account",
    "facts.dim_contact",
    "facts.fact_account_merge",
    "facts.fact_identity_link",
)
COLUMNS = {
    "tenant_id": "string",
    "kind": "string",
    "left_id": "string",
    "right_id": "string",
    "probability": "double",
    "reasons": "string",
}
LEAST_PROBABILITY = 0.05
LARGEST_BLOCK = 50
"""What more records than these share, such as the phone of a switchboard, tells nobody apart: it is not looked at.

It bounds the pairs per record, and so the time.
"""
NEIGHBOURS = 4
"""Records that stand this close in the alphabet are compared, so that an error in typing is found."""
LEGAL_FORMS = frozenset(
    [
        "ab",
        "ag",
        "ao",
        "as",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "gmbh",
        "inc",
        "incorporated",
        "kft",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "oy",
        "plc",
        "sa",
        "sarl",
        "spa",
        "srl",
        "sro",
        "the",
        "ао",
        "зао",
        "ип",
        "ооо",
        "оао",
        "пао",
        "пп",
        "прат",
        "тзов",
        "тов",
        "фоп",
    ]
)


def compute(tables: "Mapping[str, pl.DataFrame]") -> "pl.DataFrame":
    """Return one row per pair, ``left_id`` before ``right_id``; pairs that a person has merged are left out."""
    import polars as pl

    found = [
        _pairs("contact", _contacts(tables), CONTACT, _merged_contacts(tables["facts.fact_identity_link"])),
        _pairs("account", _accounts(tables["facts.dim_account"]), ACCOUNT, _merges(tables["facts.fact_account_merge"])),
    ]
    rows = pl.DataFrame(
        list(chain(*found)), schema={name: _TYPES[kind] for name, kind in COLUMNS.items()}, orient="row"
    )
    return rows.sort("tenant_id", "kind", "left_id", "right_id")


_TYPES: dict[str, Any] = {"string": str, "double": float}
Row = tuple[str, str, str, str, float, str]


def words(text: str | None) -> list[str]:
    """Words of a name, without case, accents and signs; the words of a name in two orders are the same."""
    plain = unicodedata.normalize("NFKD", (text or "").casefold())
    return sorted(re.findall(r"\w+", "".join(sign for sign in plain if not unicodedata.combining(sign))))


def company_key(name: str | None) -> str | None:
    """Name of a company without its legal form; None without a name."""
    found = words(name)
    return " ".join([word for word in found if word not in LEGAL_FORMS] or found) or None


def domain_key(domain: str | None) -> str | None:
    """Host of a web address, without ``www.``; None without one."""
    host = re.sub(r"^\s*(?:\w+://)?(?:www\.)?|[/:?#].*$|[\s.]+$", "", (domain or "").lower())
    return host or None


def _contacts(tables: "Mapping[str, pl.DataFrame]") -> "list[dict[str, Any]]":
    known = {(row["tenant_id"], row["contact_id"]): row for row in tables["facts.dim_contact"].iter_rows(named=True)}
    merged = _winners(tables["facts.fact_account_merge"])
    records = []
    for row in tables["contacts.contact_detail"].iter_rows(named=True):
        contact = known.get((row["tenant_id"], row["contact_id"]), {})
        account = (row["tenant_id"], contact.get("account_id"))
        records.append(
            {
                "tenant_id": row["tenant_id"],
                "record_id": row["contact_id"],
                "email": (row["email"] or "").strip().lower() or None,
                "phone": e164_digits(row["phone"]),
                "name": " ".join(words(f"{row['first_name'] or ''} {row['last_name'] or ''}")) or None,
                "account": merged.get(account, account[1]),
                "city": " ".join(words(contact.get("city"))) or None,
                "birth_year": None if contact.get("birth_year") is None else str(contact["birth_year"]),
            }
        )
    return records


def _accounts(accounts: "pl.DataFrame") -> "list[dict[str, Any]]":
    return [
        {
            "tenant_id": row["tenant_id"],
            "record_id": row["account_id"],
            "domain": domain_key(row["web_domain"]),
            "name": company_key(row["account_name"]),
            "country": row["country"],
            "industry": row["industry"],
        }
        for row in accounts.iter_rows(named=True)
    ]


def _winners(merges: "pl.DataFrame") -> dict[tuple[str, str | None], str]:
    return {
        (row["tenant_id"], row["account_id"]): row["merged_into_account_id"] for row in merges.iter_rows(named=True)
    }


def _merges(merges: "pl.DataFrame") -> dict[tuple[str, str], str]:
    """Group of each account that takes part in a merge: the account that is left."""
    groups = {}
    for row in merges.iter_rows(named=True):
        groups[row["tenant_id"], row["account_id"]] = row["merged_into_account_id"]
        groups[row["tenant_id"], row["merged_into_account_id"]] = row["merged_into_account_id"]
    return groups


def _merged_contacts(links: "pl.DataFrame") -> dict[tuple[str, str], str]:
    """Group of each contact that takes part in a merge: nothing but a merge links a contact to another one."""
    leader: dict[tuple[str, str], str] = {}

    def lead(tenant: str, contact: str) -> str:
        while (above := leader.setdefault((tenant, contact), contact)) != contact:
            contact = above
        return contact

    for row in links.iter_rows(named=True):
        ends = (row["lower_key"], row["higher_key"])
        if all(end.startswith("contact:") for end in ends):
            first, second = (lead(row["tenant_id"], end.removeprefix("contact:")) for end in ends)
            leader[row["tenant_id"], max(first, second)] = min(first, second)
    return {(tenant, contact): lead(tenant, contact) for tenant, contact in list(leader)}


def _pairs(
    kind: str, records: "list[dict[str, Any]]", model: Model, merged: Mapping[tuple[str, str], str]
) -> list[Row]:
    rows = []
    for tenant, one, other, probability, reasons in _compared(_blocked(records, model), model):
        left, right = sorted((one, other))
        group = merged.get((tenant, left))
        if group is None or group != merged.get((tenant, right)):
            rows.append((tenant, kind, left, right, probability, reasons))
    return rows


def _blocked(records: "list[dict[str, Any]]", model: Model) -> "list[dict[str, Any]]":
    """Return the records that share something with another one, but not with many; what they share is in ``by_…``."""
    ordered = sorted(records, key=lambda row: (row["tenant_id"], row["name"] or "", row["record_id"]))
    for place, row in enumerate(row for row in ordered if row["name"]):
        row["near"], row["near_too"] = place // NEIGHBOURS, (place + NEIGHBOURS // 2) // NEIGHBOURS
    columns = [*model.block_on, "near", "near_too"]
    size = Counter(
        (column, row["tenant_id"], row[column]) for row in ordered for column in columns if row.get(column) is not None
    )
    kept = []
    for number, row in enumerate(ordered):
        shared = {
            f"by_{column}": f"{row['tenant_id']}/{row[column]}"
            for column in columns
            if 1 < size[column, row["tenant_id"], row.get(column)] <= LARGEST_BLOCK
        }
        if shared:
            kept.append({**row, **shared, "unique_id": number})
    return kept


def _compared(records: "list[dict[str, Any]]", model: Model) -> "list[tuple[str, str, str, float, str]]":
    """Return the tenant, both ids, the probability and the reasons of each pair that shares a block."""
    if not records:
        return []
    import duckdb
    import polars as pl
    from splink import DuckDBAPI, Linker

    blocks = [f"by_{column}" for column in [*model.block_on, "near", "near_too"]]
    values = [comparison.column for comparison in model.comparisons]
    schema: dict[str, Any] = dict.fromkeys(["tenant_id", "record_id", *blocks, *values], pl.String) | {
        "unique_id": pl.Int64
    }
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in records], schema=schema)
    con = duckdb.connect(":memory:", config={"threads": 2})
    try:
        con.register("prepared", frame.to_arrow())
        con.execute("create table records as select * from prepared")
        linker = Linker(DuckDBAPI(con).register(con.table("records")), model.settings(blocks), log_level=None)
        predicted = linker.inference.predict(threshold_match_probability=LEAST_PROBABILITY)
        levels = ", ".join(f"pair.gamma_{value}" for value in values)
        rows = con.execute(
            f"select l.tenant_id, l.record_id, r.record_id, pair.match_probability, {levels} "
            f"from {predicted.physical_name} as pair "
            "inner join records as l on pair.unique_id_l = l.unique_id "
            "inner join records as r on pair.unique_id_r = r.unique_id"
        ).fetchall()
    finally:
        con.close()
    return [(*row[:4], _reasons(model, row[4:])) for row in rows]


def _reasons(model: Model, levels: "tuple[int, ...]") -> str:
    found = (comparison.reason(level) for comparison, level in zip(model.comparisons, levels, strict=True))
    return ", ".join(reason for reason in found if reason)
