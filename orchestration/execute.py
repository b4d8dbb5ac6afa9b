"""Runs the Dagster job ``run`` in this process: the same assets, checks and lock as under ``dagster dev``."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from warehouse import dbt
from warehouse.build import Built
from warehouse.errors import DealhouseError
from warehouse.ingest import BatchResult
from warehouse.lock import writer_lock
from warehouse.publish import Published
from warehouse.recover import ensure_warehouse, is_corruption
from warehouse.settings import Settings

INSTANCE_SETTINGS = "telemetry:\n  enabled: false\n"


@dataclass
class Execution:
    """What became of a run in process, filled in by its steps."""

    batches: list[BatchResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Files that were left in the inbox, in words for the user."""
    known: list[str] = field(default_factory=list)
    """Files that had been taken in before, and as which batch, in words for the user."""
    built: Built | None = None
    published: Published | None = None


def execute(
    settings: Settings,
    paths: list[Path],
    mapping: Path | None,
    as_of: str = "",
    known_at: str = "",
    full_refresh: bool = False,
    on_node: dbt.OnNode | None = None,
) -> Execution:
    """Run the job once and wait for it.

    Raises
    ------
    DealhouseError
        Of the step that failed: which one, why, and what to do.
    """
    home = settings.layout()
    os.environ["DEALHOUSE_HOME"] = str(home.root)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    home.dagster.mkdir(parents=True, exist_ok=True)
    configuration = home.dagster / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(INSTANCE_SETTINGS)

    from dagster import DagsterInstance, RunConfig

    from orchestration import assets
    from orchestration.definitions import defs
    from orchestration.resources import BuildOptions, TakeIn

    options = BuildOptions(as_of=as_of, known_at=known_at, full_refresh=full_refresh)
    run_config = RunConfig(
        loggers={"console": {"config": {"log_level": "CRITICAL"}}},
        ops={
            "take_in": TakeIn(paths=[str(path) for path in paths], mapping=str(mapping) if mapping else ""),
            "build": options,
            "published__current": options,
        },
    )
    with DagsterInstance.from_config(str(home.dagster)) as instance:
        for attempt in (1, 2):
            execution = Execution()
            with assets.observed(execution, on_node):
                result = defs.resolve_job_def("run").execute_in_process(
                    instance=instance, raise_on_error=False, run_config=run_config
                )
            if result.success:
                return execution
            error = _explained(result)
            if attempt == 2 or not is_corruption(error):
                raise error
            # The work file is damaged: it goes, and the next attempt makes it anew from landing.
            with writer_lock(home, "rebuild", wait_seconds=settings.lock_wait_seconds):
                ensure_warehouse(home, settings, rebuild=True)
    raise AssertionError


def _explained(result: object) -> DealhouseError:
    from dagster import DagsterEventType, ExecuteInProcessResult

    assert isinstance(result, ExecuteInProcessResult)
    for event in result.all_events:
        if event.event_type in (DagsterEventType.STEP_FAILURE, DagsterEventType.PIPELINE_FAILURE):
            data = event.event_specific_data
            failure = getattr(data, "user_failure_data", None)
            error = getattr(data, "error", None)
            message = (failure.description if failure else None) or (_root(error) if error else event.message)
            step = event.step_key or "run"
            return DealhouseError(
                f"The run failed in the step '{step}'.",
                why=str(message).strip(),
                todo="Mend the cause and start the run again: it goes on where it stopped, nothing is lost or doubled.",
            )
    return DealhouseError("The run failed.", todo="Look at the run in `dagster dev`.")


def _root(error: object) -> str:
    cause = error
    while getattr(cause, "cause", None) is not None:
        cause = cause.cause  # type: ignore[attr-defined]
    return str(getattr(cause, "message", cause))
