"""Finds lines in a stream of bytes without looking at each: numbered ones, and ones that are too long.

What a line says is a matter for :mod:`warehouse.sources.ndjson`.
"""

import mmap
from collections.abc import Iterator, Set

import numpy as np
import numpy.typing as npt

_LINE_BREAK = 10
_BLANK = np.zeros(256, dtype=bool)
_BLANK[list(b" \t\r\x0b\x0c")] = True


def rows_at(pieces: Iterator[bytes], wanted: Set[int]) -> Iterator[tuple[int, int, bytes]]:
    """Yield (row number, line number, line) of the wanted rows: lines that are not blank, counted from 1.

    A pass over the bytes in numpy; a loop over lines in Python takes six times as long.
    """
    if not wanted:
        return
    numbers = np.array(sorted(wanted), dtype=np.int64)
    rest = b""
    row, line = 0, 0
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if not end:
            rest += piece
            continue
        found, rows, lines = _in_block(rest + piece[:end], numbers, row, line)
        rest = piece[end:]
        row, line = row + rows, line + lines
        yield from found
        if row >= numbers[-1]:
            return
    yield from _in_block(rest + b"\n", numbers, row, line)[0]


def _in_block(
    block: bytes, wanted: npt.NDArray[np.int64], row: int, line: int
) -> tuple[list[tuple[int, int, bytes]], int, int]:
    """Wanted rows of whole lines, and how many rows and lines there are; `row` and `line` came before."""
    content = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(content == _LINE_BREAK)
    starts = np.concatenate(([0], ends[:-1] + 1))
    is_row = content[starts] != _LINE_BREAK
    # Only a line that begins with a space of some kind can be blank.
    for number in np.flatnonzero(_BLANK[content[starts]]):
        is_row[number] = bool(block[starts[number] : ends[number]].strip())
    rows = np.flatnonzero(is_row)
    first, last = np.searchsorted(wanted, [row + 1, row + len(rows) + 1])
    found = []
    for number in wanted[first:last]:
        at = rows[number - row - 1]
        found.append((int(number), line + int(at) + 1, block[starts[at] : ends[at]]))
    return found, len(rows), len(ends)


class LongLines:
    """Tells whether a stream has held a line of more than `limit` bytes.

    Jumps from one line break to the last one that a short enough line could reach, and so sees few of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open = 0
        self.found = False

    def feed(self, piece: bytes | mmap.mmap) -> None:
        """Look at what comes next."""
        if self.found:
            return
        start = -self._open
        while len(piece) - start > self.limit:
            end = piece.rfind(b"\n", max(start, 0), start + self.limit + 1)
            if end < 0:
                self.found = True
                return
            start = end + 1
        last = piece.rfind(b"\n")
        self._open = len(piece) - (last + 1 if last >= 0 else start)
