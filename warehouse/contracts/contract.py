"""What every contract can do: list its fields, judge the shape and the values of data, and describe itself.

A contract is a pandera ``DataFrameModel``; its checks run vectorised, on columns of extracted values. Reading
files, quarantine and duplicates belong in :mod:`warehouse.ingest`; the attributes around ``data`` in
:mod:`warehouse.contracts.envelope`.
"""

import inspect
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from warehouse.contracts.fields import FieldSpec
from warehouse.contracts.kinds import shape_in_words

REGISTRY: dict[str, "type[EventContract]"] = {}
"""Every contract by its event type; a class that names a type enters itself."""

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
FAILURES_SCHEMA = {"row": pl.UInt32, "field": pl.String, "reason": pl.String, "sentence": pl.String}
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One reason why data is rejected."""

    reason: str
    field: str
    sentence: str


@dataclass(frozen=True)
class ShapeVerdict:
    """What the JSON types of the keys decide; equal shapes give equal verdicts, so it may be cached.

    Parameters
    ----------
    problems
        Why data of this shape is rejected, in the order of the fields; empty where it is not.
    unknown
        Keys that the contract does not name, with their JSON type: schema drift.
    value_fields
        Present fields whose values :meth:`EventContract.validate` has yet to judge.
    """

    problems: tuple[Problem, ...]
    unknown: tuple[tuple[str, str], ...]
    value_fields: tuple[str, ...]

    @property
    def needs_values(self) -> bool:
        """Whether :meth:`EventContract.validate` has anything to look at."""
        return bool(self.value_fields)


class _ClassConstant:
    """An attribute computed from the class; pandera would take a plain class attribute for a column."""

    def __init__(self, read: "Callable[[type[EventContract]], Any]") -> None:
        self._read = read

    def __get__(self, instance: object, owner: "type[EventContract]") -> Any:
        return self._read(owner)


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0].rstrip(".")


class EventContract(pa.DataFrameModel):  # type: ignore[misc]
    """Base of all contracts.

    A subclass with ``type=`` is the contract of that event type; one without is a set of fields for others to
    share. ``source=`` names the system that usually sends it, where that is not the first word of the type.
    ``at_least=(n, names)`` asks for n of the named optional fields. The docstring is one line: what an event
    of this type states.
    """

    _type: ClassVar[str] = ""
    _source: ClassVar[str] = ""
    _at_least: ClassVar[tuple[int, tuple[str, ...]]] = (0, ())
    _specs: ClassVar[Mapping[str, FieldSpec]] = {}

    type = _ClassConstant(lambda cls: cls._type)
    source = _ClassConstant(lambda cls: cls._source)
    summary = _ClassConstant(lambda cls: inspect.cleandoc(cls.__doc__ or ""))
    section = _ClassConstant(lambda cls: _first_line(inspect.getmodule(cls)))

    def __init_subclass__(
        cls,
        type: str = "",
        source: str = "",
        at_least: tuple[int, tuple[str, ...]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls._type = type
        if at_least is not None:
            cls._at_least = at_least
        if not type:
            return
        if type in REGISTRY:
            raise TypeError(f"two contracts for {type}: {REGISTRY[type].__name__} and {cls.__name__}")
        if "\n" in cls.summary or not cls.summary:
            raise TypeError(f"{cls.__name__}: the docstring is one line that says what the event states")
        cls._source = source or type.split(".")[0]
        cls._specs = {
            name: FieldSpec.declared(name, annotation.raw_annotation, info)
            for name, (annotation, info) in cls.__fields__.items()
        }
        REGISTRY[type] = cls

    @pa.check(".*", regex=True, name="value")  # type: ignore[untyped-decorator]
    @classmethod
    def _is_accepted(cls, data: Any) -> pl.LazyFrame:
        frame: pl.LazyFrame = data.lazyframe
        value = pl.col(data.key)
        return frame.select(value.is_null() | cls._specs[data.key].accepts(value))

    @classmethod
    def fields(cls) -> list[FieldSpec]:
        """All fields, in the order of declaration."""
        return list(cls._specs.values())

    @classmethod
    def value_fields(cls) -> list[FieldSpec]:
        """Fields whose values :meth:`validate` has to see; for the others the type is enough."""
        return [spec for spec in cls._specs.values() if spec.is_value_checked]

    @classmethod
    def check_shape(cls, shape: object) -> ShapeVerdict:
        """Judge data by the JSON types of its keys.

        Parameters
        ----------
        shape
            What DuckDB's ``json_structure(data)`` tells, parsed: key to type name, as in
            ``{"deal_id": "VARCHAR", "amount": "DOUBLE", "tags": ["VARCHAR"]}``. ``"JSON"`` is the empty
            object. Any other non-mapping means that data is no object.
        """
        if shape == "JSON":
            shape = {}
        if not isinstance(shape, Mapping):
            arrived = f"data must be a JSON object, but JSON of type {shape_in_words(shape)} arrived."
            problem = Problem("invalid_attribute", "data", f"{arrived} Send the fields of {cls._type} in it.")
            return ShapeVerdict((problem,), (), ())
        verdicts = [cls._judge(spec, shape.get(spec.name, "NULL")) for spec in cls._specs.values()]
        problems = [problem for problem in verdicts if problem is not None]
        count, names = cls._at_least
        if sum(shape.get(name, "NULL") != "NULL" for name in names) < count:
            problems.append(Problem("missing_field", names[0], cls._too_few()))
        wrong = {problem.field for problem in problems}
        return ShapeVerdict(
            problems=tuple(problems),
            unknown=tuple((key, shape_in_words(shape[key])) for key in shape if key not in cls._specs),
            value_fields=tuple(
                spec.name
                for spec in cls.value_fields()
                if shape.get(spec.name, "NULL") != "NULL" and spec.name not in wrong
            ),
        )

    @classmethod
    def _judge(cls, spec: FieldSpec, shape: object) -> Problem | None:
        if shape == "NULL":
            return Problem("missing_field", spec.name, cls._missing(spec)) if spec.required else None
        if spec.kind_class.takes(shape):
            return None
        sentence = (
            f"{spec.name} must be {spec.kind_class.words}, but JSON of type {shape_in_words(shape)} arrived. "
            f"{spec.kind_class.remedy}."
        )
        return Problem("wrong_type", spec.name, sentence)

    @classmethod
    def _missing(cls, spec: FieldSpec) -> str:
        return (
            f"{cls._type} requires {spec.name}, which is absent or null. {spec.description} "
            f"Send it as {spec.kind_class.words}."
        )

    @classmethod
    def _too_few(cls) -> str:
        count, names = cls._at_least
        return f"{cls._type} needs {count} at least of {', '.join(names)}. Send those that are known."

    @classmethod
    def validate(cls, frame: pl.DataFrame) -> pl.DataFrame:
        """Judge values, by pandera, lazily: every failure is found, not the first alone.

        Parameters
        ----------
        frame
            A column of text (as ``json_extract_string`` yields it) for each of :meth:`value_fields` that is
            to be judged; other columns are left alone. Null means absent.

        Returns
        -------
        polars.DataFrame
            One row per failure: ``row`` (position in the frame), ``field``, ``reason`` (``missing_field`` or
            ``invalid_value``) and ``sentence``, ordered by row and then by field as declared.
        """
        names = [name for name, spec in cls._specs.items() if name in frame.columns and spec.is_value_checked]
        if not names or cls._accepts_all(frame.select(names)):
            return pl.DataFrame(schema=FAILURES_SCHEMA)
        columns = cls.to_schema().columns
        schema = pa.DataFrameSchema({name: columns[name] for name in names})
        try:
            # An environment variable may turn pandera's checks off; the contract holds all the same.
            with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
                schema.validate(frame.select(names), lazy=True)
        except SchemaErrors as errors:
            return cls._failures(errors.failure_cases, names)
        return pl.DataFrame(schema=FAILURES_SCHEMA)

    @classmethod
    def _accepts_all(cls, frame: pl.DataFrame) -> bool:
        """Whether no value is refused, by the same rules in one expression.

        Nearly all frames are so. A schema's validation costs some 15 ms whatever the rows, more than all else that is
        done for a small batch; it is for the frames that hold something to be explained.
        """
        if any(dtype != pl.String for dtype in frame.dtypes):
            return False
        verdicts = []
        for name in frame.columns:
            spec, value = cls._specs[name], pl.col(name)
            is_accepted = spec.accepts(value).fill_null(False)
            verdicts.append((is_accepted if spec.required else value.is_null() | is_accepted).all())
        return bool(frame.select(pl.all_horizontal(verdicts)).item())

    @classmethod
    def _failures(cls, cases: pl.DataFrame, names: list[str]) -> pl.DataFrame:
        if cases["index"].null_count():
            # Not a verdict on values: a column of another type than text, or an error inside a check.
            unjudged = cases.filter(pl.col("index").is_null()).select("column", "check", "failure_case").rows()
            raise TypeError(f"{cls._type}: values could not be judged: {unjudged}")
        found = cases.join(
            pl.DataFrame(
                {
                    "column": names,
                    "position": range(len(names)),
                    "missing": [cls._missing(cls._specs[name]) for name in names],
                    "must": [f"{name} must be {cls._specs[name].rule}, but " for name in names],
                    "remedy": [f" arrived. {cls._specs[name].remedy}." for name in names],
                }
            ),
            on="column",
        )
        is_missing = pl.col("failure_case").is_null()
        shown = (
            pl.when(pl.col("failure_case") == "")
            .then(pl.lit("empty text"))
            .otherwise(pl.format("'{}'", pl.col("failure_case").str.slice(0, _SHOWN_CHARACTERS)))
        )
        return found.sort("index", "position").select(
            row=pl.col("index").cast(pl.UInt32),
            field=pl.col("column"),
            reason=pl.when(is_missing).then(pl.lit("missing_field")).otherwise(pl.lit("invalid_value")),
            sentence=pl.when(is_missing).then("missing").otherwise(pl.concat_str("must", shown, "remedy")),
        )

    @classmethod
    def example(cls) -> dict[str, Any]:
        """Valid data with every field present."""
        return {name: spec.example for name, spec in cls._specs.items()}

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of ``data``; accepts just what shape and values together accept."""
        schema: dict[str, Any] = {
            "$schema": SCHEMA_DIALECT,
            "title": cls._type,
            "description": cls.summary,
            "type": "object",
            "properties": {name: spec.json_schema() for name, spec in cls._specs.items()},
            "required": [name for name, spec in cls._specs.items() if spec.required],
        }
        count, names = cls._at_least
        if count:
            schema["anyOf"] = [
                {"required": list(chosen), "properties": {name: {"not": {"type": "null"}} for name in chosen}}
                for chosen in itertools.combinations(names, count)
            ]
        return schema

    @classmethod
    def rules(cls) -> str:
        """All that decides on acceptance, as text; descriptions are left out."""
        return repr((cls._type, [spec.rules() for spec in cls.fields()], cls._at_least))
