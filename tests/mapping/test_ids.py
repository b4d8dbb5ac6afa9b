"""Ids: templates, digests of the row, and what keeps them the same."""

import hashlib
import json

TEXT = """
name = "x"
[[input]]
name = "x"
files = "*.csv"
[[event]]
name = "won"
type = "crm.deal.won"
source = "crm"
{id}
time = 2024-01-01
data = {{ deal_id = {{ column = "d" }} }}
[[event]]
name = "again"
type = "crm.deal.won"
source = "crm"
{id}
time = 2024-01-02
data = {{ deal_id = {{ column = "d" }} }}
"""


def by_day(outcome, day):
    return [event["id"] for event in outcome.events if event["time"].startswith(f"2024-01-0{day}")]


def test_without_an_id_it_is_a_digest_of_type_event_and_row(mapped):
    outcome = mapped(TEXT.format(id=""), a__csv="d,n\n1,é\n1,\n1,é\n")
    content = "\x1f".join(
        ["crm.deal.won", "won", json.dumps({"d": "1", "n": "é"}, ensure_ascii=False, separators=(",", ":"))]
    )
    first, second, third = by_day(outcome, 1)
    assert first == hashlib.sha256(content.encode()).hexdigest()[:32]
    assert first == third  # an equal row is a duplicate
    assert first != second
    assert not set(by_day(outcome, 1)) & set(by_day(outcome, 2))


def test_the_order_of_the_columns_does_not_matter(mapped, tmp_path):
    one = by_day(mapped(TEXT.format(id=""), a__csv="d,n\n1,2\n"), 1)
    (tmp_path / "a.csv").unlink()
    assert by_day(mapped(TEXT.format(id=""), b__csv="n,d\n2,1\n"), 1) == one


def test_a_digest_of_named_columns_ignores_the_others(mapped):
    outcome = mapped(TEXT.format(id='id = { hash = "d" }'), a__csv="d,n\n1,2\n1,3\n2,2\n")
    first, second, third = by_day(outcome, 1)
    assert first == second != third
