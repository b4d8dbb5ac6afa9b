"""Decides what dbt has to build, and whether the outcome may be published.

The state of the last good build stands in the work file, beside what it is about: losing the file loses both, and the
next run starts from landing. How a model is computed is in models/; how dbt is run, in :mod:`warehouse.dbt`; what a
statistic is, in :mod:`warehouse.statistics`.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from warehouse import __version__, checks, computed, dbt, registry
from warehouse.affected import affected
from warehouse.clock import utc_now
from warehouse.errors import DealhouseError
from warehouse.recover import is_corruption
from warehouse.settings import Home, Settings
from warehouse.statistics import Statistic, code_files, statistics
from warehouse.store import open_store
from warehouse.writeback.ledger import Ledger

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_WHERE = re.compile(r"(Runtime|Compilation|Database|Parsing|Dependency|Validation) Error in ")
ALONE = "tag:alone+"
"""Models whose state is large and cannot be spilled: two of them at once would not fit into the memory limit."""
PROJECT_PARTS = ("models", "macros", "seeds")
STATE_DDL = """
create table if not exists raw.build_state (
    fingerprint varchar, asked_as_of timestamp, asked_known_at timestamp, batch_id bigint, rejected bigint,
    as_of timestamp, built_at timestamp, build_id varchar
);
alter table raw.build_state add column if not exists models varchar;
alter table raw.build_state add column if not exists receipts bigint;
alter table raw.build_state add column if not exists is_whole boolean;
"""


@dataclass(frozen=True)
class Clocks:
    """What a run was asked for; None is the default (the latest event time, and now), both naive UTC."""

    as_of: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What the next build would do, and why."""

    action: str
    """``nothing``, ``incremental`` or ``full``."""
    reason: str
    fingerprint: str
    batch_id: int
    rejected: int
    new_types: frozenset[str] = field(default=frozenset(), repr=False)
    """Types of the events that have come since the last build; only where the action is ``incremental``."""
    time_has_passed: bool = False
    """Whether as_of has moved since; only where the action is ``incremental``."""
    models: str = ""
    """Versions of the scoring models in force."""
    models_changed: bool = True
    """Whether these are others than at the last build."""
    receipts: int = 0
    """Number of the last line of the ledger of write-back."""


@dataclass(frozen=True)
class Built:
    """A build that succeeded, or that had nothing to do."""

    plan: Plan
    build_id: str
    as_of: datetime | None
    nodes: list[dbt.NodeResult]


class BuildFailedError(DealhouseError):
    """Models, statistics or checks of severity error failed; nothing may be published from this build."""

    def __init__(self, result: dbt.BuildResult, log: Path) -> None:
        # Where the work file is damaged, that has to be in the text: the run then makes the file anew.
        failed = sorted(result.failed, key=lambda node: not is_corruption(node.message))
        self.nodes = result.nodes
        lines = "; ".join(f"{node.name} ({_reason(node.message)})" for node in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        super().__init__(
            "The build failed, so nothing was published; readers keep the last good version.",
            where=", ".join(node.unique_id for node in failed[:5]) + more,
            why=lines + more,
            todo=f"Look at the failing rows or SQL, mend the cause, and run again. Compiled SQL and the log: {log}.",
        )


def _reason(text: str) -> str:
    """First line that says what is wrong; dbt says where before that, in a line of its own."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and _WHERE.match(lines[0]):
        lines = lines[1:]
    return lines[0] if lines else "no message"


def project_fingerprint(settings: Settings) -> str:
    """Hash of all that a table depends on besides events: models, macros, seeds, statistics, settings of the SQL."""
    digest = hashlib.sha256(__version__.encode())
    for value in (settings.reporting_currency, settings.stage_rule_set):
        digest.update(b"\0" + value.encode())
    files = [settings.project_dir / "dbt_project.yml"]
    for part in PROJECT_PARTS:
        files += (path for path in (settings.project_dir / part).rglob("*") if path.suffix in (".sql", ".csv", ".yml"))
    for path in sorted(files):
        digest.update(b"\0" + path.relative_to(settings.project_dir).as_posix().encode() + b"\0" + path.read_bytes())
    for path in code_files():
        digest.update(b"\0" + f"{path.parent.name}/{path.name}".encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def plan(con: duckdb.DuckDBPyConnection, settings: Settings, clocks: Clocks, full_refresh: bool = False) -> Plan:
    """Work out what has to be built: nothing, what is new, or everything.

    A build for a past instant is a full one, and so is the first one after it: incremental models only go forward.
    """
    con.execute(STATE_DDL)
    fingerprint = project_fingerprint(settings)
    batches = con.execute("select coalesce(max(batch_id), 0), coalesce(sum(rejected), 0) from raw.batches").fetchone()
    assert batches is not None
    batch_id, rejected = int(batches[0]), int(batches[1])
    state = con.execute(
        "select fingerprint, asked_as_of, asked_known_at, batch_id, rejected, as_of, models, receipts "
        "from raw.build_state"
    ).fetchone()
    models = " ".join(one.version for one in registry.champions(settings.layout()))
    models_changed = state is None or (state[6] or "") != models
    receipts = Ledger(settings.layout()).head()

    def decided(action: str, reason: str) -> Plan:
        return Plan(
            action,
            reason,
            fingerprint,
            batch_id,
            rejected,
            models=models,
            models_changed=models_changed,
            receipts=receipts,
        )

    if full_refresh:
        return decided("full", "a full refresh was asked for")
    if state is None:
        return decided("full", "there is no finished build to start from")
    if state[0] != fingerprint:
        return decided("full", "models, seeds or settings have changed")
    if (state[1], state[2]) != (clocks.as_of, clocks.known_at):
        return decided("full", "another as_of or known_at was asked for")
    if state[3] == batch_id and not models_changed and (state[7] or 0) == receipts:
        return decided("nothing", "no batch has come since the last build")
    if clocks != Clocks():
        return decided("full", "a build for a past instant is always a full one")
    types = con.execute("select distinct event_type from raw.events where batch_id > ?", [state[3]]).fetchall()
    latest = con.execute("select max(occurred_at) from raw.events").fetchone()
    reason = "another model is in force" if models_changed else "answers of destinations have come"
    return Plan(
        "incremental",
        f"batches {state[3] + 1} to {batch_id} are new" if state[3] != batch_id else reason,
        fingerprint,
        batch_id,
        rejected,
        frozenset(event_type for (event_type,) in types),
        latest is None or latest[0] != state[5],
        models,
        models_changed,
        receipts,
    )


def build(
    settings: Settings,
    clocks: Clocks | None = None,
    full_refresh: bool = False,
    on_node: dbt.OnNode | None = None,
) -> Built:
    """Build what has to be built, with all checks.

    Raises
    ------
    BuildFailedError
        If a model, or a check of severity error, failed.
    """
    clocks = clocks or Clocks()
    home = settings.layout()
    with open_store(home, settings) as con:
        planned = plan(con, settings, clocks, full_refresh)
        if planned.action == "nothing":
            return Built(planned, *_finished(con), [])
        con.execute("begin")
        con.execute("delete from raw.clock")
        con.execute("insert into raw.clock values (?, ?)", [clocks.as_of, clocks.known_at])
        if planned.action == "full":
            # A full build that is cut short leaves tables of two kinds: without a state, the next one is full again.
            con.execute("delete from raw.build_state")
            con.execute("delete from raw.watermarks")
        # Until it has finished well, nothing may be sent on from these tables.
        con.execute("update raw.build_state set is_whole = false")
        if planned.models_changed:
            _hand_over_models(con, home)
        con.execute("commit")
        Ledger(home).hand_over(con)
    nodes = _build_nodes(settings, planned, on_node)
    with open_store(home, settings) as con:
        con.execute("begin")
        con.execute("delete from raw.build_state")
        as_of = con.execute("select as_of from staging.stg_clock").fetchone()
        con.execute(
            "insert into raw.build_state values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, true)",
            [
                planned.fingerprint,
                clocks.as_of,
                clocks.known_at,
                planned.batch_id,
                planned.rejected,
                as_of[0] if as_of else None,
                utc_now().replace(tzinfo=None),
                uuid.uuid4().hex,
                planned.models,
                planned.receipts,
            ],
        )
        # Only the highest mark of each counts; the rest is history that grows with every run.
        con.execute(
            "delete from raw.watermarks as mark where mark.batch_id < (select max(later.batch_id) from raw.watermarks "
            "as later where later.model = mark.model and later.staging = mark.staging)"
        )
        con.execute("commit")
        return Built(planned, *_finished(con), nodes)


def _hand_over_models(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Put the models in force where the statistics that score read them."""
    con.execute("delete from raw.scoring_model")
    for one in registry.champions(home):
        model = registry.load(home, one.score, one.version)
        con.execute("insert into raw.scoring_model values (?, ?, ?)", [one.score, one.version, model])


def _build_nodes(settings: Settings, planned: Plan, on_node: dbt.OnNode | None) -> list[dbt.NodeResult]:
    """Build each model, seed, statistic and check once; in an incremental build, those that can differ.

    First what no statistic is needed for; then, one by one, what wants all memory; then the statistics and what reads
    them; at the end what tells of the checks.
    """
    manifest = dbt.parse(settings)
    is_full = planned.action == "full"
    wanted = [one for one in statistics() if _has_readers(manifest, one)]
    chosen = None
    if not is_full:
        changed = {"raw.scoring_model"} if planned.models_changed else set()
        chosen = affected(manifest, wanted, planned.new_types, planned.time_has_passed, changed)
        wanted = [one for one in wanted if one.name in chosen]
    total = dbt.count_nodes(manifest, chosen) + len(wanted)
    numbers = count(1)

    def report(node: dbt.NodeResult, *_: int) -> None:
        if on_node is not None:
            on_node(node, next(numbers), total)

    built = dbt.BuildResult()

    def keep(nodes: list[dbt.NodeResult]) -> None:
        built.nodes += nodes
        if built.failed or not built.nodes:
            raise BuildFailedError(built, settings.layout().dbt)

    def build_part(select: str, *exclude: str, threads: int = settings.threads) -> None:
        """Build what is chosen of the part that dbt selects so; of the whole project where it is empty."""
        selected = [select] if chosen is None else [f"{name},{select}".rstrip(",") for name in sorted(chosen)]
        arguments = ["build", "--exclude-resource-type", "unit_test", "--threads", str(threads)]
        arguments += [*(["--full-refresh"] if is_full else []), *(["--exclude", *exclude] if exclude else [])]
        arguments += ["--select", *selected] if selected != [""] else []
        keep(dbt.invoke(settings, arguments, report, manifest).nodes)

    build_part("", ALONE, computed.READERS, checks.READERS)
    build_part(ALONE, computed.READERS, checks.READERS, threads=1)
    if wanted:
        with open_store(settings.layout(), settings) as con:
            for statistic in wanted:
                node = computed.run(con, statistic)
                report(node)
                keep([node])
        build_part(computed.READERS, checks.READERS)
    with open_store(settings.layout(), settings) as con:
        checks.record(con, built.nodes, is_full)
    build_part(checks.READERS)
    return built.nodes


def _has_readers(manifest: "Manifest", statistic: Statistic) -> bool:
    """Whether a model reads it; nobody else does."""
    children = manifest.child_map.get(f"source.dealhouse.{statistic.table}", [])
    return any(child.startswith("model.") for child in children)


def _finished(con: duckdb.DuckDBPyConnection) -> tuple[str, datetime | None]:
    row = con.execute("select build_id, as_of from raw.build_state").fetchone()
    assert row is not None
    build_id, as_of = row
    return str(build_id), as_of
