"""On public paths the marts give what the published packages of this field give, and what is exactly known.

The paths come as sequences of channels with counts of conversions and of nulls; each becomes that many paths here, so
that the same SQL and the same function run on them as on our own.
"""

import csv
import json
from itertools import pairwise

import duckdb
import pytest

from benchmarks.public_data import place_of
from tests.attribution.rebuilding import rebuilt_from
from warehouse.statistics.markov_channel import removal_effects

PATHS = place_of("paths")
pytestmark = pytest.mark.skipif(not PATHS.exists(), reason=f"the public paths are not here: {PATHS}")

PATHS_AS_MART = """
with listed as (
    select
        row_number() over () as line,
        string_split(path, ' > ') as channels,
        cast(total_conversions as bigint) as conversions,
        cast(total_conversion_value as double) as value,
        cast(total_null as bigint) as nulls
    from read_csv(?, all_varchar = true, header = true)
),
copies as (
    select line, channels, value / conversions as value, true as is_converted, unnest(range(conversions)) as copy
    from listed
    union all
    select line, channels, null, false, unnest(range(nulls)) from listed
)
select
    't' as tenant_id,
    format('{}-{}-{}', line, is_converted, copy) as path_id,
    'b2c' as conversion_kind,
    is_converted,
    timestamp '2026-01-01' as ended_at,
    value as conversion_value_base,
    number as touch_number,
    len(channels) as touch_count,
    format('t{:04}', number) as touch_id,
    channels[number] as channel,
    case when number > 1 then channels[number - 1] end as previous_channel,
    0.0 as days_before,
    false as is_lead_touch,
    false as is_deal_touch
from (select *, unnest(range(1, len(channels) + 1)) as number from copies)
"""


def reference(name: str, key: str) -> dict[str, dict[str, float]]:
    with (PATHS / name).open(newline="") as stream:
        return {row.pop(key): {name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return rebuilt_from(PATHS_AS_MART, [str(PATHS / "PathData.csv")])


def credit(con: duckdb.DuckDBPyConnection, model: str) -> dict[str, tuple[float, float]]:
    rows = con.execute(
        "select channel, sum(weight), sum(value_base) from marts.attribution where model = ? group by channel", [model]
    ).fetchall()
    return {channel: (conversions, value) for channel, conversions, value in rows}


@pytest.mark.parametrize(
    ("model", "named"), [("first", "first_touch"), ("last", "last_touch"), ("linear", "linear_touch")]
)
def test_heuristic_models_equal_the_published_ones(con: duckdb.DuckDBPyConnection, model: str, named: str) -> None:
    expected = reference("ref_heuristic_models_v2.2.5.csv", "channel_name")
    found = credit(con, model)
    assert found.keys() == expected.keys()
    for channel, (conversions, value) in found.items():
        assert conversions == pytest.approx(expected[channel][f"{named}_conversions"], rel=1e-12)
        assert value == pytest.approx(expected[channel][f"{named}_value"], rel=1e-10)


def test_position_equals_the_published_one(con: duckdb.DuckDBPyConnection) -> None:
    expected = reference("ref_mam_2.1.1_position_based.csv", "channels")
    found = credit(con, "position")
    assert found.keys() == expected.keys()
    for channel, (conversions, _) in found.items():
        assert conversions == pytest.approx(expected[channel]["attribution"], rel=1e-10)


def test_removal_effects_and_credit_equal_the_exact_ones(con: duckdb.DuckDBPyConnection) -> None:
    expected = reference("exact_markov_order1_withloops.csv", "")
    rows = con.execute("select channel, removal_effect, conversions from marts.attribution_markov").fetchall()
    assert {channel for channel, *_ in rows} == expected.keys()
    for channel, effect, conversions in rows:
        assert effect == pytest.approx(expected[channel]["removal_effect"], abs=1e-10)
        assert conversions == pytest.approx(expected[channel]["conversions"], abs=1e-6)


def test_what_is_credited_is_what_there_was(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("select model, sum(weight), sum(value_base) from marts.attribution group by model").fetchall()
    assert len(rows) == 9
    for model, conversions, value in rows:
        assert conversions == pytest.approx(19_785, rel=1e-10), model
        assert value == pytest.approx(74_802.97, abs=0.005), model
    assert con.execute("select sum(conversions), sum(value_base) from marts.attribution_markov").fetchone() == (
        pytest.approx(19_785),
        pytest.approx(74_802.97, abs=0.005),
    )
    assert con.execute("select distinct path_count, converted_path_count from marts.attribution_markov").fetchall() == [
        (19_785 + 68_602, 19_785)
    ]


def test_the_small_example_of_a_package_solved_exactly() -> None:
    """The package draws 10,000 paths and prints 0.5067 for B; the answer is a half."""
    example = json.loads((PATHS / "pychattr_readme_example.json").read_text())
    counts: dict[tuple[str, str], int] = {}
    for path, conversions in zip(example["paths"], example["conversions"], strict=True):
        states = ["(start)", *path.split(" > "), "(conversion)"]
        for step in pairwise(states):
            counts[step] = counts.get(step, 0) + conversions
    probability, effects = removal_effects(counts)
    assert probability == pytest.approx(1.0)
    assert effects == pytest.approx(example["exact_removal_effects"])
    total = sum(effects.values())
    assert {channel: 3 * effect / total for channel, effect in effects.items()} == pytest.approx(example["exact"])
