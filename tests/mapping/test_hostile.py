"""Texts that would be code if they were pasted into SQL, JSON, a pattern or a path."""

import csv
import json

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.sources.mapping import Mapping

HOSTILE = [
    "'; drop table incoming; --",
    '"; drop table incoming; --',
    '{"a": 1}',
    '\\", "deal_id": "other',
    "$1 ? :x {id} {{id}} %s",
    "^.*$",
    "c:id",
    "\x00\x1f\x7f\\u0000",
    "‮txt.exe💥",
    "=cmd|' /C calc'!A0",
]


def toml(text):
    """A TOML string, which is a JSON string but for one sign."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.mark.parametrize("text", HOSTILE)
def test_values_come_through_as_they_are(deals, text):
    quoted = text.replace('"', '""')
    outcome = deals(f'id,name\n"{quoted}","{quoted}"\n', 'title = { column = "name" }', top="trim = false")
    assert outcome.unmapped == []
    assert outcome.events[0]["id"] == f"deal-{text}"
    assert outcome.data() == [{"deal_id": text, "title": text}]


@pytest.mark.parametrize("text", [one for one in HOSTILE if "\x00" not in one and "{id}" not in one])
def test_names_and_constants_come_through_as_they_are(mapped, text):
    written = toml(text)
    quoted = text.replace('"', '""')
    mapping = f"""
name = "x"
[[input]]
name = "x"
files = "x.csv"
[input.computed]
{toml("computed " + text)} = {{ column = {written} }}
[[event]]
name = "created"
type = "crm.deal.created"
source = {{ value = {written} }}
id = "{{id}}"
time = 2024-01-01
when = {{ column = {written}, equals = {written} }}
[event.data]
deal_id = {{ column = {toml("computed " + text)}, map = {{ {written} = {written} }} }}
title = {{ value = {written} }}
stage = {{ column = "empty", default = {written} }}
[event.extra]
{written} = {{ column = {written} }}
"""
    outcome = mapped(mapping, x__csv=f'id,empty,"{quoted}"\n1,,"{quoted}"\n2,,other\n')
    assert outcome.data() == [{"deal_id": text, "title": text, "stage": text, text: text}]
    assert outcome.events[0]["source"] == text
    assert outcome.result.skipped == 1


def test_a_refused_value_is_quoted_in_the_message(deals):
    for text in HOSTILE[:2]:
        quoted = text.replace('"', '""')
        outcome = deals(f'id,n\n1,"{quoted}"\n', 'amount = { column = "n" }')
        assert text in outcome.unmapped[0]["message"]


def test_the_name_of_the_table_must_be_an_identifier(load, tmp_path):
    mapping = load(
        'name="x"\n[[input]]\nname="x"\nfiles="x.csv"\n[[event]]\nname="w"\ntype="crm.deal.won"\nsource="crm"\n'
        'id="{id}"\ntime=2024-01-01\ndata.deal_id={column="id"}\n'
    )
    with pytest.raises(ValueError, match="not an identifier"):
        mapping.read(duckdb.connect(), {}, "x; drop table y")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=5))
def test_any_text_survives_csv_mapping_and_json(tmp_path_factory, texts):
    class Field:
        name, kind, required, choices = "deal_id", "text", True, ()

    class Contract:
        @staticmethod
        def fields():
            return [Field]

    mapping = Mapping(
        'name="x"\n[[input]]\nname="x"\nfiles="x.csv"\ntrim=false\n[[event]]\nname="w"\ntype="t"\nsource="crm"\n'
        'id="{n}"\ntime=2024-01-01\ndata.deal_id={column="text"}\n',
        "x.toml",
        {"t": Contract},
    )
    path = tmp_path_factory.mktemp("any") / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["n", "text"])
        writer.writerows(enumerate(texts))
    con = duckdb.connect()
    mapping.read(con, {"x:x.csv": path}, "incoming")
    found = con.execute("select data from incoming order by row_number").fetchall()
    assert [json.loads(data).get("deal_id", "") for (data,) in found] == texts
    assert con.execute("select count(*) from incoming_unmapped").fetchone() == (0,)
