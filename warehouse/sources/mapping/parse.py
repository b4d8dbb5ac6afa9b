"""A mapping file from TOML to a ``Spec``: its blocks, checked against the contracts of the event types.

Everything that can be known without the data is checked here; whether the columns exist is checked when the
files are known (``files``).
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from warehouse.sources.mapping.parse_values import Surroundings, conventions, parse_condition, parse_value
from warehouse.sources.mapping.spec import (
    KINDS,
    PLAIN,
    Coalesce,
    Constant,
    ContractLike,
    Conventions,
    Event,
    FieldLike,
    Hash,
    Input,
    Kind,
    Lookup,
    MappingError,
    Reading,
    Spec,
    Value,
)
from warehouse.sources.mapping.tables import Table, instead, listed
from warehouse.sources.mapping.values import constant

_READING = (
    "format",
    "delimiter",
    "collapse",
    "quote",
    "escape",
    "encoding",
    "header",
    "columns",
    "skip_lines",
    "trim",
    "null_values",
)
_CONVENTIONS = (
    "decimal",
    "thousands",
    "date_format",
    "timestamp_format",
    "time_zone",
    "ambiguous",
    "time_of_day",
)
_ENVELOPE = ("source", "tenantid", "actor")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def parse(text: str, file: str, contracts: Mapping[str, ContractLike]) -> Spec:
    """Check a mapping's text and return what it says.

    Parameters
    ----------
    text
        The TOML.
    file
        Its name, for messages.
    contracts
        The contracts of all event types by type.

    Raises
    ------
    MappingError
        With file, block and key of the first mistake, and what is possible instead.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError("The mapping is not valid TOML.", where=file, why=str(error)) from error
    root = Table(content, file, "")
    root.only(["name", "description", "defaults", "lookup", "input", "event"])
    name = root.text("name")
    root.text("description", "", allow_empty=True)
    defaults = Table(root.table("defaults").content, file, "[defaults]")
    defaults.only([*_READING, *_CONVENTIONS, *_ENVELOPE])
    reading = _reading(defaults, Reading())
    usual = conventions(defaults, PLAIN)
    lookups = {lookup.name: lookup for lookup in (_lookup(block, reading) for block in root.tables("lookup"))}
    inputs: dict[str, Input] = {}
    for block in root.tables("input"):
        made = _input(block, reading, usual, lookups)
        _unique(block, made.name, [*inputs, *lookups])
        inputs[made.name] = made
    if not inputs:
        raise MappingError("The mapping has no [[input]].", where=file, todo="Add one with name and files.")
    events: dict[str, Event] = {}
    for block in root.tables("event"):
        event = _event(block, defaults, inputs, lookups, contracts)
        _unique(block, event.name, events)
        events[event.name] = event
    for name_of_input in inputs:
        if all(event.input != name_of_input for event in events.values()):
            raise MappingError(
                f"No [[event]] is made from input {name_of_input!r}.",
                where=file,
                todo=f"Add an [[event]] with input = {name_of_input!r}, or remove the input.",
            )
    return Spec(file, name, tuple(inputs.values()), tuple(lookups.values()), tuple(events.values()))


def _unique(block: Table, name: str, taken: Any) -> None:
    if name in taken:
        raise block.error(f"The name {name!r} is used twice.", "name")


def _name(block: Table) -> str:
    name = block.text("name")
    if not _NAME.fullmatch(name):
        raise block.error(f"{name!r} is no name.", "name", todo="Use lower-case letters, digits and _.")
    return name


def _patterns(block: Table) -> tuple[str, ...]:
    block.raw("files")
    patterns = block.texts("files")
    for pattern in patterns:
        if pattern.startswith("/") or "\\" in pattern or ".." in pattern.split("/"):
            raise block.error(
                f"{pattern!r} leaves the folder that is taken in.",
                "files",
                todo="Write names or patterns relative to that folder, with / between folders.",
            )
    return patterns


def _reading(block: Table, base: Reading) -> Reading:
    def sign(key: str, value: str, *, empty: bool) -> str:
        text = block.text(key, value, allow_empty=empty)
        if len(text) > 1 or text in ("\n", "\r"):
            raise block.error(f"{key!r} must be one character, not {text!r}.", key)
        return text

    encoding = block.text("encoding", base.encoding)
    try:
        "".encode(encoding)
    except LookupError as error:
        raise block.error(
            f"There is no encoding {encoding!r}.",
            "encoding",
            todo="Write utf-8, latin-1, cp1252, cp1251, utf-16, …",
        ) from error
    header = block.flag("header", base.header)
    columns = block.texts("columns", base.columns)
    if not header and not columns:
        raise block.error("A file without a header needs 'columns'.", "header", todo="Name its columns in order.")
    if header and columns:
        raise block.error("'columns' is for files without a header.", "columns", todo="Add header = false.")
    if len(set(columns)) != len(columns):
        raise block.error("A column is named twice.", "columns")
    delimiter = sign("delimiter", base.delimiter, empty=False)
    collapse = block.flag("collapse", base.collapse)
    if collapse and delimiter != " ":
        raise block.error("'collapse' is for columns that spaces set apart.", "collapse", todo='Add delimiter = " ".')
    return Reading(
        format=block.choice("format", base.format, ("csv", "parquet")),
        delimiter=delimiter,
        collapse=collapse,
        quote=sign("quote", base.quote, empty=True),
        escape=sign("escape", base.escape, empty=True),
        encoding=encoding,
        header=header,
        columns=columns,
        skip_lines=block.whole("skip_lines", base.skip_lines),
        trim=block.flag("trim", base.trim),
        null_values=block.texts("null_values", base.null_values, allow_empty=True),
    )


def _lookup(block: Table, reading: Reading) -> Lookup:
    block.only(["name", "files", "key", *_READING])
    block.raw("key")
    return Lookup(_name(block), _patterns(block), block.texts("key"), _reading(block, reading))


def _input(block: Table, reading: Reading, usual: Conventions, lookups: Mapping[str, Lookup]) -> Input:
    block.only(["name", "files", "optional", "computed", "when", *_READING, *_CONVENTIONS])
    own = conventions(block, usual)
    kinds: dict[str, Kind] = {}
    computed = []
    table = block.table("computed")
    for key in table.content:
        kind = _kind(table, key, default="text")
        value = parse_value(table, key, kind, Surroundings(own, kinds, lookups))
        _check_literals(table, key, value, None)
        computed.append((key, value))
        kinds[key] = kind
    when = parse_condition(block, "when", Surroundings(own, kinds, lookups)) if "when" in block else None
    return Input(
        name=_name(block),
        files=_patterns(block),
        reading=_reading(block, reading),
        conventions=own,
        optional=block.flag("optional", False),
        computed=tuple(computed),
        when=when,
    )


def _kind(table: Table, key: str, default: Kind) -> Kind:
    if not isinstance(table.raw(key), dict):
        return default
    kind: Kind = table.table(key).choice("type", default, KINDS)
    return kind


def _event(
    block: Table,
    defaults: Table,
    inputs: Mapping[str, Input],
    lookups: Mapping[str, Lookup],
    contracts: Mapping[str, ContractLike],
) -> Event:
    block.only(
        [
            "name",
            "input",
            "type",
            "when",
            "id",
            "source",
            "time",
            "subject",
            "tenantid",
            "actor",
            "data",
            "extra",
        ]
    )
    if "input" not in block and len(inputs) > 1:
        raise block.error("'input' is missing.", todo=f"Say which: {listed(inputs)}.")
    name_of_input = block.text("input", next(iter(inputs)))
    if name_of_input not in inputs:
        raise block.error(f"There is no input {name_of_input!r}.", "input", todo=instead(name_of_input, inputs))
    source = inputs[name_of_input]
    around = Surroundings(source.conventions, {name: value.kind for name, value in source.computed}, lookups)
    type_ = block.text("type")
    if type_ not in contracts:
        raise block.error(f"There is no event type {type_!r}.", "type", todo=instead(type_, contracts))

    def text(key: str) -> Value | None:
        table = block if key in block else defaults
        return parse_value(table, key, "text", around) if key in table else None

    made_by = text("source")
    if made_by is None:
        raise block.error("'source' is missing.", todo="Say in [defaults] or here which system produced the rows.")
    if "id" in block:
        identity = parse_value(block, "id", "text", around, hashable=True)
    else:
        identity = Value(Hash(), "text", block.where("id"))
    if isinstance(identity.take, Constant):
        raise block.error("The id is the same for every row.", "id", todo='Use a column in it: "deal-{deal_id}".')
    return Event(
        name=_name(block),
        input=name_of_input,
        type=type_,
        id=identity,
        source=made_by,
        time=_checked(block, "time", parse_value(block, "time", "timestamp", around)),
        subject=text("subject"),
        tenantid=text("tenantid"),
        actor=text("actor"),
        when=parse_condition(block, "when", around) if "when" in block else None,
        data=(
            *_data(block, type_, contracts[type_], around),
            *_extra(block, type_, contracts[type_], around),
        ),
    )


def _data(block: Table, type_: str, contract: ContractLike, around: Surroundings) -> list[tuple[str, Value]]:
    fields: dict[str, FieldLike] = {field.name: field for field in contract.fields()}
    data = block.table("data")
    for key in data.content:
        if key not in fields:
            raise data.error(
                f"{type_} has no field {key!r}.",
                key,
                todo=f"{instead(key, fields)} A field of your own goes into extra.{key}.",
            )
    for name, field in fields.items():
        if field.required and name not in data:
            raise data.error(f"{type_} requires the field {name!r}.", todo=f"Add data.{name} = …")
    values = []
    for key in data.content:
        kind: Kind = fields[key].kind  # type: ignore[assignment]
        value = parse_value(data, key, kind, around)
        _check_literals(data, key, value, fields[key].choices)
        values.append((key, value))
    return values


def _extra(block: Table, type_: str, contract: ContractLike, around: Surroundings) -> list[tuple[str, Value]]:
    extra = block.table("extra")
    values = []
    for key in extra.content:
        if any(field.name == key for field in contract.fields()):
            raise extra.error(f"{key!r} is a field of {type_}.", key, todo=f"Write data.{key}.")
        kind = _kind(extra, key, default=_natural_kind(extra.content[key]))
        values.append((key, _checked(extra, key, parse_value(extra, key, kind, around))))
    return values


def _natural_kind(raw: object) -> Kind:
    """The kind of a constant as TOML wrote it; text for all that is not a constant."""
    constant_ = raw.get("value") if isinstance(raw, dict) else raw
    if isinstance(constant_, bool):
        return "boolean"
    return "number" if isinstance(constant_, int | float) else "text"


def _checked(table: Table, key: str, value: Value) -> Value:
    _check_literals(table, key, value, None)
    return value


def _check_literals(table: Table, key: str, value: Value, choices: Any) -> None:
    """Constants, map results and defaults must be of the field's kind and among its choices."""
    if isinstance(value.take, Coalesce):
        for part in value.take.values:
            _check_literals(table, key, part, choices)
    literals = [new for _, new in value.map]
    if isinstance(value.take, Constant) and not value.map:
        literals.append(value.take.text)
    if value.default is not None:
        literals.append(value.default)
    for text in literals:
        if constant(value, text) is None:
            raise table.error(f"{text!r} is no {value.kind}.", key)
        if choices and value.kind == "text" and text not in choices:
            raise table.error(f"{text!r} is not allowed here.", key, todo=instead(text, [str(one) for one in choices]))
