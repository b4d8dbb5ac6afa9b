"""The worked example and the tables of docs/mapping.md are what the code does."""

import re
from typing import get_args

import pytest

from warehouse.settings import PROJECT_DIR
from warehouse.sources.mapping.parse import _CONVENTIONS, _READING
from warehouse.sources.mapping.parse_values import _BY_KIND, _COMMON, _TAKES
from warehouse.sources.mapping.spec import KINDS, Operator

TEXT = (PROJECT_DIR / "docs" / "mapping.md").read_text(encoding="utf-8")


def block(heading):
    """The code block after the first mention of `heading`."""
    return re.search(re.escape(heading) + r".*?```(?:toml)?\n(.*?)```", TEXT, re.DOTALL)[1]


def table_after(sentence):
    """Cells of the table that follows a sentence."""
    lines = TEXT.split(sentence, 1)[1].split("\n\n")[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_worked_example(mapped):
    outcome = mapped(
        block("`mapping.toml`:"),
        deals__csv=block("`deals.csv`, as a system"),
        products__csv=block("`products.csv`:"),
    )
    made = []
    for line, event, time, data in table_after("What comes out, times in UTC"):
        fields = dict(field.split(" ", 1) for field in data.split(", "))
        made.append((int(line), event.strip("`"), time, fields))
    found = [
        (
            event["line"],
            event["id"],
            event["time"].replace(".000000Z", "Z"),
            {key: f"{value:.2f}" if isinstance(value, float) else str(value) for key, value in event["data"].items()},
        )
        for event in outcome.events
    ]
    assert found == made
    refused = table_after("and what does not, kept among the rejects")
    assert len(refused) == len(outcome.unmapped) == 2
    for (line, event, why), row in zip(refused, outcome.unmapped, strict=True):
        assert row["line"] == int(line)
        assert f'[[event]] "{event}", {why}' in row["message"]
    assert f"`{outcome.result.note}`" in TEXT


@pytest.mark.parametrize("word", [*_READING, *_CONVENTIONS, *_TAKES, *_BY_KIND, *_COMMON, *KINDS, *get_args(Operator)])
def test_every_word_of_the_language_is_described(word):
    assert re.search(rf"[`{{ ]{word}[` ]", TEXT)
