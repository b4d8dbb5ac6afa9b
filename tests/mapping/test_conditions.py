"""Which rows become which events: every operator, their combinations, and the rows that nobody wants."""

import pytest

TEXT = """
name = "x"
[[input]]
name = "x"
files = "x.csv"
{top}
[[event]]
name = "won"
type = "crm.deal.won"
source = "crm"
id = "{{id}}"
time = 2024-01-01
when = {when}
data = {{ deal_id = {{ column = "id" }} }}
"""
ROWS = "id,stage,n,d\n1,Won,5,2024-01-31\n2,Lost,10,2024-02-01\n3,Work,,\n4,,-1,2023-12-31T23:59:00Z\n"


@pytest.mark.parametrize(
    ("when", "ids"),
    [
        ('{ column = "stage", equals = "Won" }', "1"),
        ('{ column = "stage", not_equals = "Won" }', "23"),
        ('{ column = "stage", in = ["Won", "Lost"] }', "12"),
        ('{ column = "stage", not_in = ["Won", "Lost"] }', "3"),
        ('{ column = "stage", present = true }', "123"),
        ('{ column = "stage", present = false }', "4"),
        ('{ column = "stage", starts_with = "Wo" }', "13"),
        ('{ column = "stage", contains = "o" }', "123"),
        ('{ column = "n", equals = 5.0 }', "1"),
        ('{ column = "n", in = [10, -1] }', "24"),
        ('{ column = "n", above = 5 }', "2"),
        ('{ column = "n", at_least = 5 }', "12"),
        ('{ column = "n", below = 5 }', "4"),
        ('{ column = "n", at_most = 5 }', "14"),
        ('{ column = "n", at_least = 0, below = 10 }', "1"),
        ('{ column = "d", at_least = 2024-01-01T00:00:00Z }', "12"),
        ('{ column = "d", below = 2024-02-01T00:00:00Z }', "14"),
        ('{ all = [{ column = "stage", present = true }, { column = "n", present = true }] }', "12"),
        ('{ any = [{ column = "stage", equals = "Won" }, { column = "n", below = 0 }] }', "14"),
        ('{ not = { column = "stage", equals = "Won" } }', "234"),
        ('{ not = { any = [{ column = "n", above = 0 }, { column = "stage", present = false }] } }', "3"),
    ],
)
def test_conditions(mapped, when, ids):
    outcome = mapped(TEXT.format(top="", when=when), x__csv=ROWS)
    assert "".join(event["id"] for event in outcome.events) == ids
    assert outcome.unmapped == []
    assert (outcome.result.inputs[0].rows, outcome.result.skipped) == (4, 4 - len(ids))


def test_a_value_that_cannot_be_compared_is_refused_not_filtered_away(mapped):
    outcome = mapped(TEXT.format(top="", when='{ column = "n", above = 5 }'), x__csv="id,n\n1,ten\n2,10\n")
    assert [event["id"] for event in outcome.events] == ["2"]
    assert "'ten' (column n) is not a number" in outcome.unmapped[0]["message"]
    assert outcome.result.skipped == 0


def test_a_filter_of_the_input_comes_before_all_events(mapped):
    outcome = mapped(
        TEXT.format(top='when = { column = "n", present = true }', when='{ column = "stage", present = true }'),
        x__csv=ROWS,
    )
    assert [event["id"] for event in outcome.events] == ["1", "2"]
    assert outcome.result.skipped == 2
    assert outcome.result.note == "x:x.csv: 4 rows, 2 events, 0 unmappable, 2 skipped by filter"


def test_every_row_is_accounted_for(mapped):
    outcome = mapped(
        TEXT.format(top="[input.computed]\nm = { column = 'n', type = 'integer' }", when='{ column = "m", above = 0 }'),
        x__csv="id,n\n1,5\n2,x\n3,-1\n4\n5,7\n",
    )
    one = outcome.result.inputs[0]
    assert (one.rows, one.events, one.refused, one.skipped) == (5, 2, 2, 1)


def test_computed_columns_compare_by_their_kind_whatever_the_file_writes(mapped):
    outcome = mapped(
        TEXT.format(
            top='delimiter = ";"\ndecimal = ","\n[input.computed]\nm = { column = "n", type = "number" }',
            when='{ column = "m", above = 9.5 }',
        ),
        x__csv="id;n\n1;9,4\n2;10,0\n",
    )
    assert [event["id"] for event in outcome.events] == ["2"]
