"""How a contract declares its fields: ``required(...)`` and ``optional(...)``, and what they amount to.

The meaning of terms that many events share stands in :mod:`warehouse.contracts.terms`, not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandera.polars as pa
import polars as pl

from warehouse.contracts import kinds
from warehouse.contracts.kinds import Kind

Pii = Literal["email", "phone", "name", "text"]


@dataclass(frozen=True)
class Term:
    """A field's meaning and rules, for reuse in several contracts: ``deal_id: Text = required(DEAL)``."""

    description: str
    rules: Mapping[str, Any] = field(default_factory=dict)


def term(description: str, **rules: Any) -> Term:
    """Make a :class:`Term`; the rules are those of :class:`FieldSpec`."""
    return Term(description, rules)


def required(what: str | Term, **rules: Any) -> Any:
    """Declare a field that every event of the type carries; a text must not be empty."""
    return _declare(what, True, {"min_length": 1, **rules})


def optional(what: str | Term, **rules: Any) -> Any:
    """Declare a field that may be absent or null."""
    return _declare(what, False, rules)


def _declare(what: str | Term, is_required: bool, rules: dict[str, Any]) -> Any:
    meaning = what if isinstance(what, Term) else Term(what)
    return pa.Field(
        nullable=not is_required,
        description=meaning.description,
        metadata={"required": is_required, "rules": {**meaning.rules, **rules}},
    )


@dataclass(frozen=True)
class FieldSpec:
    """One field of one event type.

    Parameters
    ----------
    name
        Key in ``data``.
    kind
        text, number, integer, boolean, date, timestamp or text_list.
    required
        Whether it must be present and not null.
    description
        What it says, for a reader of the reference page.
    choices
        The only values allowed; empty where any is.
    known
        Values that usually occur, where others are allowed as well.
    minimum, maximum
        Bounds of an integer, or (0, 1) of a number; both included.
    min_length, max_length
        Bounds of a text's length, in characters.
    pattern
        Regular expression that a text matches (the dialect that RE2, Rust, Python and ECMA share).
    pii
        What personal data it holds, or None.
    example
        A valid value.
    """

    name: str
    kind: str
    required: bool
    description: str
    choices: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    pii: Pii | None = None
    example: Any = None

    @classmethod
    def declared(cls, name: str, kind: type[Kind], info: Any) -> "FieldSpec":
        """Read the specification back from the annotation and the pandera field of a contract."""
        rules = dict(info.metadata["rules"])
        if kind is not kinds.Text:
            rules.pop("min_length", None)
        fallback = next(iter([*rules.get("choices", ()), *rules.get("known", ()), kind.example]))
        rules.setdefault("example", fallback)
        spec = cls(name, kind.name, info.metadata["required"], info.description, **rules)
        if spec.example is None:
            raise TypeError(f"field {name} needs an example")
        if kind is kinds.Number and (spec.minimum, spec.maximum) not in {(None, None), (0, 1)}:
            raise TypeError(f"field {name}: a number is unbounded or from 0 to 1; other bounds need an integer")
        return spec

    @property
    def kind_class(self) -> type[Kind]:
        """The kind as a class."""
        return _KINDS[self.kind]

    @property
    def is_value_checked(self) -> bool:
        """Whether values of the right JSON type may still be wrong."""
        rules = (self.choices, self.pattern, self.min_length, self.max_length)
        return self.kind_class.is_checked or any(rules)

    def accepts(self, text: pl.Expr) -> pl.Expr:
        """Whether each value, extracted from JSON as text, is allowed. Meaningless where it is null."""
        if self.kind == "integer":
            return kinds.is_integer(text, *self.bounds)
        if self.kind == "number":
            return text.str.contains(kinds.DECIMAL_PATTERN if self.minimum is None else kinds.UNIT_PATTERN)
        if self.kind == "date":
            return kinds.is_date(text)
        if self.kind == "timestamp":
            return kinds.is_timestamp(text)
        verdicts = [pl.lit(True)]
        if self.choices:
            verdicts.append(text.is_in(list(self.choices)))
        if self.pattern:
            verdicts.append(text.str.contains(self.pattern))
        if self.min_length == 1:
            verdicts.append(text != "")
        elif self.min_length:
            verdicts.append(text.str.len_chars() >= self.min_length)
        if self.max_length:
            verdicts.append(text.str.len_chars() <= self.max_length)
        return pl.all_horizontal(verdicts)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest integer allowed."""
        return (
            -kinds.INTEGER_LIMIT if self.minimum is None else self.minimum,
            kinds.INTEGER_LIMIT if self.maximum is None else self.maximum,
        )

    @property
    def rule(self) -> str:
        """The rule as words that complete "must be …"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.minimum is not None and self.maximum is not None:
            return f"{self.kind_class.words} from {self.minimum} to {self.maximum}"
        if self.kind == "number":
            return f"a number below {kinds.NUMBER_LIMIT:.0e} in size"
        if self.kind == "integer":
            low, high = self.bounds
            return f"a whole number from {low} to {high}"
        if self.pattern:
            return f"text that matches {self.pattern}, such as {self.example}"
        if self.kind == "text" and self.max_length:
            return f"text of {self.min_length or 0} to {self.max_length} characters"
        return "non-empty text" if self.min_length else self.kind_class.words

    @property
    def remedy(self) -> str:
        """What a sender whose value broke the rule can do."""
        if self.choices:
            return "Translate the sender's word into one of these"
        if self.kind == "text" and self.required:
            return "Send the value as a JSON string"
        return self.kind_class.remedy

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of the value; null stands for absent and is allowed where optional."""
        schema = {"description": self.description, **self._value_schema(), "examples": [self.example]}
        if self.required:
            return schema
        if "anyOf" in schema:
            schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
        else:
            schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return schema

    def rules(self) -> str:
        """All that decides on acceptance, as text; the description is left out."""
        return repr((self.name, self.required, self._value_schema()))

    def _value_schema(self) -> dict[str, Any]:
        if self.kind == "integer":
            low, high = self.bounds
            return {"type": "integer", "minimum": low, "maximum": high}
        if self.kind == "number":
            is_unit = self.minimum is not None
            return {"anyOf": [_number_schema(is_unit), _decimal_schema(is_unit)]}
        if self.kind == "boolean":
            return {"type": "boolean"}
        if self.kind == "date":
            return {"type": "string", "format": "date", "pattern": _exactly(kinds.DATE_PATTERN)}
        if self.kind == "timestamp":
            return {"type": "string", "format": "date-time", "pattern": _exactly(kinds.TIMESTAMP_PATTERN)}
        if self.kind == "text_list":
            return {"type": "array", "items": {"type": ["string", "null"]}}
        rules = {
            "enum": list(self.choices) or None,
            "pattern": self.pattern and _exactly(self.pattern),
            "minLength": self.min_length,
            "maxLength": self.max_length,
        }
        return {"type": "string", **{keyword: rule for keyword, rule in rules.items() if rule is not None}}


_KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in Kind.__subclasses__()}


def _number_schema(is_unit: bool) -> dict[str, Any]:
    if is_unit:
        return {"type": "number", "minimum": 0, "maximum": 1}
    return {"type": "number", "exclusiveMinimum": -kinds.NUMBER_LIMIT, "exclusiveMaximum": kinds.NUMBER_LIMIT}


def _decimal_schema(is_unit: bool) -> dict[str, Any]:
    return {"type": "string", "pattern": _exactly(kinds.UNIT_PATTERN if is_unit else kinds.DECIMAL_PATTERN)}


def _exactly(pattern: str) -> str:
    # In Python's dialect "$" lets a line break follow; elsewhere the look-ahead changes nothing.
    return pattern + r"(?!\n)"
