"""What every model owes its reader: a grain stated and tested, columns described, a place in a layer."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.laws.compiled import project

Node = dict[str, Any]

READS = {
    "staging": {"raw"},
    "facts": {"staging", "facts", "seeds"},
    "marts": {"facts", "marts", "seeds", "stg_clock", "computed", "scores"},
    "features": {"staging", "facts", "features", "seeds", "stg_clock"},
    "contacts": {"staging"},
    "scores": {"computed"},
    "sync": {"marts", "scores", "delivery", "sync_target", "stg_clock"},
}
"""What the models of a layer may read: a schema, or one table by its name."""

EXCEPTIONS = {
    "dim_date": {"raw.events": "the calendar begins a week before the first event, of whatever type"},
    "dim_contact": {"raw.event_pseudonyms": "keys stand in for e-mail and phone"},
    "fact_lead": {"raw.event_pseudonyms": "keys stand in for e-mail and phone"},
    "source_history": {"raw.events": "when a source was first received is asked of all types, of the envelope alone"},
    "fact_source_day": {"raw.events": "which sources are heard of is asked of all types, of the envelope alone"},
    "fact_batch": {"raw.batches": "what ingestion did is no event"},
    "fact_rejection": {"raw.batches": "see fact_batch", "raw.rejected_events": "what was rejected is no event"},
    "fact_unknown_field": {"raw.batches": "see fact_batch", "raw.schema_drift": "what ingestion noticed is no event"},
    "fact_check": {"raw.check_results": "what the build found of its own tables is no event"},
    "fact_delivery": {"raw.delivery": "what destinations answered is no event"},
    "fact_sync_run": {"raw.sync_run": "how syncs ended is no event"},
    "sync_segment_member": {"raw.segment_member": "segments are defined by users, in files that dbt does not know"},
    "sync_deal": {
        "fact_deal": "the stage of each deal stands in no mart",
        "fact_sla": "so do its timers",
    },
    "sync_event": {
        "fact_deal": "see sync_deal",
        "fact_sla": "see sync_deal",
        "fact_deal_stage": "each visit to a stage is news, which marts count",
        "fact_subscription": "renewals are told one by one, which marts count",
        "fact_subscription_period": "see fact_subscription",
        "assumption": "how long news is news",
    },
    "deal_days": {"stg_deal_event": "it replays each deal event by event, which no fact keeps"},
}
"""What single models read besides, and why."""


def models() -> dict[str, Node]:
    nodes = project().manifest["nodes"]
    return {node["name"]: node for node in nodes.values() if node["resource_type"] == "model"}


def data_tests(name: str) -> list[Node]:
    nodes = project().manifest["nodes"].values()
    return [
        node for node in nodes if node["resource_type"] == "test" and node["attached_node"] == f"model.dealhouse.{name}"
    ]


def parents(node: Node) -> list[tuple[str, str]]:
    """Schema and name of all that a model reads."""
    manifest = project().manifest
    known = manifest["nodes"] | manifest["sources"]
    return [(known[key]["schema"], known[key]["name"]) for key in node["depends_on"]["nodes"]]


NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "models").rglob("*.sql"))


def test_every_file_is_a_model() -> None:
    assert sorted(models()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_description_states_the_grain(name: str) -> None:
    assert models()[name]["description"].startswith("One row"), "begin with the grain: One row per ..."


@pytest.mark.parametrize("name", NAMES)
def test_grain_is_tested(name: str) -> None:
    grains = [test for test in data_tests(name) if test["test_metadata"]["name"] == "unique_grain"]
    if name == "stg_clock":
        return  # one row: there is no key
    assert len(grains) == 1
    columns = grains[0]["test_metadata"]["kwargs"]["columns"]
    assert set(columns) <= set(models()[name]["columns"])
    assert grains[0]["config"]["severity"].lower() == "error"


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_described_and_typed(name: str) -> None:
    for column in models()[name]["columns"].values():
        assert column["description"].strip(), column["name"]
        assert "doc(" not in column["description"], column["name"]
        assert column["data_type"], column["name"]


@pytest.mark.parametrize("name", NAMES)
def test_contract_is_enforced_outside_of_staging(name: str) -> None:
    node = models()[name]
    assert node["contract"]["enforced"] or node["schema"] == "staging"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "stg_clock"])
def test_every_row_has_a_tenant(name: str) -> None:
    assert "tenant_id" in models()[name]["columns"]


@pytest.mark.parametrize("name", NAMES)
def test_folder_is_schema(name: str) -> None:
    node = models()[name]
    assert Path(node["original_file_path"]).parts[1] == node["schema"]
    assert node["schema"] in READS
    assert name.startswith("stg_") == (node["schema"] == "staging")
    assert name.startswith(("fact_", "dim_")) == (node["schema"] == "facts")
    assert name.startswith("sync_") == (node["schema"] == "sync")
    assert not name.startswith(("feat_", "label_")) or node["schema"] == "features"


def test_a_column_has_one_type_everywhere() -> None:
    types: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, node in models().items():
        for column in node["columns"].values():
            types[column["name"]][column["data_type"]].append(name)
    assert not {column: dict(kinds) for column, kinds in types.items() if len(kinds) > 1}


@pytest.mark.parametrize("name", NAMES)
def test_layers_read_downwards_only(name: str) -> None:
    node = models()[name]
    allowed = READS[node["schema"]]
    refused = [
        f"{schema}.{parent}"
        for schema, parent in parents(node)
        if not allowed & {schema, parent}
        and not {parent, f"{schema}.{parent}"} & set(EXCEPTIONS.get(name, {}))
        # The mark of incremental models; it says what was built, not what happened.
        and (schema, parent) != ("raw", "watermarks")
    ]
    assert not refused, f"models in {node['schema']} read {sorted(allowed)} only"


def test_no_exception_outlives_its_reason() -> None:
    for name, exceptions in EXCEPTIONS.items():
        read = {part for schema, parent in parents(models()[name]) for part in (parent, f"{schema}.{parent}")}
        assert set(exceptions) <= read, name


def test_an_owner_stands_once_in_a_territory_however_it_is_written() -> None:
    """Leads are matched without regard to case, so that RIGA beside Riga would give somebody twice the room."""
    (test,) = [
        node
        for node in project().manifest["nodes"].values()
        if node["resource_type"] == "test" and node["attached_node"] == "seed.dealhouse.sales_territory"
    ]
    assert test["test_metadata"]["name"] == "unique_grain"
    with duckdb.connect() as con:
        con.execute(
            "create table territory as from (values ('t', 'city', 'Riga', 'r1'), ('t', 'city', 'RIGA', 'r1'), "
            "('t', 'city', 'riga', 'r2')) as given (tenant_id, lead_field, lead_value, owner_id)"
        )
        keys = ", ".join(test["test_metadata"]["kwargs"]["columns"])
        assert con.execute(f"select {keys} from territory group by all having count(*) > 1").fetchall() == [
            ("t", "city", "riga", "r1")
        ]
