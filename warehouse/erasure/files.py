"""Reads files of any format that arrives, and writes them again without some persons.

Rows keep their number and order: replays of rejected rows name them. A file that breaks off, or is damaged, stays one
that does, so that it is judged as it was. What is taken out of a line is decided in :mod:`warehouse.erasure.redact`.
"""

import csv
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from warehouse.erasure.redact import Redactor
from warehouse.sources import kinds
from warehouse.sources.mapping import csv_rows
from warehouse.sources.mapping.spec import Reading
from warehouse.sources.packed import COMPRESSIONS, DamagedError, TruncatedError, chunks

_LONGEST_VALUE = 4096
_SALVAGE_BYTES = 64
_ROWS_AT_ONCE = 10_000
_DAMAGED = b"erased, and damaged before that"
_ENVELOPE_DATA = "data"


def redact_file(path: Path, target: Path, redactor: Redactor, reading: Reading | None = None) -> bool:
    """Write `path` without the persons to `target`, unless none of them is in it; tell whether it was written.

    Parameters
    ----------
    path
        A landed file, or one of the inbox; its format is told by its name.
    reading
        Of a CSV file, how a mapping reads it.
    """
    if path.suffix == ".parquet":
        return _parquet(path, target, redactor)
    if kinds.is_ndjson(path) or reading is None:
        return _lines(path, target, redactor)
    return _table(path, target, redactor, reading)


def _lines(path: Path, target: Path, redactor: Redactor) -> bool:
    """Lines of JSON or of anything else, packed or not."""
    if not _may_concern(path, redactor):
        return False
    ending = ""
    is_changed = False
    is_json = kinds.is_ndjson(path)
    with target.open("wb") as sink, _packed(path.suffix, sink) as packed:
        try:
            for line in _whole_lines(chunks(path)):
                clean = redactor.line(line) if is_json else redactor.plain_line(line)
                is_changed = is_changed or clean != line
                packed.write(clean)
        except TruncatedError:
            ending = "truncated"
            packed.break_off()
        except DamagedError:
            ending = "damaged"
    if ending == "damaged":
        # What could be unpacked before the damage may still be read by somebody.
        is_changed = is_changed or redactor.may_concern(_salvaged(path))
        target.write_bytes(_DAMAGED)
    if not is_changed:
        target.unlink()
    return is_changed


def _may_concern(path: Path, redactor: Redactor) -> bool:
    """Whether it is worth looking at the lines: most files are of others."""
    rest = b""
    try:
        for piece in chunks(path):
            if redactor.may_concern(rest + piece):
                return True
            rest = piece[-_LONGEST_VALUE:]
    except TruncatedError:
        return False
    except DamagedError:
        return redactor.may_concern(_salvaged(path))
    return False


def _salvaged(path: Path) -> bytes:
    """What somebody could still read of a damaged file: its bytes, and what unpacks before the damage."""
    content = path.read_bytes()
    found = [content]
    unpacker: Any = zlib.decompressobj(31) if path.suffix == ".gz" else zstandard.ZstdDecompressor().decompressobj()
    try:
        for start in range(0, len(content), _SALVAGE_BYTES):
            found.append(unpacker.decompress(content[start : start + _SALVAGE_BYTES]))
    except (zlib.error, zstandard.ZstdError):
        pass
    return b"".join(found)


def _whole_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    try:
        for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line + b"\n"
    except TruncatedError:
        if rest:
            yield rest
        raise
    if rest:
        yield rest


class _Sink(Protocol):
    def write(self, content: bytes, /) -> object: ...

    def break_off(self) -> None: ...


class _Packer:
    """Compresses; a stream that is broken off has no end mark, as one whose sender died."""

    def __init__(self, sink: IO[bytes], packer: Any, flush_modes: tuple[Any, Any]) -> None:
        self._sink, self._packer, (self._whole, self._open) = sink, packer, flush_modes
        self.is_broken = False

    def write(self, content: bytes, /) -> None:
        self._sink.write(self._packer.compress(content) if self._packer else content)

    def break_off(self) -> None:
        self.is_broken = True

    def close(self) -> None:
        if self._packer:
            self._sink.write(self._packer.flush(self._open if self.is_broken else self._whole))


@contextmanager
def _packed(suffix: str, sink: IO[bytes]) -> Iterator[_Sink]:
    kind = COMPRESSIONS.get(suffix) or ("zstd" if suffix == ".zstd" else "")
    if kind == "gzip":
        packer = _Packer(sink, zlib.compressobj(6, zlib.DEFLATED, 31), (zlib.Z_FINISH, zlib.Z_SYNC_FLUSH))
    elif kind == "zstd":
        modes = (zstandard.COMPRESSOBJ_FLUSH_FINISH, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        packer = _Packer(sink, zstandard.ZstdCompressor().compressobj(), modes)
    else:
        packer = _Packer(sink, None, (None, None))
    yield packer
    packer.close()


def _table(path: Path, target: Path, redactor: Redactor, reading: Reading) -> bool:
    """CSV: records of nobody keep their bytes; the others are written in the same dialect."""
    name = path.name
    is_changed = False
    with csv_rows.open_text(path, name, reading) as lines:
        names, _ = csv_rows.read_header(lines, reading, name)
    seen: list[str] = []
    with (
        csv_rows.open_text(path, name, reading) as lines,
        target.open("wb") as sink,
        _packed(path.suffix, sink) as packed,
    ):

        def remembered() -> Iterator[str]:
            for line in lines:
                seen.append(line)
                yield line

        def write(text: str) -> None:
            packed.write(text.encode(reading.encoding, "surrogateescape"))

        for _ in range(reading.skip_lines):
            seen.append(lines.readline())
        reader = csv_rows.csv_reader(remembered(), reading)
        is_header = reading.header
        previous = csv.field_size_limit(csv_rows.LONGEST_FIELD)
        try:
            while True:
                try:
                    row: list[str] | None = next(reader)
                except StopIteration:
                    break
                except csv.Error:
                    row = None
                except (EOFError, OSError, zlib.error, zstandard.ZstdError):
                    packed.break_off()
                    break
                original = "".join(seen)
                seen.clear()
                if row is None or is_header:
                    clean = redactor.text(original)
                else:
                    cells = redactor.cells(names or [], row)
                    clean = original if cells == row else _written(cells, original, reading)
                is_header = False
                is_changed = is_changed or clean != original
                write(clean)
            write(redactor.text("".join(seen)))
        finally:
            csv.field_size_limit(previous)
    if not is_changed:
        target.unlink()
    return is_changed


def _written(cells: list[Any], original: str, reading: Reading) -> str:
    ending = original[len(original.rstrip("\r\n")) :]
    out = io.StringIO()
    quoting: Any = csv.QUOTE_MINIMAL if reading.quote else csv.QUOTE_NONE
    csv.writer(
        out,
        delimiter=reading.delimiter,
        quotechar=reading.quote or None,
        escapechar=reading.escape or None,
        doublequote=reading.escape in ("", reading.quote),
        quoting=quoting,
        lineterminator="",
    ).writerow(cells)
    return out.getvalue() + ending


def _parquet(path: Path, target: Path, redactor: Redactor) -> bool:
    try:
        with _reading_parquet():
            source = pq.ParquetFile(path)
        is_changed = _parquet_rows(source, target, redactor)
    except DamagedError:
        target.unlink(missing_ok=True)
        if not redactor.may_concern(path.read_bytes()):
            return False
        target.write_bytes(_DAMAGED)
        return True
    if not is_changed:
        target.unlink()
    return is_changed


@contextmanager
def _reading_parquet() -> Iterator[None]:
    """Tell a damaged file from a disk that fails, and from rows that cannot be written: those keep the file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError from error
    except pa.ArrowException as error:
        raise DamagedError from error


def _parquet_batches(source: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    batches = source.iter_batches(_ROWS_AT_ONCE)
    while True:
        with _reading_parquet():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _parquet_rows(source: pq.ParquetFile, target: Path, redactor: Redactor) -> bool:
    schema = pa.schema([_nullable(one) for one in source.schema_arrow], metadata=source.schema_arrow.metadata)
    groups = source.metadata.num_row_groups
    compression = source.metadata.row_group(0).column(0).compression.lower() if groups else "snappy"
    is_event = all(name in schema.names for name in kinds.ENVELOPE)
    is_changed = False
    compression = "none" if compression == "uncompressed" else compression
    with pq.ParquetWriter(target, schema, compression=compression) as writer:
        for batch in _parquet_batches(source):
            rows = batch.to_pylist()
            clean = []
            for row in rows:
                is_due = is_event and redactor.next_row()
                redactor.rows += is_due
                left = {} if is_due else _parquet_event(row, redactor) if is_event else _parquet_cells(row, redactor)
                if left or is_due or not redactor.drops_rows:
                    clean.append(left or dict.fromkeys(row))
            if clean != rows:
                is_changed = True
                writer.write_batch(pa.RecordBatch.from_pylist(clean, schema=schema))
            else:
                writer.write_batch(batch.cast(schema))
    return is_changed


def _nullable(field: pa.Field) -> pa.Field:
    """The column with room for nothing at every level: what is taken out of a row is absent from it, as in a line."""
    kind = field.type
    if pa.types.is_struct(kind):
        kind = pa.struct([_nullable(one) for one in kind])
    elif pa.types.is_list(kind):
        kind = pa.list_(_nullable(kind.value_field))
    elif pa.types.is_large_list(kind):
        kind = pa.large_list(_nullable(kind.value_field))
    return field.with_type(kind).with_nullable(True)


def _parquet_event(row: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    data = row[_ENVELOPE_DATA]
    if isinstance(data, str):
        attributes = {name: value for name, value in row.items() if name != _ENVELOPE_DATA}
        try:
            event = {**attributes, _ENVELOPE_DATA: json.loads(data)}
        except ValueError:
            return {name: redactor.value(value) for name, value in row.items()}
        clean = redactor.event(event)
        if clean == event:
            return row
        redactor.rows += 1
        if not clean:
            return {}
        return {**clean, _ENVELOPE_DATA: json.dumps(clean[_ENVELOPE_DATA], ensure_ascii=False, separators=(",", ":"))}
    if isinstance(data, dict):
        # A struct has every field in every row: what is null is absent, and what goes becomes null.
        said = {name: value for name, value in data.items() if value is not None}
        clean = redactor.event({**row, _ENVELOPE_DATA: said})
        if not clean:
            return {}
        redactor.rows += clean != {**row, _ENVELOPE_DATA: said}
        return {**clean, _ENVELOPE_DATA: {name: clean[_ENVELOPE_DATA].get(name) for name in data}}
    return {name: redactor.value(value) for name, value in row.items()}


def _parquet_cells(row: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    return dict(zip(row, redactor.cells(list(row), list(row.values())), strict=True))
