"""Rows on their way as a table: what a plan holds, and what destinations go through row by row or as a whole."""

import json
from collections.abc import Iterator, Sequence
from typing import overload

import pyarrow as pa

from warehouse.writeback.destination import Row

COLUMNS = ("tenant_id", "sync_key", "operation", "payload", "expected", "message_id")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])


class Rows(Sequence[Row]):
    """A sequence of rows that are made as they are asked for; `table` has them in columns, payloads as JSON."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table.select(list(COLUMNS)).cast(SCHEMA)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> "Row | Rows":
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return self.take(range(start, stop, step))
            return Rows(self.table.slice(start, max(0, stop - start)))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return next(iter(Rows(self.table.slice(index % len(self), 1))))

    def __iter__(self) -> Iterator[Row]:
        for one in self.table.to_pylist():
            expected = one["expected"]
            yield Row(
                one["tenant_id"],
                one["sync_key"],
                one["operation"],
                json.loads(one["payload"]),
                None if expected is None else json.loads(expected),
                one["message_id"],
            )

    def take(self, indices: Sequence[int]) -> "Rows":
        """The rows at these places."""
        return Rows(self.table.take(pa.array(indices, pa.int64())))


def as_rows(rows: Sequence[Row]) -> Rows:
    """The same rows with a table."""
    if isinstance(rows, Rows):
        return rows
    lines = [
        (
            row.tenant_id,
            row.key,
            row.operation,
            json.dumps(row.payload),
            None if row.expected is None else json.dumps(row.expected),
            row.message_id,
        )
        for row in rows
    ]
    return Rows(pa.table([list(column) for column in zip(*lines, strict=True)] or [[]] * len(COLUMNS), schema=SCHEMA))
