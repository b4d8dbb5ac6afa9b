"""Mistakes in a mapping are found on loading: file, block and key are named, and what is possible instead."""

import pytest

from warehouse.sources.mapping import MappingError
from warehouse.sources.mapping import load as load_file

GOOD = """
name = "x"
[[input]]
name = "deals"
files = "deals.csv"
[[lookup]]
name = "products"
files = "products.csv"
key = "name"
[[event]]
name = "created"
type = "crm.deal.created"
source = "crm"
id = "{id}"
time = { column = "at" }
[event.data]
deal_id = { column = "id" }
"""


def test_the_mapping_that_the_others_spoil_is_good(load):
    assert [event.name for event in load(GOOD).spec.events] == ["created"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "x"', "name = ", "not valid TOML"),
        ('name = "x"', "", "'name' is missing"),
        ('name = "x"', 'nam = "x"', "'nam' means nothing here.*key nam.*Did you mean 'name'"),
        ("[[input]]", "[[inputs]]", "'inputs' means nothing here.*Did you mean 'input'"),
        ("[[input]]", "[input]", r"must be written as blocks, \[\[input\]\]"),
        ('files = "deals.csv"', "", r'\'files\' is missing.*\[\[input\]\] "deals"'),
        ('files = "deals.csv"', 'files = "../deals.csv"', "leaves the folder"),
        ('files = "deals.csv"', 'files = "/etc/passwd"', "leaves the folder"),
        ('files = "deals.csv"', "files = []", "must be a text or a list of texts"),
        ('files = "deals.csv"', 'files = "deals.csv"\ncollapse = true', 'Add delimiter = " "'),
        ('files = "deals.csv"', 'files = "deals.csv"\ndelimiter = "||"', "'delimiter' must be one character"),
        ('files = "deals.csv"', 'files = "deals.csv"\nencoding = "utf-99"', "no encoding 'utf-99'"),
        ('files = "deals.csv"', 'files = "deals.csv"\nheader = false', "without a header needs 'columns'"),
        (
            'files = "deals.csv"',
            'files = "deals.csv"\ncolumns = ["a"]',
            "'columns' is for files without a header",
        ),
        ('files = "deals.csv"', 'files = "deals.csv"\nheader = "no"', "must be true or false"),
        ('files = "deals.csv"', 'files = "deals.csv"\nskip_lines = -1', "whole number from 0 on"),
        (
            'files = "deals.csv"',
            'files = "deals.csv"\nformat = "xlsx"',
            "'xlsx' is no format.*Possible: csv, parquet",
        ),
        ('files = "deals.csv"', 'files = "deals.csv"\ntime_zone = "Mars/Base"', "no time zone 'Mars/Base'"),
        ('files = "deals.csv"', 'files = "deals.csv"\ntime_of_day = "25:00:00"', "no time of day"),
        ('files = "deals.csv"', 'files = "deals.csv"\nthousands = "."', "thousands = '.' cannot be"),
        (
            'files = "deals.csv"',
            'files = "deals.csv"\ndate_format = "dd.mm.yyyy"',
            'has no directive.*Write "iso"',
        ),
        ('files = "deals.csv"', 'files = "deals.csv"\ndate_format = "%d.%m"', "It has no year"),
        (
            'files = "deals.csv"',
            'files = "deals.csv"\ntimestamp_format = "%Y-%m-%d %Q"',
            "'%Q' is no directive",
        ),
        ('files = "deals.csv"', 'files = "deals.csv"\ntimestamp_format = "%Y-%m-%d %I:%M"', "%I needs %p"),
        ('name = "products"', 'name = "deals"', "'deals' is used twice"),
        ('name = "products"', 'name = "Products!"', "'Products!' is no name"),
        ("[[event]]", "[[lookup]]", "means nothing here"),
        (
            'type = "crm.deal.created"',
            'type = "crm.deal.create"',
            "no event type.*key type.*'crm.deal.created'",
        ),
        (
            'type = "crm.deal.created"',
            'type = "crm.deal.created"\ninput = "deal"',
            "no input 'deal'.*'deals'",
        ),
        ('source = "crm"', "", "'source' is missing"),
        ('id = "{id}"', 'id = "1"', "The id is the same for every row"),
        ('id = "{id}"', 'id = "{id"', "a brace without a column"),
        ('id = "{id}"', 'id = "{}"', "a brace without a column"),
        ('time = { column = "at" }', "", "'time' is missing"),
        ('time = { column = "at" }', 'time = "soon"', "'soon' is no timestamp"),
        ('time = { column = "at" }', 'time = { colum = "at" }', "'colum' means nothing here.*'column'"),
        (
            'time = { column = "at" }',
            'time = { column = "at", value = 1 }',
            "exactly one of.*column and value",
        ),
        ('time = { column = "at" }', "time = { default = 2024-01-01 }", "none of them"),
        (
            'time = { column = "at" }',
            'time = { column = "at", decimal = "," }',
            "for a number or integer, and this is",
        ),
        ('time = { column = "at" }', 'time = { column = "at", default = "soon" }', "'soon' is no timestamp"),
        ('time = { column = "at" }', 'time = { hash = "at" }', "'hash' is for the id"),
        ('time = { column = "at" }', 'time = { coalesce = [{ column = "at" }] }', "at least two values"),
        (
            'time = { column = "at" }',
            'time = { coalesce = [{ column = "a" }, { column = "b", formt = "%Y" }] }',
            "key time.coalesce.2.formt",
        ),
        (
            'time = { column = "at" }',
            'time = { coalesce = [{ column = "a" }, { column = "b" }], format = "iso" }',
            "'format' means nothing here",
        ),
        ('deal_id = { column = "id" }', 'stage = "lead"', "requires the field 'deal_id'"),
        (
            'column = "id" }',
            'column = "id" }\namont = 1',
            r"no field 'amont'.*key data.amont.*'amount'.*extra.amont",
        ),
        ('column = "id" }', 'column = "id" }\namount = "much"', "'much' is no number"),
        ('column = "id" }', 'column = "id" }\namount = [1]', "is no value"),
        ('column = "id" }', 'column = "id" }\npipeline = "b2c"', "'b2c' is not allowed.*'b2b'"),
        (
            'column = "id" }',
            'column = "id" }\npipeline = { column = "p", map = { a = "b2b", b = "b2c" } }',
            "'b2c' is not allowed",
        ),
        ('column = "id" }', 'column = "id" }\ntitle = { column = "p", map = {} }', "'map' is empty"),
        (
            'column = "id" }',
            'column = "id" }\ntitle = { column = "p", unmapped = "keep" }',
            "there is no map",
        ),
        ('column = "id" }', 'column = "id" }\namount = { column = "p", divide_by = 0 }', "other than 0"),
        (
            'column = "id" }',
            'column = "id" }\ntitle = { lookup = "product", by = "p", column = "t" }',
            "'products'",
        ),
        (
            'column = "id" }',
            'column = "id" }\ntitle = { lookup = "products", by = ["a", "b"], column = "t" }',
            r"must name 1 column\(s\)",
        ),
        ('column = "id" }', 'column = "id" }\n[event.extra]\ntitle = "x"', "is a field of crm.deal.created"),
        ('source = "crm"', 'source = "crm"\nwhen = { column = "a" }', "compares with nothing"),
        ('source = "crm"', 'source = "crm"\nwhen = { column = "a", equal = 1 }', "Did you mean 'equals'"),
        ('source = "crm"', 'source = "crm"\nwhen = { column = "a", above = "5" }', "without quotes"),
        (
            'source = "crm"',
            'source = "crm"\nwhen = { column = "a", in = [1, "b"] }',
            "several kinds: number, text",
        ),
        ('source = "crm"', 'source = "crm"\nwhen = { column = "a", contains = 5 }', "needs a text"),
        (
            'source = "crm"',
            'source = "crm"\nwhen = { any = [], all = [] }',
            "means nothing here|list of conditions",
        ),
        (
            'source = "crm"',
            'source = "crm"\nwhen = { any = [{ all = [{ column = "a" }] }] }',
            "key when.any.1.all.1",
        ),
    ],
)
def test_a_mistake_is_named(load, old, new, message):
    assert old in GOOD
    with pytest.raises(MappingError, match=f"(?s){message}") as caught:
        load(GOOD.replace(old, new, 1))
    assert "test.toml" in str(caught.value)


def test_an_input_without_events_and_an_event_without_input_are_mistakes(load):
    two = GOOD.replace("[[lookup]]", '[[input]]\nname = "other"\nfiles = "o.csv"\n[[lookup]]')
    with pytest.raises(MappingError, match="'input' is missing"):
        load(two)
    with pytest.raises(MappingError, match=r"No \[\[event\]\] is made from input 'other'"):
        load(two.replace('type = "crm', 'input = "deals"\ntype = "crm'))


def test_a_mapping_that_is_not_there_says_so(tmp_path):
    with pytest.raises(MappingError, match="cannot be read"):
        load_file(tmp_path / "none.toml", {})


def test_the_text_is_kept_as_it_was(load):
    assert load(GOOD).text == GOOD
