"""Unpacks compressed files piece by piece and tells a file that breaks off from one that is damaged.

DuckDB checks no checksum of gzip, so that a file that was damaged on its way would be read as something else.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Ending of a name to DuckDB's word for the compression."""

_CHUNK_BYTES = 1 << 18
_GZIP_WINDOW = 31
"""zlib's code for a gzip header with the largest window."""


class TruncatedError(Exception):
    """A compressed file that ends before its end; what came before is sound."""


class DamagedError(Exception):
    """A file that is not in the format of its name, or was changed on its way; nothing of it can be trusted."""


def chunks(path: Path) -> Iterator[bytes]:
    """Content of a file, unpacked where its name says that it is compressed.

    Raises
    ------
    TruncatedError
        After the last piece of a compressed file that breaks off.
    DamagedError
        As soon as it shows.
    """
    if path.suffix == ".gz":
        yield from _unpacked(path, lambda: zlib.decompressobj(_GZIP_WINDOW))
    elif path.suffix == ".zst":
        yield from _unpacked(path, lambda: zstandard.ZstdDecompressor().decompressobj())
    else:
        yield from _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while piece := content.read(_CHUNK_BYTES):
            yield piece


def _unpacked(path: Path, start: Callable[[], Any]) -> Iterator[bytes]:
    # A file may hold several compressed streams one after the other, as `cat a.gz b.gz` makes them.
    unpacker = None
    for piece in _pieces(path):
        rest = piece
        while rest:
            if unpacker is None:
                unpacker = start()
            try:
                content = unpacker.decompress(rest)
            except (zlib.error, zstandard.ZstdError) as error:
                raise DamagedError(str(error)) from error
            if content:
                yield content
            rest = b""
            if unpacker.eof:
                rest, unpacker = unpacker.unused_data, None
                if path.suffix == ".gz":
                    rest = rest.lstrip(b"\0")  # tapes pad with zeros
    if unpacker is not None:
        raise TruncatedError("it ends before its end-of-stream mark")
