"""What every reader offers: rows of one shape, and the original of any row on request."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

COLUMNS = (
    "row_number",
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "tenantid",
    "actor",
    "data",
)
"""Columns of a reader's relation: ``row_number`` bigint, ``data`` JSON, the others text."""


@dataclass(frozen=True)
class RawRow:
    """The original of one row, for quarantine."""

    row_number: int
    file: str
    line: int
    raw: bytes
    reason: str = ""
    """Why it could not even be read, where that is so: a reason code."""
    message: str = ""


@dataclass
class Relation:
    """SQL that yields the rows, with its bound values."""

    sql: str
    parameters: list[Any] = field(default_factory=list)


class Reader(Protocol):
    """A landed file, or several that belong together. A row that cannot be read is all null in the relation."""

    note: str
    """What the batch should say of it."""

    def relation(self) -> Relation:
        """Rows with :data:`COLUMNS`; ``row_number`` is the same whenever the file is read."""
        ...

    def read_carefully(self) -> bool:
        """Prepare for another try after the engine has refused the file; False where there is no other way."""
        ...

    def raw_rows(self, wanted: Set[int]) -> Iterator[RawRow]:
        """Originals of these rows, in order."""
        ...
