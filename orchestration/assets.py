"""The assets: what is taken in, what is built, and what is published. Groups are the folders of models/."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import (
    DBT_DEFAULT_EXCLUDE,
    DBT_DEFAULT_SELECT,
    DBT_DEFAULT_SELECTOR,
    build_dbt_specs,
    get_asset_check_key_for_test,
)

from orchestration.execute import Execution
from orchestration.project import load_manifest
from orchestration.resources import BuildOptions, TakeIn, Warehouse
from scoring import watch
from warehouse import dbt, pipeline
from warehouse.build import BuildFailedError, build
from warehouse.ingest.health import HealthCheck, reject_rate, silent_sources
from warehouse.publish import is_current
from warehouse.statistics import statistics
from warehouse.store import open_store, row_counts

SOURCES = AssetSpec(
    key=["sources", "inbox"],
    group_name="sources",
    description="Files that operational systems put into the inbox, or that a run is given.",
)
RAW_TABLES = {
    "events": "Accepted events, exactly once.",
    "rejected_events": "Rejected records, with their reason and original text.",
    "batches": "What was taken in, from where, with which result.",
    "schema_drift": "Data fields that no contract knows.",
    "event_pseudonyms": "Keyed pseudonyms of e-mails and phones.",
}


class Translator(DagsterDbtTranslator):  # type: ignore[misc]
    """Names assets by their schema and puts them into the group of their folder."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """``schema / name``, as in the warehouse."""
        return AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The folder of the model, which is its layer."""
        return str(dbt_resource_props["schema"])

    def get_asset_check_spec(
        self, asset_spec: AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> AssetCheckSpec | None:
        """The check of a dbt test. It holds up nothing by itself: the build fails as a whole where one fails."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec._replace(blocking=False) if spec else None


@dataclass
class _Observer:
    execution: Execution | None = None
    on_node: dbt.OnNode | None = None


_observer = _Observer()


@contextmanager
def observed(execution: Execution, on_node: dbt.OnNode | None) -> Iterator[None]:
    """Let a caller in this process see what the steps of its run do."""
    _observer.execution, _observer.on_node = execution, on_node
    try:
        yield
    finally:
        _observer.execution = _observer.on_node = None


MANIFEST = load_manifest()
TRANSLATOR = Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))
DBT_SPECS, CHECK_SPECS = build_dbt_specs(
    translator=TRANSLATOR,
    manifest=MANIFEST,
    select=DBT_DEFAULT_SELECT,
    exclude=DBT_DEFAULT_EXCLUDE,
    selector=DBT_DEFAULT_SELECTOR,
    io_manager_key=None,
    project=None,
)
COMPUTED_SPECS = [
    AssetSpec(
        key=["computed", statistic.name],
        deps=[AssetKey(table.split(".")) for table in statistic.reads],
        group_name="computed",
        description=MANIFEST["sources"][f"source.dealhouse.{statistic.table}"]["description"],
    )
    for statistic in statistics()
]

WATCH_SPECS = [
    AssetCheckSpec(one.name, asset=["scores", one.table], description=one.description) for one in watch.WATCHES
]


def build_order() -> Iterator[AssetKey]:
    """Keys of all that a build makes, each after what it reads."""
    parents = {spec.key: {dep.asset_key for dep in spec.deps} for spec in [*DBT_SPECS, *COMPUTED_SPECS]}
    return (key for key in TopologicalSorter(parents).static_order() if key in parents)


@multi_asset(
    specs=[
        AssetSpec(key=["raw", name], deps=[SOURCES.key], group_name="raw", description=description)
        for name, description in RAW_TABLES.items()
    ],
    check_specs=[
        AssetCheckSpec(
            "reject_rate", asset=["raw", "events"], description="At most 1 % of the newest batch is rejected."
        ),
        AssetCheckSpec(
            "silent_source",
            asset=["raw", "events"],
            description="No source is silent for longer than is usual for it.",
        ),
    ],
    name="take_in",
)
def take_in(
    context: AssetExecutionContext, config: TakeIn, warehouse: Warehouse
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Land what has arrived and take it in, exactly once."""
    settings = warehouse.settings
    problems: list[str] = []
    known: list[str] = []
    batches = pipeline.take_in(
        settings,
        [Path(path) for path in config.paths],
        Path(config.mapping) if config.mapping else None,
        on_problem=problems.append,
        on_known=known.append,
    )
    for problem in problems:
        context.log.warning(problem)
    if _observer.execution is not None:
        _observer.execution.batches, _observer.execution.problems = batches, problems
        _observer.execution.known = known
    for sentence in [*known, *map(str, batches)]:
        context.log.info(sentence)
    with open_store(settings.layout(), settings) as con:
        counts = row_counts(con, "raw")
        checks = {"reject_rate": reject_rate(con), "silent_source": silent_sources(con)}
    for name in RAW_TABLES:
        yield MaterializeResult(
            asset_key=["raw", name],
            metadata={"dagster/row_count": counts.get(name, 0), "new_batches": len(batches)},
        )
    for name, check in checks.items():
        yield _ingestion_check(name, check)


def _ingestion_check(name: str, check: HealthCheck) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=name,
        asset_key=AssetKey(["raw", "events"]),
        passed=check.passed,
        severity=AssetCheckSeverity.WARN,
        description=check.sentence,
    )


@multi_asset(
    specs=[*DBT_SPECS, *COMPUTED_SPECS],
    check_specs=[*CHECK_SPECS, *WATCH_SPECS],
    name="build",
    can_subset=True,
    allow_arbitrary_check_specs=True,
)
def built(
    context: AssetExecutionContext, config: BuildOptions, warehouse: Warehouse
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Build what is due: the models, and between them the statistics that they read.

    Where nothing is, and readers see it already, nothing after this step runs.
    """
    settings = warehouse.settings
    home = settings.layout()
    clocks = config.clocks()
    try:
        outcome = build(settings, clocks, config.full_refresh, on_node=_log_to(context))
    except BuildFailedError as failed:
        yield from _check_results(failed.nodes)
        raise Failure(description=str(failed), allow_retries=False) from failed
    context.log.info(f"Build: {outcome.plan.action}, because {outcome.plan.reason}.")
    if _observer.execution is not None:
        _observer.execution.built = outcome
    if outcome.plan.action == "nothing" and is_current(home, pipeline.run_info(outcome, clocks)):
        return
    with open_store(home, settings) as con:
        counts = {layer: row_counts(con, layer) for layer in {key.path[0] for key in context.assets_def.keys}}
    for key in build_order():
        if key in context.selected_asset_keys:
            layer, table = key.path
            yield MaterializeResult(asset_key=key, metadata={"dagster/row_count": counts[layer].get(table, 0)})
    yield from _check_results(outcome.nodes)
    with open_store(home, settings) as con:
        seen = watch.look(con)
    for one in seen:
        key = AssetKey(["scores", one.watch.table])
        if key in context.selected_asset_keys:
            yield AssetCheckResult(
                check_name=one.watch.name,
                asset_key=key,
                passed=one.passed,
                severity=AssetCheckSeverity.WARN,
                description=one.sentence,
                metadata={"newest": MetadataValue.md(one.markdown)},
            )


def _log_to(context: AssetExecutionContext) -> dbt.OnNode:
    def log(node: dbt.NodeResult, number: int, total: int) -> None:
        context.log.info(f"{number} of {total} {node.name}: {node.status} in {node.seconds:.2f} s")
        if _observer.on_node is not None:
            _observer.on_node(node, number, total)

    return log


def _check_results(nodes: list[dbt.NodeResult]) -> Iterator[AssetCheckResult]:
    for node in nodes:
        key = get_asset_check_key_for_test(MANIFEST, TRANSLATOR, node.unique_id, None)
        if key is None or node.status == "skipped":
            continue
        warns = MANIFEST["nodes"][node.unique_id]["config"]["severity"].lower() == "warn"
        yield AssetCheckResult(
            passed=node.status == "pass",
            asset_key=key.asset_key,
            check_name=key.name,
            severity=AssetCheckSeverity.WARN if warns else AssetCheckSeverity.ERROR,
            metadata={"failures": node.failures or 0, "message": node.message},
        )


@asset(
    key=["published", "current"],
    group_name="published",
    deps=[key for key in built.keys if key.path[0] in ("facts", "marts", "scores", "contacts")],
    description="The read-only file that dashboards and analysts read, swapped in at once.",
)
def published(context: AssetExecutionContext, config: BuildOptions, warehouse: Warehouse) -> MaterializeResult[Any]:
    """Publish the build that has just finished."""
    settings = warehouse.settings
    clocks = config.clocks()
    # Nothing is due any more, so that this only tells what the build before this step has left.
    outcome = build(settings, clocks)
    version = pipeline.publish_build(settings, outcome, clocks)
    if _observer.execution is not None:
        _observer.execution.published = version
    if version is None:
        return MaterializeResult(metadata={"version": "unchanged"})
    return MaterializeResult(
        metadata={
            "version": version.version,
            "path": MetadataValue.path(str(version.path)),
            "as_of": str(outcome.as_of),
        }
    )
