"""Files of every condition: packed, cut short, damaged, empty, with odd lines and line ends."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.depot import Depot, depot, event, lines
from warehouse.sources.ndjson import BOM, NdjsonReader

zstd = zstandard.ZstdCompressor().compress
PACKERS: dict[str, Callable[[bytes], bytes]] = {"events.ndjson.gz": gzip.compress, "events.ndjson.zst": zstd}
packed = pytest.mark.parametrize("name", PACKERS)

THREE = lines(event("a"), b"hello", event("b"))
INCOMPRESSIBLE = lines(*(event(f"{number * 2654435761 % 2**32:x}") for number in range(3000)))


@packed
def test_packed_files_with_rejects(fresh: Depot, name: str) -> None:
    fresh.take(PACKERS[name](THREE), name)
    assert fresh.ids() == ["a", "b"]
    assert fresh.query("select line, reason, raw_bytes from raw.rejected_events") == [(2, "malformed_json", b"hello")]


@packed
def test_several_streams_in_one_file_are_one_file(fresh: Depot, name: str) -> None:
    pack = PACKERS[name]
    result = fresh.take(pack(THREE) + pack(lines(event("c"), b"[]")), name)
    assert fresh.ids() == ["a", "b", "c"]
    assert fresh.reasons() == [(2, "malformed_json"), (5, "not_an_object")]
    assert result.rows == 5


@packed
def test_a_file_that_breaks_off_gives_its_whole_lines_and_is_completed_later(fresh: Depot, name: str) -> None:
    whole = PACKERS[name](INCOMPRESSIBLE)
    first = fresh.take(whole[: len(whole) * 2 // 3], name)
    assert first.rejected == 1
    assert 0 < first.accepted < 3000
    ((line, reason, raw),) = fresh.query("select line, reason, raw_bytes from raw.rejected_events")
    assert (line, reason) == (first.accepted + 1, "truncated_file")
    assert INCOMPRESSIBLE.splitlines()[line - 1].startswith(raw)
    second = fresh.take(whole, name)
    assert (second.accepted, second.duplicate) == (3000 - first.accepted, first.accepted)


@packed
@pytest.mark.parametrize("damage", ["plain text", "changed", "tail"])
def test_of_a_damaged_file_nothing_is_taken_in(fresh: Depot, name: str, damage: str) -> None:
    pack = PACKERS[name] if name.endswith("gz") else zstandard.ZstdCompressor(write_checksum=True).compress
    whole = pack(INCOMPRESSIBLE)
    changed = bytearray(whole)
    changed[-6 if name.endswith("gz") else -1] ^= 1  # a bit of the checksum
    content = {"plain text": INCOMPRESSIBLE, "changed": bytes(changed), "tail": whole + b"rubbish"}[damage]
    result = fresh.take(content, name)
    assert (result.rows, result.accepted) == (1, 0)
    assert fresh.reasons() == [(1, "unreadable_file")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.ndjson", b""), ("e.jsonl", b"\n\n"), ("e.ndjson", b" \t\r\n\x0c\n "), ("e.ndjson", b" "), ("e.ndjson", BOM),
        ("e.ndjson.gz", b""), ("e.ndjson.zst", b""), ("e.ndjson.gz", gzip.compress(b"\n", mtime=0)),
    ],
)  # fmt: skip
def test_an_empty_file_is_a_batch_of_no_rows(fresh: Depot, name: str, content: bytes) -> None:
    result = fresh.take(content, name)
    assert (result.rows, result.accepted, result.rejected) == (0, 0, 0)
    assert fresh.query("select rows, note is not null from raw.batches") == [(0, True)]


@pytest.mark.parametrize("content", [b"x", b"{", b"1", b"\xff", b"xy"])
def test_a_tiny_file_is_not_overlooked(fresh: Depot, content: bytes) -> None:
    assert fresh.take(content).rejected == 1
    assert fresh.query("select raw_bytes from raw.rejected_events") == [(content,)]


def test_line_ends_and_blank_lines_move_no_line_number(fresh: Depot) -> None:
    a, b, c = (json.dumps(event(name)).encode() for name in "abc")
    content = BOM + a + b"\r\n\r\n \t\n\x0c\n" + b"bad 1\r\n" + b + b"\n\n\n  bad 2\t\n" + c + b"\nbad 3"
    fresh.take(content)
    assert fresh.ids() == ["a", "b", "c"]
    assert fresh.query("select line, raw_bytes from raw.rejected_events order by line") == [
        (5, b"bad 1"), (9, b"  bad 2\t"), (11, b"bad 3"),
    ]  # fmt: skip


def test_a_line_too_long_is_kept_cut_and_its_neighbours_whole(tmp_path: Path) -> None:
    with depot(tmp_path, max_event_bytes=2 << 20) as fresh:
        long = json.dumps(event("long", data={"deal_id": "x" * 50_000_000})).encode()
        result = fresh.take(lines(event("a"), long, b"hello", event("b")))
        assert (result.rows, result.accepted, result.rejected) == (4, 2, 2)
        assert fresh.ids() == ["a", "b"]
        assert fresh.query(
            "select line, reason, is_truncated, octet_length(raw_bytes) from raw.rejected_events order by line"
        ) == [(2, "too_large", True, 1 << 20), (3, "malformed_json", False, 5)]


def test_rows_keep_their_numbers_over_many_buffers(tmp_path: Path) -> None:
    # The engine reads in parallel, some two megabytes at a time here; every 97th line is bad.
    with depot(tmp_path, max_event_bytes=1 << 20) as fresh:
        content = [
            b"bad %d" % number if number % 97 == 0 else event(str(number), data={"deal_id": "x" * (number % 800)})
            for number in range(1, 20_001)
        ]
        for one in content:
            if isinstance(one, dict) and not one["data"]["deal_id"]:
                one["data"]["deal_id"] = "y"
        fresh.take(lines(*content))
        wrong = fresh.query("select count(*) from raw.events where cast(row_number as varchar) <> event_id")
        assert wrong == [(0,)]
        rejects = fresh.query("select line, decode(raw_bytes) from raw.rejected_events order by 1")
        assert rejects == [(number, f"bad {number}") for number in range(97, 20_001, 97)]


pieces = st.sampled_from(
    [
        b"\n", b"\r\n", b"\r", b" ", b"\t", b"\x0c", b"\x0b", b"\0", b"{", b"}", b'"', b"\\", b"[", b"]", b",",
        b"null", b"1", b"\xff", b"\xc2\xa0", BOM, b"\x1c", b"\x85", b'{"id":"a"}',
        b'{"id":"b"}', b'{"id":"a\\', b"'", b"#", b"//", b"NaN", b"-Inf",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(content=st.lists(pieces, max_size=12).map(b"".join), last=st.sampled_from([b"", b'\n{"id":"z"}', b"\nNaN\n"]))
def test_both_passes_count_the_same_rows(fresh_reader: tuple[Depot, Path], content: bytes, last: bytes) -> None:
    fresh, folder = fresh_reader
    path = folder / "any.ndjson"
    path.write_bytes(content + last)
    reader = NdjsonReader(path, "any.ndjson", 1 << 20, folder)
    relation = reader.relation()
    seen = dict(fresh.con.execute(f"select row_number, id from ({relation.sql})", relation.parameters).fetchall())
    originals = {row.row_number: row for row in reader.raw_rows(range(1, 100))}
    assert seen.keys() == originals.keys()
    assert list(seen) == list(range(1, len(seen) + 1))
    assert all(seen[number] is None or seen[number].encode() in row.raw for number, row in originals.items())
    assert all(row.reason for number, row in originals.items() if seen[number] is None)


@pytest.fixture(scope="module")
def fresh_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Depot, Path]]:
    folder = tmp_path_factory.mktemp("reader")
    with depot(folder) as one:
        yield one, folder


def test_parquet_with_data_as_text_or_struct(fresh: Depot, tmp_path: Path) -> None:
    envelope = {"id": ["a", "b", None], "source": ["crm"] * 3, "type": ["crm.deal.won"] * 3}
    texts = pl.DataFrame(
        {**envelope, "time": ["2025-03-14T10:30:00+01:00"] * 3, "data": ['{"deal_id":"D"}', "{", '{"deal_id":"D"}']}
    )
    texts.write_parquet(tmp_path / "texts.parquet")
    fresh.take((tmp_path / "texts.parquet").read_bytes(), "texts.parquet")
    assert fresh.query("select event_id, occurred_at::varchar, data from raw.events") == [
        ("a", "2025-03-14 09:30:00", '{"deal_id":"D"}')
    ]
    assert fresh.reasons() == [(2, "invalid_attribute"), (3, "missing_attribute")]
    structs = texts.with_columns(
        id=pl.Series(["c", "[d", "e"]),
        time=pl.Series(["2025-03-14T09:30:00"] * 3).str.to_datetime(),
        data=pl.Series([{"deal_id": "D", "amount": 2.5}, {"deal_id": "D", "amount": None}, None]),
    )
    structs.write_parquet(tmp_path / "structs.parquet")
    result = fresh.take((tmp_path / "structs.parquet").read_bytes(), "structs.parquet")
    assert (result.accepted, result.rejected) == (2, 1)
    assert fresh.ids() == ["a", "c", "[d"]
