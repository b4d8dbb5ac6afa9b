"""Columns from a second file, found by key."""

import pytest

from warehouse.sources.mapping import MappingError

TEXT = """
name = "x"
[[input]]
name = "deals"
files = "deals.csv"
  [input.computed]
  product = {{ column = "p", map = {{ GTXPro = "GTX Pro" }}, unmapped = "keep" }}
[[lookup]]
name = "products"
files = "products*.csv"
key = {key}
[[event]]
name = "created"
type = "crm.deal.created"
source = "crm"
id = "{{id}}"
time = 2024-01-01
  [event.data]
  deal_id = {{ column = "id" }}
  amount = {{ lookup = "products", by = {by}, column = "price"{more} }}
"""
PRODUCTS = "name,region,price\nGTX Pro,EU,4821\nMG,EU,55\nMG,US,60\n"


def amounts(outcome):
    return [(data["deal_id"], data.get("amount")) for data in outcome.data()]


def test_a_lookup_by_one_column(mapped):
    text = TEXT.format(key='"name"', by='"product"', more="")
    outcome = mapped(text, deals__csv="id,p\n1,GTXPro\n2,none\n3,\n", products__csv=PRODUCTS.replace("MG,US,60\n", ""))
    assert amounts(outcome) == [("1", 4821), ("2", None), ("3", None)]


def test_a_missing_key_can_be_refused(mapped):
    text = TEXT.format(key='"name"', by='"product"', more=', missing = "reject"')
    outcome = mapped(text, deals__csv="id,p\n1,GTXPro\n2,none\n3,\n", products__csv="name,price\nGTX Pro,4821\n")
    assert amounts(outcome) == [("1", 4821), ("3", None)]
    assert "'none' (column product) is no key of lookup 'products'" in outcome.unmapped[0]["message"]


def test_a_lookup_by_two_columns(mapped):
    text = TEXT.format(key='["name", "region"]', by='["product", "r"]', more=', missing = "reject"')
    outcome = mapped(text, deals__csv="id,p,r\n1,MG,EU\n2,MG,US\n3,MG,JP\n4,MG,\n", products__csv=PRODUCTS)
    assert amounts(outcome) == [("1", 55), ("2", 60), ("4", None)]
    assert "'MG, JP'" in outcome.unmapped[0]["message"]


def test_parts_of_a_key_do_not_run_into_each_other(mapped):
    text = TEXT.format(key='["name", "region"]', by='["product", "r"]', more="")
    outcome = mapped(text, deals__csv="id,p,r\n1,a,bc\n2,ab,c\n", products__csv="name,region,price\na,bc,1\nab,c,2\n")
    assert amounts(outcome) == [("1", 1), ("2", 2)]


def test_several_files_make_one_lookup(mapped):
    text = TEXT.format(key='"name"', by='"product"', more="")
    outcome = mapped(
        text,
        deals__csv="id,p\n1,a\n2,b\n",
        products_1__csv="name,price\na,1\n",
        products_2__csv="price,name\n2,b\n",
    )
    assert amounts(outcome) == [("1", 1), ("2", 2)]


def test_a_key_that_occurs_twice_is_an_error_unless_the_rows_are_alike(mapped):
    text = TEXT.format(key='"name"', by='"product"', more="")
    deals = "id,p\n1,MG\n"
    assert amounts(mapped(text, deals__csv=deals, products__csv="name,price\nMG,1\nMG,1\n")) == [("1", 1)]
    with pytest.raises(MappingError, match="the key 'MG' more than once"):
        mapped(text, deals__csv=deals, products__csv=PRODUCTS)


def test_an_empty_lookup_finds_nothing(mapped):
    text = TEXT.format(key='"name"', by='"product"', more=', missing = "reject"')
    outcome = mapped(text, deals__csv="id,p\n1,MG\n2,\n", products__csv="name,price\n")
    assert amounts(outcome) == [("2", None)]
    assert len(outcome.unmapped) == 1


def test_a_lookup_that_cannot_be_read_is_an_error(mapped):
    text = TEXT.format(key='"name"', by='"product"', more="")
    with pytest.raises(MappingError, match="Line 3 of lookup 'products' cannot be read"):
        mapped(text, deals__csv="id,p\n1,MG\n", products__csv="name,price\nMG,1\nGTX\n")


def test_a_lookup_in_an_id(mapped):
    text = (
        TEXT.format(key='"name"', by='"product"', more="")
        .replace("product = {", 'code = { lookup = "products", by = "p", column = "price" }\n  product = {')
        .replace('id = "{id}"', 'id = "{id}-{code}"')
    )
    outcome = mapped(text, deals__csv="id,p\n1,MG\n", products__csv="name,price\nMG,7\n")
    assert [event["id"] for event in outcome.events] == ["1-7"]


def test_a_lookup_is_checked_before_anything_is_landed(load, tmp_path):
    (tmp_path / "deals.csv").write_text("id,p\n1,MG\n")
    (tmp_path / "products.csv").write_text(PRODUCTS)
    with pytest.raises(MappingError, match="more than once"):
        load(TEXT.format(key='"name"', by='"product"', more="")).files(tmp_path)
