"""The envelope's rules, by hand-made attributes, and the JSON Schema of whole events."""

import re

import pytest
from jsonschema import Draft202012Validator

from tests.contracts.test_json_schema import FORMATS
from warehouse import contracts
from warehouse.contracts import envelope

EVENT = envelope.example(contracts.get("crm.deal.won"))
OF_ALL = Draft202012Validator(envelope.json_schema(), format_checker=FORMATS)
OF_ONE = Draft202012Validator(envelope.json_schema(contracts.get("crm.deal.won")), format_checker=FORMATS)


def is_valid(**changed: object) -> bool:
    event = {key: value for key, value in {**EVENT, **changed}.items() if value is not ...}
    verdict = OF_ONE.is_valid(event)
    assert verdict == OF_ALL.is_valid(event)
    return verdict


@pytest.mark.parametrize("attribute", ["id", "source", "type", "time", "data"])
def test_required_attributes(attribute):
    assert is_valid()
    assert not is_valid(**{attribute: ...})
    assert not is_valid(**{attribute: None})


@pytest.mark.parametrize("attribute", ["specversion", "subject", "tenantid", "actor"])
def test_optional_attributes_may_be_absent_or_null_but_not_empty(attribute):
    assert is_valid(**{attribute: ...})
    assert is_valid(**{attribute: None})
    assert not is_valid(**{attribute: ""})


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        ("specversion", ["1.0"], ["0.3", "1", "1.0.0", 1.0]),
        ("id", ["1", "x" * 200], ["", "x" * 201, 7]),
        (
            "source",
            ["crm", "web-2", "media.push", "a"],
            ["", "CRM", "Crm", "my crm", "/crm", "crm\n", "9crm", "x" * 101],
        ),
        (
            "time",
            ["2025-03-14T09:30:00Z"],
            ["2025-03-14T09:30:00", "2025-02-30T09:30:00Z", "now", 1741944600],
        ),
        ("data", [{"deal_id": "d", "colour": "red"}], ["{}", [], {}, {"deal_id": 1}]),
        ("type", ["crm.deal.won"], ["crm.deal.wan", "", 1]),
        ("colour", ["red"], []),
    ],
)
def test_values_of_attributes(attribute, good, bad):
    assert [value for value in good if not is_valid(**{attribute: value})] == []
    assert [value for value in bad if is_valid(**{attribute: value})] == []


def test_constants_say_what_the_schema_says():
    properties = envelope.json_schema()["properties"]
    assert properties["id"]["maxLength"] == envelope.ID_MAX_LENGTH == 200
    assert properties["source"]["pattern"].startswith(envelope.SOURCE_PATTERN)
    assert properties["time"]["pattern"].startswith(envelope.TIME_PATTERN)
    assert envelope.MAX_AHEAD.total_seconds() == 86400
    assert (envelope.SPECVERSION, envelope.DEFAULT_TENANT) == ("1.0", "default")


@pytest.mark.parametrize(
    "source",
    [
        "crm",
        "media",
        "mediapush",
        "docflow",
        "legal",
        "dcm",
        "billing",
        "lms",
        "club",
        "web",
        "ads",
        "app",
        "support",
        "chat",
        "calendar",
        "shop",
        "finance",
        "survey",
        "identity",
        "dealhouse",
    ],
)
def test_the_sources_of_the_catalogue_are_taken(source):
    assert re.search(envelope.SOURCE_PATTERN, source)


def test_the_schema_of_all_types_judges_data_by_type():
    lost = {**EVENT, "type": "crm.deal.lost"}
    assert not OF_ALL.is_valid(lost)
    assert OF_ALL.is_valid({**lost, "data": {"deal_id": "d", "lost_reason": "price"}})


def test_every_contract_names_a_source_that_is_valid_and_a_subject_that_is_in_its_data():
    for contract in contracts.all().values():
        event = envelope.example(contract)
        assert OF_ALL.is_valid(event), contract.type
        assert event["subject"] is None or event["subject"] in event["data"].values()
