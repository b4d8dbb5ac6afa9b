"""What Dagster shows: groups, lineage, checks, jobs, the sensor of the inbox, and the job in process."""

import importlib
import json
import sys
from pathlib import Path

import pytest
from dagster import AssetKey, RunRequest, SkipReason, build_sensor_context

from warehouse.errors import DealhouseError
from warehouse.settings import Settings
from warehouse.statistics import statistics

WORKSHOP = ("staging", "features", "sync")
"""Layers that are not published."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("orchestration") / "home"


@pytest.fixture(scope="module")
def definitions(home):
    """The definitions of a fresh home: they read it when they are imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEALHOUSE_HOME", str(home))
        for name in [name for name in sys.modules if name.startswith("orchestration")]:
            patch.delitem(sys.modules, name)
        yield importlib.import_module("orchestration.definitions")


def models(definitions):
    manifest = importlib.import_module("orchestration.assets").MANIFEST
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_every_model_is_an_asset_in_the_group_of_its_folder(definitions):
    graph = definitions.defs.resolve_asset_graph()
    for model in models(definitions):
        folder = Path(model["original_file_path"]).parts[1]
        node = graph.get(AssetKey([folder, model["name"]]))
        assert node.group_name == folder
        assert model["description"].split(".")[0] in (node.description or "")


def test_lineage_goes_one_way_from_the_inbox_to_the_publication(definitions):
    graph = definitions.defs.resolve_asset_graph()
    events = AssetKey(["raw", "events"])
    assert graph.get(events).parent_keys == {AssetKey(["sources", "inbox"])}
    assert events in graph.get(AssetKey(["staging", "stg_deal_event"])).parent_keys
    assert AssetKey(["facts", "fact_deal"]) in graph.get(AssetKey(["marts", "united_stage"])).parent_keys
    published = graph.get(AssetKey(["published", "current"])).parent_keys
    assert {key.path[0] for key in published} == {"facts", "marts", "scores", "contacts"}
    assert len(published) == sum(Path(m["original_file_path"]).parts[1] not in WORKSHOP for m in models(definitions))


def test_statistics_stand_between_what_they_read_and_the_marts(definitions):
    graph = definitions.defs.resolve_asset_graph()
    assert statistics()
    for statistic in statistics():
        node = graph.get(AssetKey(statistic.table.split(".")))
        assert node.group_name == "computed"
        assert node.parent_keys == {AssetKey(table.split(".")) for table in statistic.reads}
        assert {key.path[0] for key in node.child_keys} in ({"marts"}, {"scores"})
        assert (node.description or "").startswith("One row per")


def test_every_data_test_is_a_check_and_ingestion_has_its_own(definitions):
    manifest = importlib.import_module("orchestration.assets").MANIFEST
    graph = definitions.defs.resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys}
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert tests
    assert tests <= names
    assert {"reject_rate", "silent_source"} <= names
    assert {"outcomes_as_expected", "segments_as_expected", "population_as_learnt"} <= names


def test_jobs_and_schedule_exist(definitions):
    assert {job.name for job in definitions.defs.resolve_all_job_defs()} >= {
        "run",
        "full_refresh",
        "ingestion",
        "train",
        "retention",
    }
    assert definitions.hourly.cron_schedule == "0 * * * *"
    assert definitions.weekly.cron_schedule == "0 3 * * 1"
    assert definitions.daily.job_name == "retention"
    # A run scores with what is in force; it never fits anything.
    selected = definitions.defs.resolve_job_def("run").asset_layer.executable_asset_keys
    assert not {key for key in selected if key.path[0] == "models"}


def test_the_sensor_asks_for_one_run_for_the_same_files(definitions, home):
    inbox = home / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    (first,) = list(definitions.inbox(build_sensor_context()))
    assert isinstance(first, SkipReason)
    waiting = inbox / "a.ndjson"
    waiting.write_text("")
    (inbox / ".half.ndjson.part").write_text("")
    (one,), (other,) = (list(definitions.inbox(build_sensor_context())) for _ in range(2))
    assert isinstance(one, RunRequest)
    assert one.run_key == other.run_key
    assert "half" not in (one.run_key or "")
    waiting.unlink()
    (inbox / ".half.ndjson.part").unlink()


def event(number: int, **data: object) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "crm",
            "type": "crm.deal.created",
            "time": f"2026-01-{number:02d}T10:00:00Z",
            "data": {"deal_id": f"d{number}", "pipeline": "adtech", "amount": 100, "currency": "USD", **data},
        }
    )


@pytest.mark.slow
def test_the_job_in_process_takes_in_builds_and_publishes_once(definitions, home, tmp_path):
    execute = importlib.import_module("orchestration.execute").execute
    settings = Settings(home=home)
    log = tmp_path / "log.ndjson"
    log.write_text("\n".join(event(number) for number in (1, 2, 3)) + "\n")
    first = execute(settings, [log], None)
    assert [batch.accepted for batch in first.batches] == [3]
    assert first.built is not None
    assert first.built.plan.action == "full"
    assert first.published is not None
    again = execute(settings, [log], None)
    assert again.batches == []
    assert again.built is not None
    assert again.built.plan.action == "nothing"
    assert again.published is None


@pytest.mark.slow
def test_the_other_jobs_run_under_the_lock_that_they_hold(definitions, home):
    """After the run above: three open deals teach nothing, and nothing is old enough to go."""
    from scoring.specs import SPECS
    from warehouse import registry

    assert definitions.defs.resolve_job_def("train").execute_in_process().success
    kept = registry.champions(Settings(home=home).layout())
    assert {one.score for one in kept} == {spec.score for spec in SPECS}
    assert definitions.defs.resolve_job_def("retention").execute_in_process().success


def test_a_failed_run_says_which_step_why_and_what_to_do(definitions, home, tmp_path):
    execute = importlib.import_module("orchestration.execute").execute
    with pytest.raises(DealhouseError) as failure:
        execute(Settings(home=home), [tmp_path / "nowhere.ndjson"], None)
    text = str(failure.value)
    assert "take_in" in text
    assert "nowhere.ndjson" in text
    assert "What to do" in text
