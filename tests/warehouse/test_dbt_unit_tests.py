"""The models' own unit tests pass, and no model that computes something is without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from warehouse import dbt
from warehouse.settings import Settings
from warehouse.store import open_store

PROVEN_BY_MACRO = "stg_deal_event"
"""The staging model that proves the macro stage_events for every kind of field; the others are a call of it alone."""

STAGED_LIKE_DEALS = "its body is the macro stage_events alone, which stg_deal_event proves for every kind of field"
PASS_THROUGH = {
    "dim_stage": "hands on the columns of its seed as they are",
    "stg_account_event": STAGED_LIKE_DEALS,
    "stg_activity_event": STAGED_LIKE_DEALS,
    "stg_contact_event": STAGED_LIKE_DEALS,
    "stg_fx_rate_event": STAGED_LIKE_DEALS,
    "stg_kpi_event": STAGED_LIKE_DEALS,
    "stg_lead_event": STAGED_LIKE_DEALS,
    "stg_nps_event": STAGED_LIKE_DEALS,
    "stg_ticket_event": STAGED_LIKE_DEALS,
    "stg_payment_event": STAGED_LIKE_DEALS,
    "stg_subscription_event": STAGED_LIKE_DEALS,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An empty warehouse in which every model stands: dbt takes the columns of the mocked inputs from there."""
    settings = Settings(home=tmp_path_factory.mktemp("unit"), reporting_currency="USD", stage_rule_set="adtech")
    open_store(settings.layout(), settings).close()
    result = dbt.invoke(settings, ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"])
    assert result.nodes
    assert [node for node in result.nodes if not node.is_good] == []
    return settings


@pytest.fixture(scope="module")
def manifest(settings: Settings) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(dbt.manifest_path(settings)).read_text())
    return read


def models(manifest: dict[str, Any]) -> dict[str, str]:
    """Code of each model of our own, by name."""
    nodes = manifest["nodes"].values()
    return {node["name"]: node["raw_code"] for node in nodes if node["resource_type"] == "model"}


def test_all_unit_tests_of_models_pass(settings: Settings, manifest: dict[str, Any]) -> None:
    result = dbt.invoke(settings, ["test", "--select", "test_type:unit"])
    assert [(node.name, node.message) for node in result.nodes if node.status != "pass"] == []
    assert {node.unique_id for node in result.nodes} == set(manifest["unit_tests"])


def passes_through(code: str) -> bool:
    """Whether a model is one call of stage_events, or hands on the columns of a seed as they are."""
    text = code.strip()
    if "stage_events(" in text:
        return text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1
    computing = ("join", "group by", "case", "cast", "over (", "where")
    return text.count("{{") == 1 and not any(word in text for word in computing)


def test_every_model_that_computes_something_has_a_unit_test(manifest: dict[str, Any]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    computing = {name for name, code in models(manifest).items() if not passes_through(code)}
    assert computing - tested == set()
    assert PROVEN_BY_MACRO in tested
