"""The hash chain: it grows by whole lines, forgets a half one, and notices every change."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import chain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.ndjson"


def test_each_entry_carries_the_hash_of_the_one_before(path: Path) -> None:
    first = chain.append(path, {"name": "Größe"})
    second = chain.append(path, {"name": "b"})
    # The law of the format, computed here by hand.
    text = '{"name":"Größe","previous":"' + "0" * 64 + '","seq":1}'
    assert first["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert second["previous"] == first["hash"]
    assert [entry["seq"] for entry in chain.read(path)] == [1, 2]


def test_nothing_there_is_an_empty_chain(path: Path) -> None:
    assert chain.read(path) == []


def test_a_line_cut_short_at_any_byte_is_forgotten_and_written_over(path: Path) -> None:
    chain.append(path, {"name": "a"})
    one = path.read_bytes()
    chain.append(path, {"name": "b"})
    two = path.read_bytes()
    for length in range(len(one), len(two)):
        path.write_bytes(two[:length])
        assert [entry["name"] for entry in chain.read(path)] == ["a"]
        chain.append(path, {"name": "c"})
        assert [entry["name"] for entry in chain.read(path)] == ["a", "c"]


def test_lines_longer_than_a_block_are_found_from_the_end(path: Path) -> None:
    sizes = [10, 200_000, 65_536, 3, 131_072 - 200]
    for size in sizes:
        chain.append(path, {"text": "x" * size})
    assert [len(entry["text"]) for entry in chain.read(path)] == sizes


@given(data=st.data())
def test_every_changed_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("chain") / "manifest.ndjson"
    for number in range(3):
        chain.append(path, {"number": number})
    good = path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[place]))
    path.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
    try:
        entries = chain.read(path)
    except chain.BrokenChainError:
        return
    # The end of the last line is the one place where a change looks like a line that was cut short, and space
    # between the lines or around signs says nothing.
    kept = [json.loads(line) for line in good.splitlines()]
    assert entries == kept[: len(entries)]
    assert len(entries) >= 2


def test_removed_swapped_and_forged_lines_are_named(path: Path) -> None:
    for number in range(3):
        chain.append(path, {"number": number})
    lines = path.read_bytes().splitlines(keepends=True)
    forged = json.loads(lines[1])
    forged["number"] = 7
    forged["hash"] = chain.entry_hash(forged)
    for broken, line in (
        ([lines[0], lines[2]], 2),
        ([lines[1], lines[0], lines[2]], 1),
        ([lines[0], json.dumps(forged).encode() + b"\n", lines[2]], 3),
    ):
        path.write_bytes(b"".join(broken))
        with pytest.raises(chain.BrokenChainError, match=f"line {line}"):
            chain.read(path)


def test_nothing_is_appended_to_a_forged_last_line(path: Path) -> None:
    chain.append(path, {"number": 1})
    path.write_bytes(path.read_bytes().replace(b'"number": 1', b'"number": 2'))
    with pytest.raises(chain.BrokenChainError, match="last line"):
        chain.append(path, {"number": 2})
