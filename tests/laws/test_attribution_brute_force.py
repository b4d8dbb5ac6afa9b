"""Paths, nine models and channels: the SQL and the statistic give what plain loops over the events give."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.laws import brute_force_attribution
from tests.laws.attribution_logs import attribution_log
from tests.laws.comparing import assert_same_rows
from tests.laws.compiled import Event, Row, engine, utc

FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(FEW, max_examples=1000)
PLAIN = {
    "marts.attribution": brute_force_attribution.attribution,
    "marts.attribution_channel": brute_force_attribution.attribution_channel,
}


def check(log: list[Event]) -> None:
    if not log:
        return
    tables = engine().build(log, models=["attribution_channel", "attribution_markov"])
    as_of = max(utc(event["time"]) for event in log)
    for table, compute in PLAIN.items():
        expected = compute(log, as_of)
        names = list(expected[0]) if expected else []
        built: list[Row] = [{name: row[name] for name in names} for row in tables.rows(table)]
        assert_same_rows(table, built, expected)
    paths = [path for path in brute_force_attribution.paths_of(log, as_of) if path.touches]
    for row in tables.rows("marts.attribution_markov"):
        of_kind = [path.converted for path in paths if path.kind == row["conversion_kind"]]
        assert row["conversion_probability"] == pytest.approx(sum(of_kind) / len(of_kind))


@given(attribution_log())
@FEW
def test_attribution_equals_brute_force(log: list[Event]) -> None:
    check(log)


@pytest.mark.slow
@given(attribution_log(max_touches=30))
@MANY
def test_attribution_equals_brute_force_many(log: list[Event]) -> None:
    check(log)
