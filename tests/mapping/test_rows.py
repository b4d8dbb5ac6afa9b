"""Files as they are in the wild: other signs and encodings, broken rows, compression, Parquet."""

import datetime as dt
import gzip

import polars as pl
import pytest
import zstandard

from warehouse.sources.mapping import MappingError

WON = """
name = "x"
[[input]]
name = "x"
files = ["x.csv", "x.parquet"]
{top}
[[event]]
name = "won"
type = "crm.deal.won"
source = "crm"
id = "{{id}}"
time = 2024-01-01
data = {{ deal_id = {{ column = "id" }}, amount = {{ column = "n" }} }}
"""


def ids(outcome):
    return [event["id"] for event in outcome.events]


def refusals(outcome):
    return [(row["line"], row["reason"], row["raw_text"]) for row in outcome.unmapped]


def test_broken_rows_are_kept_with_their_line_and_text_and_the_others_go_on(mapped):
    outcome = mapped(
        WON.format(top=""),
        x__csv='id,n\r\n"a\nb",1\r\n\r\nc\r\nd,2,3\r\n"e"f,4\r\ng,5\r\nh,x\r\n"i,6\r\n',
    )
    # The quoted line break makes the second record span lines 2 and 3; line 4 is blank.
    assert ids(outcome) == ["a\nb", "g"]
    assert [event["line"] for event in outcome.events] == [2, 8]
    assert refusals(outcome) == [
        (5, "unmappable_row", "c"),
        (6, "unmappable_row", "d,2,3"),
        (7, "unmappable_row", '"e"f,4'),
        (9, "unmappable_row", "h,x"),
        (10, "unmappable_row", '"i,6'),
    ]
    assert outcome.unmapped[0]["message"].startswith("The row has 1 fields where the header has 2.")
    assert outcome.result.inputs[0].rows == 7


def test_row_numbers_are_unique_and_the_same_at_every_reading(mapped):
    content = "id,n\n" + "".join(f"{n},{'x' if n % 7 == 0 else n}\n" for n in range(120_000))
    first = mapped(WON.format(top=""), x__csv=content)
    second = mapped(WON.format(top=""), x__csv=content)
    numbers = [row["row_number"] for row in first.events + first.unmapped]
    assert len(set(numbers)) == 120_000
    assert first.events == second.events
    assert first.unmapped == second.unmapped
    assert [event["line"] for event in first.events] == [n + 2 for n in range(120_000) if n % 7]


def test_bytes_that_are_not_of_the_encoding_refuse_their_row_alone(mapped):
    outcome = mapped(WON.format(top=""), x__csv=b"id,n\na,1\n" + b"\xff\xfe,2\n" + "é,3\n".encode())
    assert ids(outcome) == ["a", "é"]
    (row,) = outcome.unmapped
    assert (row["line"], row["reason"], row["raw_bytes"]) == (3, "not_utf8", b"\xff\xfe,2")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251", "latin-1", "koi8-r"])
def test_encodings(mapped, encoding):
    word = "Öl" if encoding == "latin-1" else "Сделка"
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    outcome = mapped(WON.format(top=f'encoding = "{name}"'), x__csv=f"id,n\n{word},1\nb,x\n".encode(encoding))
    assert ids(outcome) == [word]
    assert outcome.unmapped[0]["raw_text"].removeprefix("\ufeff") == "b,x"


def test_signs_of_the_file(mapped):
    outcome = mapped(
        WON.format(top='delimiter = "\\t"\nquote = "\'"\nescape = "\\\\"\nskip_lines = 2'),
        x__csv="a report\nof today\nid\tn\n'it\\'s\there'\t1\n",
    )
    assert ids(outcome) == ["it's\there"]
    assert outcome.events[0]["line"] == 4


def test_a_file_without_quotes_or_header(mapped):
    outcome = mapped(
        WON.format(top='delimiter = "|"\nquote = ""\nheader = false\ncolumns = ["id", "n"]'),
        x__csv='"a|1\nb"|2\n',
    )
    assert [(event["id"], event["line"]) for event in outcome.events] == [('"a', 1), ('b"', 2)]


def test_columns_that_spaces_set_apart(mapped):
    outcome = mapped(
        WON.format(top='delimiter = " "\ncollapse = true\nheader = false\ncolumns = ["id", "n"]'),
        x__csv="  a   1\nb 22\nc\n",
    )
    assert [(event["id"], event["line"]) for event in outcome.events] == [("a", 1), ("b", 2)]
    assert [row["line"] for row in outcome.unmapped] == [3]


@pytest.mark.parametrize("content", ["", "id,n\n", "\ufeffid,n\n", "\n"])
def test_a_file_without_rows_gives_no_events(mapped, content):
    text = WON.format(top="")
    if content.strip("\n"):
        assert mapped(text, x__csv=content).events == []
    elif content:
        with pytest.raises(MappingError, match="no column"):
            mapped(text, x__csv=content)
    else:
        assert mapped(text, x__csv=content).result.inputs[0].rows == 0


def test_a_truncated_gzip_gives_the_rows_before_its_end_and_says_so(mapped, tmp_path, load):
    content = "id,n\n" + "".join(f"{n * 7919 % 100_003},{n}\n" for n in range(50_000))
    whole = gzip.compress(content.encode())
    (tmp_path / "x.csv.gz").write_bytes(whole[: len(whole) // 2])
    outcome = mapped(WON.format(top=""))
    assert 1000 < len(outcome.events) < 50_000
    # Nothing that stands across the cut is taken for a whole row.
    assert all(event["id"] == str((event["line"] - 2) * 7919 % 100_003) for event in outcome.events)
    assert [row["reason"] for row in outcome.unmapped] == ["truncated_file"]
    assert outcome.unmapped[0]["line"] == len(outcome.events) + 2


def test_zstandard(mapped, tmp_path):
    (tmp_path / "x.csv.zst").write_bytes(zstandard.compress(b"id,n\na,1\n"))
    assert ids(mapped(WON.format(top=""))) == ["a"]


def test_a_very_long_field_is_refused_and_the_next_row_is_read(mapped):
    outcome = mapped(WON.format(top=""), x__csv=f"id,n\na,1\n{'x' * (17 * 2**20)},2\nb,3\n")
    assert ids(outcome) == ["a", "b"]
    (row,) = outcome.unmapped
    assert "longer than" in row["message"]
    assert (row["line"], row["is_truncated"], len(row["raw_bytes"])) == (3, True, 2**20)


def test_a_header_that_names_a_column_twice_is_refused(mapped):
    with pytest.raises(MappingError, match="'n' more than once"):
        mapped(WON.format(top=""), x__csv="id,n,n\n1,2,3\n")


def test_parquet_columns_read_as_their_text(mapped, tmp_path):
    text = """
name = "x"
[[input]]
name = "x"
files = "x.parquet"
time_zone = "Europe/Amsterdam"
[[event]]
name = "created"
type = "crm.deal.created"
source = "crm"
id = "deal-{id}"
time = { column = "at" }
data = { deal_id = { column = "id" }, amount = { column = "n" }, expected_close_date = { column = "d" } }
extra.flag = { column = "flag", type = "boolean" }
extra.local = { column = "naive", type = "timestamp" }
"""
    pl.DataFrame(
        {
            "id": [1, 2],
            "at": [dt.datetime(2024, 5, 6, 7, 8, 9, 123456, dt.UTC)] * 2,
            "naive": [dt.datetime(2024, 7, 1, 12, 0), None],
            "n": pl.Series([12.5, None], dtype=pl.Decimal(10, 2)),
            "d": [dt.date(2024, 2, 29), None],
            "flag": [False, None],
        }
    ).write_parquet(tmp_path / "x.parquet")
    outcome = mapped(text)
    assert [event["time"] for event in outcome.events] == ["2024-05-06T07:08:09.123456Z"] * 2
    assert outcome.data() == [
        {
            "deal_id": "1",
            "amount": 12.5,
            "expected_close_date": "2024-02-29",
            "flag": False,
            "local": "2024-07-01T10:00:00.000000Z",
        },
        {"deal_id": "2"},
    ]


def test_a_refused_parquet_row_is_kept_as_json(mapped, tmp_path):
    pl.DataFrame({"id": ["a", "b"], "n": ["x", "1"]}).write_parquet(tmp_path / "x.parquet")
    outcome = mapped(WON.format(top=""))
    assert ids(outcome) == ["b"]
    assert refusals(outcome) == [(1, "unmappable_row", '{"id": "a", "n": "x"}')]


def test_what_is_not_parquet_is_an_error(mapped, tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(MappingError, match="not readable Parquet"):
        mapped(WON.format(top=""))


def test_a_damaged_parquet_file_says_so(mapped, tmp_path):
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"id": [str(n) for n in range(1000)], "n": list(range(1000))})
    frame.write_parquet(path, compression="gzip", statistics=False)
    content = bytearray(path.read_bytes())
    content[100:400] = bytes(300)
    path.write_bytes(content)
    outcome = mapped(WON.format(top=""))
    assert outcome.events == []
    assert [row["reason"] for row in outcome.unmapped] == ["unreadable_file"]


def test_bytes_after_which_nothing_can_be_decoded_end_the_file(mapped):
    outcome = mapped(WON.format(top='encoding = "utf-16"'), x__csv="id,n\na,1\nb,2\n".encode("utf-16") + b"c")
    assert ids(outcome) == ["a", "b"]
    assert [(row["reason"], row["line"]) for row in outcome.unmapped] == [("not_utf8", 4)]
