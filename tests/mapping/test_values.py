"""What one value becomes: every take, every modifier, every kind, with answers written by hand."""

from decimal import Decimal
from json import loads

import pytest


def texts(outcome, field):
    return [data.get(field) for data in outcome.data()]


def test_a_column_is_trimmed_and_an_empty_one_is_left_out(deals):
    outcome = deals("id,name\n1,  Acme \n2,   \n3,\n", 'title = { column = "name" }')
    assert outcome.data() == [{"deal_id": "1", "title": "Acme"}, {"deal_id": "2"}, {"deal_id": "3"}]


def test_trim_and_null_values_can_be_said_for_the_file(deals):
    outcome = deals(
        "id,name\n1,  Acme \n2,NULL\n3,-\n",
        'title = { column = "name" }',
        top='trim = false\nnull_values = ["", "NULL", "-"]',
    )
    assert texts(outcome, "title") == ["  Acme ", None, None]


def test_constants_have_the_kind_of_their_field(deals):
    outcome = deals(
        "id\n1\n",
        'pipeline = "b2b"\namount = 12.5\nexpected_close_date = 2024-03-01\ntitle = { value = "{x}" }',
    )
    assert outcome.data() == [
        {
            "deal_id": "1",
            "pipeline": "b2b",
            "amount": 12.5,
            "expected_close_date": "2024-03-01",
            "title": "{x}",
        }
    ]


def test_a_template_joins_texts_and_columns_and_is_empty_when_one_is(deals):
    outcome = deals("id,a,b\n1,x,y\n2,x,\n", 'title = "{{{a}}}-{b}!"')
    assert texts(outcome, "title") == ["{x}-y!", None]


def test_coalesce_takes_the_first_that_is_not_empty(deals):
    outcome = deals(
        "id,a,b\n1,x,y\n2,,y\n3,,\n",
        'title = { coalesce = [{ column = "a" }, { column = "b" }, "none"] }',
    )
    assert texts(outcome, "title") == ["x", "y", "none"]


def test_coalesce_reports_a_bad_value_only_where_it_counts(deals):
    outcome = deals(
        "id,a,b\n1,5,oops\n2,,7\n3,oops,7\n4,,oops\n",
        'amount = { coalesce = [{ column = "a" }, { column = "b" }] }',
    )
    assert [(data["deal_id"], data["amount"]) for data in outcome.data()] == [("1", 5), ("2", 7)]
    assert [row["line"] for row in outcome.unmapped] == [4, 5]


def test_a_map_refuses_what_it_does_not_know_unless_told_otherwise(deals):
    content = "id,p\n1,GTXPro\n2,MG\n3,\n"
    refused = deals(content, 'title = { column = "p", map = { GTXPro = "GTX Pro" } }')
    assert texts(refused, "title") == ["GTX Pro", None]
    assert [row["raw_text"] for row in refused.unmapped] == ["2,MG"]
    assert "'MG' (column p) is not in the map" in refused.unmapped[0]["message"]
    kept = deals(content, 'title = { column = "p", map = { GTXPro = "GTX Pro" }, unmapped = "keep" }')
    assert texts(kept, "title") == ["GTX Pro", "MG", None]
    emptied = deals(
        content, 'title = { column = "p", map = { GTXPro = "GTX Pro" }, unmapped = "empty", default = "?" }'
    )
    assert texts(emptied, "title") == ["GTX Pro", "?", "?"]


def test_a_map_may_lead_to_numbers_while_others_are_converted(deals):
    outcome = deals(
        'id,a\n1,none\n2,"1,5"\n3,x\n',
        'amount = { column = "a", map = { none = 0.25 }, unmapped = "keep", decimal = "," }',
    )
    assert texts(outcome, "amount") == [0.25, 1.5]
    assert [row["line"] for row in outcome.unmapped] == [4]


def test_case_remove_and_null_values_come_before_the_map(deals):
    outcome = deals(
        "id,p\n1,~Gold~\n2,GOLD\n3,n/a\n",
        'title = { column = "p", remove = "~", null_values = ["n/a"], case = "lower", map = { gold = "G" } }',
    )
    assert texts(outcome, "title") == ["G", "G", None]


@pytest.mark.parametrize(
    ("written", "options", "expected"),
    [
        ("1054", "", "1054"),
        ("007.50", "", "7.50"),
        ("-0.5", "", "-0.5"),
        ("+3", "", "3"),
        (".5", "", "0.5"),
        ("5.", "", "5"),
        ("1e3", "", "1e3"),
        ("12345678901234567890.12", "", "12345678901234567890.12"),
        ("1.234.567,89", 'decimal = ",", thousands = "."', "1234567.89"),
        ("1 234,5", 'decimal = ",", thousands = " "', "1234.5"),
        ("$1,234.50", 'thousands = ",", remove = "$"', "1234.50"),
        ("1999", "divide_by = 100", "19.99"),
        ("1.5", "multiply_by = 1000000", "1500000.0"),
    ],
)
def test_numbers_keep_their_digits(deals, written, options, expected):
    comma = ", " if options else ""
    con = deals(f"id;a\n1;{written}\n", f'amount = {{ column = "a"{comma}{options} }}', top='delimiter = ";"')
    assert con.unmapped == []
    assert con.data()[0]["amount"] == loads(expected)


def test_money_is_exact_in_the_stored_json(deals, tmp_path):
    outcome = deals("id,a\n1,10005534.10\n", 'amount = { column = "a" }')
    assert Decimal(str(outcome.data()[0]["amount"])) == Decimal("10005534.1")


@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("abc", ""),
        ("1,234", ""),
        ("1,23,4", ', thousands = ","'),
        ("12,34", ', thousands = ","'),
        ("1.5", ', decimal = ","'),
        ("--1", ""),
        ("NaN", ""),
        ("inf", ""),
        ("1e999", ""),
        ("0x10", ""),
        ("١٢", ""),
    ],
)
def test_what_is_no_number_is_refused_with_a_sentence(deals, written, options):
    outcome = deals(f"id;a\n1;{written}\n2;3\n", f'amount = {{ column = "a"{options} }}', top='delimiter = ";"')
    assert texts(outcome, "amount") == [3]
    (row,) = outcome.unmapped
    assert (row["line"], row["reason"], row["event_type"]) == (2, "unmappable_row", "crm.deal.created")
    assert f"data.amount: '{written}' (column a) is not a number" in row["message"]


def test_integers_and_booleans(mapped):
    text = """
name = "x"
[[input]]
name = "x"
files = "x.csv"
[[event]]
name = "account"
type = "crm.account.upserted"
source = "crm"
id = "a-{id}"
time = 2024-01-01
data = { account_id = { column = "id" }, name = { column = "id" }, size = { column = "n" } }
[[event]]
name = "feature"
type = "app.feature.used"
source = "app"
id = "f-{id}"
time = 2024-01-01
data = { user_id = { column = "id" }, feature = "x", is_key = { column = "b" } }
"""
    outcome = mapped(text, x__csv="id,n,b\n1,12,True\n2,12.0,no\n3,12.5,maybe\n")
    assert [data.get("size") for data in outcome.data() if "name" in data] == [12, 12]
    assert [data.get("is_key") for data in outcome.data() if "feature" in data] == [True, False]
    assert [(row["line"], row["event_type"]) for row in outcome.unmapped] == [
        (4, "crm.account.upserted"),
        (4, "app.feature.used"),
    ]


def test_a_list_of_texts_is_split_and_tidied(mapped):
    text = """
name = "x"
[[input]]
name = "x"
files = "x.csv"
[[event]]
name = "updated"
type = "crm.deal.updated"
source = "crm"
id = "u-{id}"
time = 2024-01-01
data = { deal_id = { column = "id" }, evidence_refs = { column = "refs", split = ";" } }
"""
    outcome = mapped(text, x__csv='id,refs\n1,a; b;;"c\n2,\n'.replace('"', ""))
    assert outcome.data() == [{"deal_id": "1", "evidence_refs": ["a", "b", "c"]}, {"deal_id": "2"}]


def test_computed_columns_build_on_each_other_and_keep_their_kind(deals):
    outcome = deals(
        'id,net,tax\n1,"1.000,5","0,5"\n2,x,"0,5"\n',
        'amount = { column = "plain" }\ntitle = "{label} {plain}"',
        top='''decimal = ","
thousands = "."
[input.computed]
plain = { column = "net", type = "number" }
label = "no. {id}"''',
    )
    assert outcome.data() == [{"deal_id": "1", "amount": 1000.5, "title": "no. 1 1000.5"}]
    (row,) = outcome.unmapped
    assert row["event_type"] is None
    assert "computed.plain: 'x' (column net) is not a number" in row["message"]


def test_extra_fields_are_kept_beside_those_of_the_contract(deals):
    outcome = deals(
        "id,x\n1,7\n",
        block="""extra.is_assumed = true
extra.note = { column = "x" }
extra.'odd "key' = { column = "x", type = "integer" }""",
    )
    assert outcome.data() == [{"deal_id": "1", "is_assumed": True, "note": "7", 'odd "key': 7}]


def test_an_empty_id_or_time_is_refused_and_says_which_column(deals):
    outcome = deals("id,at\n1,\n2,2024-05-06\n", time='{ column = "at" }')
    assert [event["id"] for event in outcome.events] == ["deal-2"]
    assert "time: an event needs it, and column at is empty" in outcome.unmapped[0]["message"]


def test_the_envelope(mapped):
    text = """
name = "x"
[defaults]
source = "crm"
tenantid = "acme"
actor = "system"
[[input]]
name = "x"
files = "x.csv"
[[event]]
name = "won"
type = "crm.deal.won"
id = "won-{id}"
source = { column = "by", map = { L = "legal" }, unmapped = "empty", default = "docflow" }
subject = { column = "id" }
time = { column = "at" }
actor = { column = "who" }
data = { deal_id = { column = "id" } }
[[event]]
name = "lost"
type = "crm.deal.lost"
id = "lost-{id}"
time = { column = "at" }
data = { deal_id = { column = "id" }, lost_reason = "not given" }
"""
    outcome = mapped(text, x__csv="id,by,at,who\n1,L,2024-05-06T10:00:00+02:00,ann\n")
    keys = ("specversion", "id", "source", "type", "subject", "time", "tenantid", "actor", "file", "line")
    assert [tuple(event[key] for key in keys) for event in outcome.events] == [
        (
            "1.0",
            "won-1",
            "legal",
            "crm.deal.won",
            "1",
            "2024-05-06T08:00:00.000000Z",
            "acme",
            "ann",
            "x.csv",
            2,
        ),
        (
            "1.0",
            "lost-1",
            "crm",
            "crm.deal.lost",
            None,
            "2024-05-06T08:00:00.000000Z",
            "acme",
            "system",
            "x.csv",
            2,
        ),
    ]
