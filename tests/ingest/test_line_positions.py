"""Lines are found by position just as splitting the whole content would find them."""

from hypothesis import given
from hypothesis import strategies as st

from warehouse.sources.lines import LongLines, rows_at

LINES = st.lists(
    st.sampled_from([b"", b" ", b"\r", b"\t\x0b\r", b"a", b"bb\r", b" c", b"dddddddd", b"\x00", b"\xff e"]), max_size=9
)


def cut(content: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(content[:size])
        content = content[size:]
    return [piece for piece in [*pieces, content] if piece]


@given(LINES, st.booleans(), st.lists(st.integers(1, 7), max_size=12), st.data())
def test_rows_are_those_of_a_plain_split(lines: list[bytes], ends: bool, sizes: list[int], data: st.DataObject) -> None:
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    expected: list[tuple[int, int, bytes]] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            expected.append((len(expected) + 1, number, line))
    wanted = data.draw(st.sets(st.sampled_from(range(1, len(expected) + 1)))) if expected else set()
    assert list(rows_at(iter(cut(content, sizes)), wanted)) == [row for row in expected if row[0] in wanted]


@given(LINES, st.integers(1, 8), st.lists(st.integers(1, 7), max_size=12))
def test_a_line_is_long_wherever_the_stream_is_cut(lines: list[bytes], limit: int, sizes: list[int]) -> None:
    content = b"\n".join(lines)
    long_lines = LongLines(limit)
    for piece in cut(content, sizes):
        long_lines.feed(piece)
    assert long_lines.found == any(len(line) > limit for line in lines)
