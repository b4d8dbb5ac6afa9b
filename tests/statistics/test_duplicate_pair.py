"""What is entered twice in the sample company is found, and little else; what a human merged is not proposed again."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.laws.compiled import Event, Tables, engine
from warehouse.sample import write_company
from warehouse.statistics import duplicate_pair
from warehouse.statistics.duplicate_pair import company_key, domain_key, words

TYPES = ("crm.contact.upserted", "crm.account.upserted", "crm.contact.merged", "crm.account.merged")
Pair = tuple[str, str, str, str]


def events_of(paths: list[Path]) -> Iterator[Event]:
    """Events of contacts and accounts, once each."""
    seen = set()
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not any(f'"{name}"' in line for name in TYPES):
                continue
            event = json.loads(line)
            if (event["source"], event["id"]) not in seen:
                seen.add((event["source"], event["id"]))
                yield event


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return list(events_of(list(write_company(tmp_path_factory.mktemp("company"), days=400, accounts=300).files)))


@pytest.fixture(scope="module")
def proposed(log: list[Event]) -> dict[Pair, str]:
    return proposals(engine().build(log, models=["duplicate_candidate"]))


def proposals(tables: Tables) -> dict[Pair, str]:
    """Reasons of each pair that is proposed."""
    rows = tables.rows("marts.duplicate_candidate")
    return {(row["tenant_id"], row["kind"], row["left_id"], row["right_id"]): row["reasons"] for row in rows}


def entered_twice(log: list[Event]) -> tuple[set[Pair], set[Pair]]:
    """The pairs that the sample plants, and those of them that somebody merged."""
    twice, merged = set(), set()
    for event in log:
        tenant, data, kind = event.get("tenantid", "default"), event["data"], event["type"].split(".")[1]
        if event["type"].endswith(".merged"):
            merged.add((tenant, kind, *sorted((data["winner_id"], data["loser_id"]))))
        elif data[f"{kind}_id"].endswith("-X"):
            twice.add((tenant, kind, data[f"{kind}_id"].removesuffix("-X"), data[f"{kind}_id"]))
    return twice, merged


def test_what_was_entered_twice_is_found_and_little_else(log: list[Event], proposed: dict[Pair, str]) -> None:
    twice, merged = entered_twice(log)
    wanted = twice - merged
    found = wanted & proposed.keys()
    assert {kind for _, kind, *_ in wanted} == {"contact", "account"}
    assert len(wanted) >= 20
    assert len(found) / len(wanted) >= 0.95
    assert len(found) / len(proposed) >= 0.95


def test_what_a_human_merged_is_not_proposed(log: list[Event], proposed: dict[Pair, str]) -> None:
    _, merged = entered_twice(log)
    assert merged
    assert not merged & proposed.keys()


def test_reasons_name_nobody(log: list[Event], proposed: dict[Pair, str]) -> None:
    likenesses = {
        f"{how} {what}"
        for how in ("same", "similar")
        for what in (
            "e-mail", "phone", "name", "account", "city", "birth year", "web domain", "country", "industry",
        )
    }  # fmt: skip
    assert {reason for reasons in proposed.values() for reason in reasons.split(", ")} <= likenesses


def contact(number: int, **fields: Any) -> Event:
    return {
        "source": "crm",
        "id": f"c{number}",
        "type": "crm.contact.upserted",
        "time": f"2026-03-01T00:00:{number % 60:02}Z",
        "data": {"contact_id": f"c{number}", **fields},
    }


def account(number: int, **fields: Any) -> Event:
    return contact(number) | {
        "id": f"a{number}",
        "type": "crm.account.upserted",
        "data": {"account_id": f"a{number}", **fields},
    }


def merge(number: int, kind: str, winner: str, loser: str) -> Event:
    return contact(number) | {
        "id": f"m{number}",
        "type": f"crm.{kind}.merged",
        "data": {"winner_id": winner, "loser_id": loser},
    }


ANN = {"first_name": "Ann", "last_name": "Lée", "email": "ann@example.com", "phone": "+380 67 123-45-67"}


@pytest.mark.parametrize(
    ("first", "second", "reasons"),
    [
        (ANN, ANN | {"email": " ANN@example.com", "phone": None}, "same e-mail, same name"),
        (ANN, {"first_name": "LEE", "last_name": "ANN", "phone": "00380671234567"}, "same phone, same name"),
        (ANN, ANN | {"last_name": "Leee", "email": None}, "same phone, similar name"),
        (ANN, {"email": "ann@example.com"}, "same e-mail"),
        # A couple's address, an office's phone: other names.
        (
            ANN,
            {"first_name": "Robert", "last_name": "Kovac", "email": "ann@example.com", "phone": "+380671234568"},
            None,
        ),
        (ANN, {"first_name": "Robert", "last_name": "Kovac", "phone": "+380671234567"}, None),
        # Namesakes.
        (ANN, {"first_name": "Ann", "last_name": "Lee", "email": "other@example.com", "phone": "+15550100"}, None),
        ({"first_name": "Ann", "last_name": "Lee"}, {"first_name": "Ann", "last_name": "Lee"}, None),
        (
            {"first_name": "Ann", "last_name": "Lee", "account_id": "a1", "city": "Kyiv"},
            {"first_name": "Ann", "last_name": "Lee", "account_id": "a1", "city": "KYIV"},
            "same name, same account, same city",
        ),
        ({}, {}, None),
    ],
)
def test_contacts(first: dict[str, Any], second: dict[str, Any], reasons: str | None) -> None:
    found = proposals(engine().build([contact(1, **first), contact(2, **second)], models=["duplicate_candidate"]))
    assert found == ({} if reasons is None else {("default", "contact", "c1", "c2"): reasons})


@pytest.mark.parametrize(
    ("first", "second", "reasons"),
    [
        (
            {"name": "Acme LLC", "domain": "https://www.acme.example/en"},
            {"name": "ACME", "domain": "acme.example"},
            "same web domain, same name",
        ),
        (
            {"name": "ООО «Ромашка»", "country": "UA", "industry": "retail"},
            {"name": "Ромашка, ТОВ", "country": "UA", "industry": "retail"},
            "same name, same country, same industry",
        ),
        ({"name": "Redforge Labs 12", "country": "UA"}, {"name": "Redforge Labs 13", "country": "UA"}, None),
        ({"name": "Acme", "domain": "acme.example"}, {"name": "Acme", "domain": "acme.test"}, None),
    ],
)
def test_accounts(first: dict[str, Any], second: dict[str, Any], reasons: str | None) -> None:
    found = proposals(engine().build([account(1, **first), account(2, **second)], models=["duplicate_candidate"]))
    assert found == ({} if reasons is None else {("default", "account", "a1", "a2"): reasons})


def test_merges_reach_over_any_number_of_steps() -> None:
    log = [
        *(contact(number, **ANN) for number in range(1, 5)),
        merge(5, "contact", "c2", "c1"),
        merge(6, "contact", "c2", "c3"),
    ]
    found = {pair[2:] for pair in proposals(engine().build(log, models=["duplicate_candidate"]))}
    assert found == {("c1", "c4"), ("c2", "c4"), ("c3", "c4")}


def test_tenants_share_nobody() -> None:
    log = [contact(1, **ANN), contact(2, **ANN) | {"tenantid": "other"}]
    assert proposals(engine().build(log, models=["duplicate_candidate"])) == {}


def test_what_many_share_costs_no_pairs() -> None:
    crowd = [contact(number, email="info@example.com") for number in range(duplicate_pair.LARGEST_BLOCK + 1)]
    assert proposals(engine().build(crowd, models=["duplicate_candidate"])) == {}
    assert len(proposals(engine().build(crowd[1:], models=["duplicate_candidate"]))) == 50 * 49 // 2


def test_the_order_of_rows_changes_nothing(log: list[Event]) -> None:
    tables = engine().build(log, models=["duplicate_candidate"])
    frames = {name: pl.DataFrame(tables.rows(name), infer_schema_length=None) for name in duplicate_pair.READS}
    expected = duplicate_pair.compute(frames)
    rng = random.Random(3)
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=rng.randrange(99)) for name, frame in frames.items()}
    assert duplicate_pair.compute(shuffled).equals(expected)


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("https://www.Acme.example/en?x=1", "acme.example"),
        ("acme.example.", "acme.example"),
        ("acme.example:8080", "acme.example"),
        (" ", None),
        (None, None),
    ],
)
def test_domains(domain: str | None, key: str | None) -> None:
    assert domain_key(domain) == key


def test_names() -> None:
    assert words("José  de la-Cruz") == ["cruz", "de", "jose", "la"]
    assert company_key("The Limited") == "limited the"
    assert company_key("Acme GmbH & Co. KG") == "acme"
    assert company_key(None) is None
