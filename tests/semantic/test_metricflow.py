"""MetricFlow's answers, carried out on DuckDB, are the values of marts.kpi."""

import json
import math
from datetime import date
from typing import Any

import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from tests.laws.compiled import engine, project, seed_rows
from tests.one_company.company import company_log


class DuckDb:
    """Tells MetricFlow which SQL to write; it is carried out by the tests' own engine."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


@pytest.fixture(scope="module")
def metricflow() -> MetricFlowEngine:
    manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=project().semantic_manifest)
    return MetricFlowEngine(semantic_manifest_lookup=SemanticManifestLookup(manifest), sql_client=DuckDb())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def kpis() -> dict[str, dict[tuple[str, date], float]]:
    """Values of marts.kpi on the small company, those that are null left out, by KPI, tenant and month."""
    found: dict[str, dict[tuple[str, date], float]] = {}
    for row in engine().build(company_log()).rows("marts.kpi"):
        if row["kpi_value"] is not None:
            found.setdefault(row["kpi"], {})[row["tenant_id"], row["kpi_month"]] = row["kpi_value"]
    return found


def entity_of(metric: str) -> str:
    """Entity of the semantic model that a metric is measured on, by which its dimensions are asked for."""
    manifest = json.loads(project().semantic_manifest)
    (wanted,) = [one for one in manifest["metrics"] if one["name"] == metric]
    parameters: dict[str, Any] = wanted["type_params"]
    if wanted["type"] == "ratio":
        return entity_of(parameters["numerator"]["name"])
    measures = {measure["name"] for measure in parameters["input_measures"]}
    (model,) = [one for one in manifest["semantic_models"] if measures & {each["name"] for each in one["measures"]}]
    return str(model["entities"][0]["name"])


def asked(metricflow: MetricFlowEngine, metric: str, *by: str) -> list[tuple[Any, ...]]:
    request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=list(by))
    sql = metricflow.explain(request).sql_statement.sql.replace('"warehouse".', "")
    return engine().con.execute(sql).fetchall()


def test_every_kpi_is_a_metric() -> None:
    metrics = {one["name"] for one in json.loads(project().semantic_manifest)["metrics"]}
    shown = {row["kpi"] for row in engine().build(company_log()).rows("marts.kpi")}
    assert shown <= metrics
    assert shown <= {row["kpi"] for row in seed_rows("kpi_target")}


def test_answers_by_month_and_tenant_are_those_of_the_mart(
    metricflow: MetricFlowEngine, kpis: dict[str, dict[tuple[str, date], float]]
) -> None:
    assert kpis
    for metric, expected in kpis.items():
        rows = asked(metricflow, metric, "metric_time__month", f"{entity_of(metric)}__tenant_id")
        found = {
            (tenant, date.fromisoformat(str(month)[:10])): float(value)
            for month, tenant, value in rows
            if value is not None and month is not None
        }
        assert found.keys() == expected.keys(), metric
        for key, value in expected.items():
            assert math.isclose(found[key], value, rel_tol=1e-9), (metric, key)


def test_a_dimension_that_the_mart_has_not(metricflow: MetricFlowEngine) -> None:
    """Of the three deals of March that were won, b1 is of b2b (1,100), s1 of studio (3,000), m1 of adtech (14,400)."""
    engine().build(company_log())
    request = MetricFlowQueryRequest.create(
        metric_names=["average_deal_size"],
        group_by_names=["deal__pipeline"],
        where_constraints=["{{ Dimension('deal__tenant_id') }} = 'default'"],
    )
    sql = metricflow.explain(request).sql_statement.sql.replace('"warehouse".', "")
    found = {pipeline: value for pipeline, value in engine().con.execute(sql).fetchall() if value is not None}
    assert found == {"b2b": pytest.approx(1100), "studio": pytest.approx(3000), "adtech": pytest.approx(14400)}
