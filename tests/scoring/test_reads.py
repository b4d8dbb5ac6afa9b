"""A score that reads a part of a large table says what it would from all of it."""

import json
from datetime import datetime

import numpy as np
import pytest

from scoring.evaluation.stability import reference_of
from tests.features.arrivals import sample_log
from tests.laws.compiled import Tables, engine, project
from tests.scoring.test_scores import rule
from warehouse.computed import rows_of
from warehouse.statistics import Statistic, statistics

LEARNT = "2026-04-20 00:00:00"
PARTIAL = [pytest.param(statistic, id=statistic.name) for statistic in statistics() if statistic.rows]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Features of half a year with models in force, each of which has learnt up to a day in between."""
    read = {table.partition(".")[2] for statistic in statistics() if statistic.rows for table in statistic.reads}
    models = sorted(read & {node.key for node in project().nodes})
    built = engine().build(sample_log(200, 60, 11), models=models)
    scores = ("lead_90d", "churn_30d", "churn_90d", "deal_30d", "deal_ever")
    in_force = [rule(score, -2.0, 4.0, 0.1, LEARNT) for score in scores]
    reference = reference_of(np.linspace(0.05, 0.3, 500))
    for one in in_force:
        one["model"] = json.dumps(json.loads(one["model"]) | {"drift": {"(score)": reference}})
    built.con.executemany("insert into raw.scoring_model values ($score, $version, $model, $in_force_at)", in_force)
    return built


@pytest.mark.parametrize("statistic", PARTIAL)
def test_the_rows_that_are_left_out_change_nothing(statistic: Statistic, tables: Tables) -> None:
    part = {table: rows_of(tables.con, table, statistic.rows.get(table, "true")) for table in statistic.reads}
    whole = {table: rows_of(tables.con, table) for table in statistic.reads}
    assert any(part[table].height < whole[table].height for table in statistic.rows)
    found = statistic.compute(part)
    assert found.height > 0
    assert found.equals(statistic.compute(whole))


def test_rows_of_before_a_model_has_learnt_are_not_read(tables: Tables) -> None:
    monitor = next(one for one in statistics() if one.name == "score_month")
    [table] = [name for name in monitor.rows if name.endswith("feat_deal")]
    assert rows_of(tables.con, table, monitor.rows[table])["cutoff_at"].min() > datetime.fromisoformat(LEARNT)
