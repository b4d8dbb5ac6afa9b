"""Runs dbt inside this process, on the project of the settings and the work file of a home.

In process, because a child would outlive a killed parent and go on holding the work file, and because dbt's start-up is
then paid once. What is built, and when, is decided elsewhere; what a model says is in models/.
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import DealhouseError
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

GOOD = {"success", "pass", "warn", "no-op"}
"""Statuses of nodes after which a build may be published."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int | None
    severity: str = ""
    """Of a test: error or warn."""
    checked: str = ""
    """Of a test: the model that it is attached to."""

    @property
    def is_good(self) -> bool:
        """Whether the node did not fail and was not passed over."""
        return self.status in GOOD

    @property
    def name(self) -> str:
        """Last part of the id, as people know it."""
        return self.unique_id.split(".")[2]


@dataclass
class BuildResult:
    """What became of a whole dbt call."""

    nodes: list[NodeResult] = field(default_factory=list)

    @property
    def failed(self) -> list[NodeResult]:
        """Nodes that failed by themselves; those skipped because of them are left out."""
        return [node for node in self.nodes if not node.is_good and node.status != "skipped"]


OnNode = Callable[[NodeResult, int, int], None]
"""Called as each node ends, with its number and the number of all."""


def environment(settings: Settings) -> dict[str, str]:
    """Variables that profiles.yml and the macros read, from the settings."""
    home = settings.layout()
    return {
        "DEALHOUSE_HOME": str(home.root),
        "DEALHOUSE_THREADS": str(settings.threads),
        "DEALHOUSE_MEMORY_LIMIT": settings.memory_limit,
        "DEALHOUSE_REPORTING_CURRENCY": settings.reporting_currency,
        "DEALHOUSE_STAGE_RULE_SET": settings.stage_rule_set,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


@contextmanager
def _applied(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def parse(settings: Settings) -> "Manifest":
    """Read the project and write its manifest; handing the result to :func:`invoke` saves reading it again.

    Raises
    ------
    DealhouseError
        If the project does not parse.
    """
    from dbt.contracts.graph.manifest import Manifest

    manifest = _call(settings, ["parse"], None, None)
    assert isinstance(manifest, Manifest)
    return manifest


def invoke(
    settings: Settings,
    arguments: list[str],
    on_node: OnNode | None = None,
    manifest: "Manifest | None" = None,
) -> BuildResult:
    """Call dbt with these arguments, and let go of the work file afterwards.

    Parameters
    ----------
    settings
        Whose home and project are meant.
    arguments
        A dbt command and its options, for instance ``["build", "--full-refresh"]``.
    on_node
        Told of each model, seed and test as it ends.
    manifest
        The project as :func:`parse` has read it; it is read anew where this is missing.

    Raises
    ------
    DealhouseError
        If dbt could not run at all (the project does not parse, the work file does not open). Failing models and
        tests do not raise; they are in the result.
    """
    # A manifest that is handed in has been written by parse(); writing it takes more than a second.
    result = _call(settings, arguments if manifest is None else ["--no-write-json", *arguments], on_node, manifest)
    return BuildResult(
        [
            NodeResult(
                node.node.unique_id,
                str(node.status),
                (node.message or "").strip(),
                float(node.execution_time),
                node.failures,
                str(getattr(node.node.config, "severity", "")).lower(),
                (getattr(node.node, "attached_node", None) or "").rpartition(".")[2],
            )
            for node in getattr(result, "results", [])
            # What runs before and after all else is told of where it fails.
            if not (node.node.resource_type == "operation" and str(node.status) in GOOD)
        ]
    )


def count_nodes(manifest: "Manifest", models: Collection[str] | None = None) -> int:
    """Models, seeds and tests that a build of these models runs, or of the whole project; without unit tests."""
    kinds = ("model", "seed", "snapshot", "test")
    nodes = [node for node in manifest.nodes.values() if node.resource_type in kinds]
    if models is None:
        return len(nodes)
    chosen = {node.unique_id for node in nodes if node.resource_type == "model" and node.name in models}
    checks = [node for node in nodes if node.resource_type == "test"]
    return len(chosen) + sum(not chosen.isdisjoint(check.depends_on.nodes) for check in checks)


def _call(settings: Settings, arguments: list[str], on_node: OnNode | None, manifest: "Manifest | None") -> Any:
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    home = settings.layout()
    home.dbt.mkdir(parents=True, exist_ok=True)

    def listen(event: Any) -> None:
        if on_node is not None and event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            info = event.data.node_info
            total = event.data.num_models if event.info.name == "LogTestResult" else event.data.total
            on_node(
                NodeResult(info.unique_id, info.node_status, "", event.data.execution_time, None),
                event.data.index,
                total,
            )

    project = str(settings.project_dir)
    with _applied(environment(settings)):
        try:
            outcome = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(
                [
                    "--quiet",
                    "--log-format-file",
                    "text",
                    "--log-level",
                    "none",
                    *arguments,
                    "--project-dir",
                    project,
                    "--profiles-dir",
                    project,
                    "--target-path",
                    str(home.dbt),
                    "--log-path",
                    str(home.dbt),
                ]
            )
        finally:
            _let_go()
            reset_adapters()
    if outcome.exception is not None:
        raise DealhouseError(
            "The models were not built: dbt could not run.",
            where=project,
            why=str(outcome.exception).strip(),
            todo=f"Mend the cause and run again; details are in {home.dbt / 'dbt.log'}.",
        )
    return outcome.result


def _let_go() -> None:
    """Close dbt's connections: it keeps them, and with them the work file's lock, for the life of the process.

    What it calls closing them only forgets them, so that an error that refers to one keeps the file open.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    kept = DuckDBConnectionManager._ENV
    DuckDBConnectionManager.close_all_connections()
    if kept is not None:
        with suppress(Exception):  # a damaged file may refuse even that
            kept.close()


def manifest_path(settings: Settings) -> Path:
    """Where dbt leaves its manifest."""
    return settings.layout().dbt / "manifest.json"
