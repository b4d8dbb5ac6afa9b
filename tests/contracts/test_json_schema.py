"""Contracts and their exported JSON Schema give the same verdict, by the ``jsonschema`` package."""

import json
from datetime import datetime
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from warehouse import contracts
from warehouse.contracts import EventContract, envelope

ALL = contracts.all()
FORMATS = FormatChecker(formats=["date"])


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value) is not None


def judge(schema: dict[str, Any], instance: object) -> bool:
    return Draft202012Validator(schema, format_checker=FORMATS).is_valid(instance)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def verdicts(connection: duckdb.DuckDBPyConnection, contract: type[EventContract], batch: list[Any]) -> list[bool]:
    """Take data in as ingestion does: shape and texts from DuckDB, then the contract."""
    texts = [json.dumps(data, allow_nan=False) for data in batch]
    names = [spec.name for spec in contract.value_fields()]
    columns = ", ".join(f"json_extract_string(data, '{name}') as {name}" for name in names)
    query = f"select {columns} from (select unnest(?::json[]) as data)"
    failed = set(contract.validate(connection.sql(query, params=[texts]).pl())["row"]) if names else set()
    shapes = connection.execute("select json_structure(unnest(?::json[]))::varchar", [texts]).fetchall()
    return [
        not contract.check_shape(json.loads(shape)).problems and row not in failed
        for row, (shape,) in enumerate(shapes)
    ]


@pytest.mark.parametrize("event_type", ALL)
def test_the_example_of_each_contract_is_valid_and_complete(connection, event_type):
    contract = ALL[event_type]
    data = contract.example()
    assert list(data) == [spec.name for spec in contract.fields()]
    assert judge(contract.json_schema(), data)
    assert verdicts(connection, contract, [data]) == [True]
    shape = json.loads(connection.execute("select json_structure(?)", [json.dumps(data)]).fetchall()[0][0])
    assert contract.check_shape(shape).unknown == ()


@pytest.mark.parametrize("event_type", ALL)
def test_without_any_one_required_field_the_example_is_invalid(connection, event_type):
    contract = ALL[event_type]
    required = [spec.name for spec in contract.fields() if spec.required]
    damaged = [{**contract.example(), name: None} for name in required]
    damaged += [{key: value for key, value in contract.example().items() if key != name} for name in required]
    assert not any(judge(contract.json_schema(), data) for data in damaged)
    assert not damaged or not any(verdicts(connection, contract, damaged))


@pytest.mark.parametrize("event_type", ALL)
def test_the_required_fields_alone_are_enough(connection, event_type):
    contract = ALL[event_type]
    data = {spec.name: spec.example for spec in contract.fields() if spec.required}
    if event_type == "identity.linked":
        data = {"lead_id": "l", "user_id": "u"}
    assert judge(contract.json_schema(), data)
    assert verdicts(connection, contract, [data]) == [True]


@pytest.mark.parametrize("event_type", ALL)
def test_schemas_are_schemas(event_type):
    Draft202012Validator.check_schema(ALL[event_type].json_schema())
    schema = envelope.json_schema(ALL[event_type])
    Draft202012Validator.check_schema(schema)
    assert judge(schema, envelope.example(ALL[event_type]))


NASTY = [
    *(
        "",
        " ",
        "x",
        "other",
        "b2b",
        "EUR",
        "eur",
        "EUR\n",
        "a\n",
        "0",
        "1",
        "-1",
        "12.50",
        "1e3",
        "1e-3",
        "0.5",
        "1.5",
    ),
    *(
        "-0",
        "1\n",
        "12e-1",
        "999999999999999",
        "1000000000000000",
        "NaN",
        "true",
        "null",
        "2024-02-29",
        "2023-02-29",
    ),
    *("0000-01-01", "2024-02-29\n", "2024-02-29T12:00:00Z", "2023-02-29T12:00:00Z", "2024-02-29T12:00:00"),
    *(
        "2024-02-29t12:00:00z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:00:00.5+14:00",
        "2024-02-29T12:00:00Z\n",
        "٣",
    ),
    *(0, 1, -1, 5, 10, 11, 100, 101, 12.0, 12.5, 0.5, 1.0000001, -0.0, 1e-7, 1e14, 1e15, -1e15, 1e22, 5e-324),
    *(2**53 - 1, 2**53, -(2**53), 2**63, 2**64, 10**30, float(2**53 - 1), 1.7976931348623157e308),
    *(True, False, None, [], [None], ["a"], ["a", None], ["a", 1], [["a"]], {}, {"a": 1}),
]


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A type and data for it, most fields right, some of them anything that JSON can hold."""
    event_type = draw(st.sampled_from(sorted(ALL)))
    contract = ALL[event_type]
    anything = (
        st.sampled_from(NASTY)
        | st.text(max_size=5)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(min_value=-0.5, max_value=1.5)
        | st.integers()
        | st.integers(min_value=-(2**65), max_value=2**65)
        | st.decimals(-2, 2, places=3).map(str)
        | st.dates().map(str)
        | st.datetimes().map(lambda at: at.isoformat() + "Z")
        | st.lists(st.text(max_size=2) | st.none(), max_size=3)
    )
    fields = {
        spec.name: st.just(spec.example) | st.sampled_from([spec.example, *spec.choices]) | anything
        for spec in contract.fields()
    }
    extra = {"colour": st.just("red"), "": st.just(1)}
    required = {spec.name for spec in contract.fields() if spec.required}
    data = st.fixed_dictionaries(
        {name: strategy for name, strategy in fields.items() if name in required},
        optional={**{name: strategy for name, strategy in fields.items() if name not in required}, **extra},
    ) | st.fixed_dictionaries({}, optional=fields)
    return event_type, draw(st.lists(data, min_size=1, max_size=12))


@given(batches())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shape_and_values_together_agree_with_the_json_schema(connection, batch):
    event_type, items = batch
    contract = ALL[event_type]
    expected = [judge(contract.json_schema(), data) for data in items]
    assert verdicts(connection, contract, items) == expected


@pytest.mark.parametrize("event_type", ALL)
def test_every_field_judges_every_nasty_value_as_the_json_schema_does(connection, event_type):
    contract = ALL[event_type]
    validator = Draft202012Validator(contract.json_schema(), format_checker=FORMATS)
    items = [{**contract.example(), spec.name: value} for spec in contract.fields() for value in NASTY]
    assert verdicts(connection, contract, items) == [validator.is_valid(data) for data in items]


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.integers(-(24 * 60 - 1), 24 * 60 - 1),
    st.sampled_from("T "),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_timestamp_that_is_accepted_is_cast_to_the_instant_it_names(connection, local, offset, separator):
    sign, minutes = ("-", -offset) if offset < 0 else ("+", offset)
    text = f"{local.isoformat(separator)}{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    accepted = contracts.get("chat.followup.scheduled").validate(pl.DataFrame({"due_at": [text]})).is_empty()
    micros = connection.execute("select epoch_us(try_cast(? as timestamptz))", [text]).fetchall()[0][0]
    since_epoch = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")
    assert accepted
    assert micros == (since_epoch.days * 86400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds
