"""What a mapping says, as plain data: inputs, lookups, events, values and conditions.

The words are those of the TOML file (docs/mapping.md). Nothing here reads TOML, a data file or a row:
``parse`` makes these objects, ``values`` and ``conditions`` turn them into polars expressions.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from warehouse.errors import DealhouseError

Kind = Literal["text", "number", "integer", "boolean", "date", "timestamp", "text_list"]
KINDS: tuple[Kind, ...] = ("text", "number", "integer", "boolean", "date", "timestamp", "text_list")

Scalar = str | int | float | bool


class MappingError(DealhouseError):
    """A mapping that cannot be used, or that does not fit the files it is given. Nothing was taken in."""


class FieldLike(Protocol):
    """What the mapping needs to know about a field of a contract."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def required(self) -> bool: ...  # noqa: D102
    @property
    def choices(self) -> Any: ...  # noqa: D102


class ContractLike(Protocol):
    """What the mapping needs to know about the contract of an event type."""

    def fields(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Reading:
    """How a file is written."""

    format: Literal["csv", "parquet", ""] = ""
    delimiter: str = ","
    collapse: bool = False
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    trim: bool = True
    null_values: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Conventions:
    """How numbers and moments are written, where a value does not say otherwise."""

    decimal: str = "."
    thousands: str = ""
    date_format: tuple[str, ...] = ("iso",)
    timestamp_format: tuple[str, ...] = ("iso",)
    time_zone: str = "UTC"
    ambiguous: Literal["earliest", "latest", "reject"] = "earliest"
    time_of_day: str = "00:00:00"


PLAIN = Conventions()


def literal(how: Conventions) -> Conventions:
    """How values are written that the mapping itself states or has converted: plainly, in the file's zone."""
    return Conventions(time_zone=how.time_zone, ambiguous=how.ambiguous, time_of_day=how.time_of_day)


@dataclass(frozen=True)
class Column:
    """The value of a column of the row, read from the file or computed."""

    name: str


@dataclass(frozen=True)
class Constant:
    """The same value in every row, as text."""

    text: str


@dataclass(frozen=True)
class Template:
    """Texts and columns in turn; empty where one of the columns is empty."""

    source: str
    parts: tuple[str | Column, ...]


@dataclass(frozen=True)
class Coalesce:
    """The first of several values that is not empty."""

    values: tuple["Value", ...]


@dataclass(frozen=True)
class FromLookup:
    """A column of the row of another file that has the same key."""

    lookup: str
    by: tuple[str, ...]
    column: str
    missing: Literal["empty", "reject"] = "empty"


@dataclass(frozen=True)
class Hash:
    """A digest of some columns of the row, or of all of them where none is named; for ids."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Value:
    """Where a value comes from, and what is done to it on the way.

    The order is: take, remove, null_values, case, map, convert to `kind`, default.
    """

    take: Column | Constant | Template | Coalesce | FromLookup | Hash
    kind: Kind
    where: str
    conventions: Conventions = PLAIN
    remove: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ()
    case: Literal["", "lower", "upper"] = ""
    map: tuple[tuple[str, str], ...] = ()
    unmapped: Literal["reject", "keep", "empty"] = "reject"
    multiply_by: float | None = None
    divide_by: float | None = None
    split: str = ""
    default: str | None = None

    def columns(self) -> set[str]:
        """Names of the row's columns that the value is made from."""
        take = self.take
        if isinstance(take, Column):
            return {take.name}
        if isinstance(take, Template):
            return {part.name for part in take.parts if isinstance(part, Column)}
        if isinstance(take, Coalesce):
            return set().union(*(value.columns() for value in take.values))
        if isinstance(take, FromLookup):
            return set(take.by)
        return set(take.columns) if isinstance(take, Hash) else set()

    def lookups(self) -> list[FromLookup]:
        """What the value takes from other files."""
        if isinstance(self.take, FromLookup):
            return [self.take]
        if isinstance(self.take, Coalesce):
            return [found for value in self.take.values for found in value.lookups()]
        return []

    def of_kind(self, kind: Kind) -> "Value":
        """The same value converted to another kind."""
        return replace(self, kind=kind)


Operator = Literal[
    "equals",
    "not_equals",
    "in",
    "not_in",
    "present",
    "above",
    "at_least",
    "below",
    "at_most",
    "starts_with",
    "contains",
]


@dataclass(frozen=True)
class Test:
    """One comparison of a column with what the mapping says."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    value: Value
    operator: Operator
    operands: tuple[str, ...]


@dataclass(frozen=True)
class AllOf:
    """Holds where every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """Holds where one of the parts holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Not:
    """Holds where its part does not."""

    part: "Condition"


Condition = Test | AllOf | AnyOf | Not


def tests_of(condition: Condition | None) -> list[Test]:
    """Every comparison inside a condition."""
    if condition is None:
        return []
    if isinstance(condition, Test):
        return [condition]
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return [test for part in parts for test in tests_of(part)]


@dataclass(frozen=True)
class Lookup:
    """A second file, found by key."""

    name: str
    files: tuple[str, ...]
    key: tuple[str, ...]
    reading: Reading


@dataclass(frozen=True)
class Input:
    """A kind of file whose rows become events."""

    name: str
    files: tuple[str, ...]
    reading: Reading
    conventions: Conventions
    optional: bool = False
    computed: tuple[tuple[str, Value], ...] = ()
    when: Condition | None = None


@dataclass(frozen=True)
class Event:
    """What one row becomes where its condition holds."""

    name: str
    input: str
    type: str
    id: Value
    source: Value
    time: Value
    subject: Value | None = None
    tenantid: Value | None = None
    actor: Value | None = None
    when: Condition | None = None
    data: tuple[tuple[str, Value], ...] = ()

    def values(self) -> list[tuple[str, Value]]:
        """Every value of the event with the key that it stands under."""
        envelope = [
            ("id", self.id),
            ("source", self.source),
            ("time", self.time),
            ("subject", self.subject),
            ("tenantid", self.tenantid),
            ("actor", self.actor),
        ]
        named = [(key, value) for key, value in envelope if value is not None]
        return named + [(f"data.{key}", value) for key, value in self.data]


@dataclass(frozen=True)
class Spec:
    """A whole mapping file."""

    file: str
    name: str
    inputs: tuple[Input, ...]
    lookups: tuple[Lookup, ...] = field(default=())
    events: tuple[Event, ...] = field(default=())

    def input(self, name: str) -> Input:
        """The input of that name."""
        return next(found for found in self.inputs if found.name == name)

    def lookup(self, name: str) -> Lookup:
        """The lookup of that name."""
        return next(found for found in self.lookups if found.name == name)

    def events_of(self, input_name: str) -> list[Event]:
        """Events that rows of an input may become, in the order of the file."""
        return [event for event in self.events if event.input == input_name]

    def lookups_of(self, input_name: str) -> list[FromLookup]:
        """What an input's rows take from other files."""
        values = [value for _, value in self.input(input_name).computed]
        for event in self.events_of(input_name):
            values += [value for _, value in event.values()]
        return [found for value in values for found in value.lookups()]
