"""Runs the project's own SQL on a small log in memory, a fraction of a second each time.

dbt compiles the project once (``compile --full-refresh``); its SQL is then executed model by model in the order of
the manifest, without dbt's runner; a statistic runs as a node after what it reads. What only dbt does (incremental
branches, hooks, contracts, tests) is out of reach here and is tested through :mod:`warehouse.build`.
"""

import csv
import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

from warehouse import computed, dbt
from warehouse.build import project_fingerprint
from warehouse.lock import file_lock
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.statistics import Statistic, statistics
from warehouse.store import open_store

Event = dict[str, Any]
"""A CloudEvent, with two private additions: ``_received_at`` (datetime) and ``_batch`` (int)."""
Row = dict[str, Any]

RECEIVED_AT = datetime(2030, 1, 1)
EVENT_COLUMNS = [
    "batch_id",
    "row_number",
    "source",
    "event_id",
    "event_type",
    "subject",
    "tenant_id",
    "actor",
    "occurred_at",
    "received_at",
    "data",
]


@dataclass(frozen=True)
class Node:
    """One model: where it belongs, its compiled SQL, and the keys of what it reads. Or a statistic, without SQL."""

    name: str
    schema: str
    sql: str
    parents: tuple[str, ...]
    statistic: Statistic | None = None

    @property
    def key(self) -> str:
        """A model's name; a statistic's with its schema, since the mart made from it may have the same name."""
        return self.name if self.statistic is None else self.statistic.table


def key_of(unique_id: str) -> str | None:
    """Key of the node that a model or a computed source stands for; None for what is given, such as seeds."""
    kind, _, *names = unique_id.split(".")
    if kind == "model":
        return names[0]
    return ".".join(names) if kind == "source" and names[0] == "computed" else None


@dataclass
class Project:
    """The compiled project: nodes in an order in which each comes after what it reads, and the DDL of raw."""

    nodes: list[Node]
    raw_ddl: list[str]
    manifest: dict[str, Any] = field(repr=False)
    semantic_manifest: str = field(repr=False)
    """As dbt writes it for MetricFlow."""


def settings_in(folder: Path, **values: Any) -> Settings:
    """Settings of a private home; the environment and ``.env`` do not count where a value is given."""
    return Settings(home=folder, **{"reporting_currency": "USD", "stage_rule_set": "adtech", **values})


CACHE = PROJECT_DIR / ".pytest_cache" / "compiled"
KEPT = 8
"""Compiled projects that stay for later calls; several belong to one state of the project, each to a rule set."""


def _compiled(stage_rule_set: str) -> tuple[list[str], dict[str, Any], str]:
    """The DDL of raw, dbt's manifest, and the name of the work file in it; kept for other processes and later calls."""
    with tempfile.TemporaryDirectory(prefix="dealhouse-laws-") as folder:
        settings = settings_in(Path(folder), stage_rule_set=stage_rule_set)
        with open_store(settings.layout(), settings) as con:
            ddl = [
                row[0]
                for row in con.execute(
                    "select sql from duckdb_tables() where schema_name = 'raw' order by table_oid"
                ).fetchall()
            ]
        texts = [PROJECT_DIR / "profiles.yml", *sorted((PROJECT_DIR / "models").rglob("*.md"))]
        versions = [metadata.version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb")]
        parts = [project_fingerprint(settings), *versions, *(path.read_text() for path in texts)]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
        kept = CACHE / f"{key}.json"
        CACHE.mkdir(parents=True, exist_ok=True)
        with file_lock(CACHE / f"{key}.lock", "compiling the project", wait_seconds=600):
            if not kept.exists():
                result = dbt.invoke(settings, ["compile", "--full-refresh"])
                assert not result.failed, result.failed
                draft = kept.with_suffix(".tmp")
                manifest_path = dbt.manifest_path(settings)
                semantic = manifest_path.with_name("semantic_manifest.json").read_text()
                draft.write_text(json.dumps({"manifest": json.loads(manifest_path.read_text()), "semantic": semantic}))
                draft.replace(kept)
                for old in sorted(CACHE.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
                    old.unlink()
        return ddl, json.loads(kept.read_text()), settings.layout().warehouse.stem


@cache
def project(stage_rule_set: str = "adtech") -> Project:
    """Compile the project, once per rule set for as long as nothing of it changes."""
    ddl, compiled, work_file = _compiled(stage_rule_set)
    manifest, semantic_manifest = compiled["manifest"], compiled["semantic"]
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    by_table = {statistic.table: statistic for statistic in statistics()}
    ordered: list[Node] = []
    done: set[str] = set()

    def visit(key: str) -> None:
        if key in done:
            return
        done.add(key)
        if key in by_table:
            statistic = by_table[key]
            # Seeds, and the models of scores that nobody has fitted here, stand already.
            parents = tuple(name for table in statistic.reads if (name := table.split(".")[1]) in models)
            node = Node(statistic.name, "computed", "", parents, statistic)
        else:
            model = models[key]
            sql = model["compiled_code"].replace(f'"{work_file}".', "")
            parents = tuple(parent for one in model["depends_on"]["nodes"] if (parent := key_of(one)))
            node = Node(model["name"], model["schema"], sql, parents)
        for parent in node.parents:
            visit(parent)
        ordered.append(node)

    for key in sorted(models):
        visit(key)
    return Project(ordered, ddl, manifest, semantic_manifest)


def is_part(name: str) -> bool:
    """Whether a table is a part of another one that is called by the first word of its name, as alert_deal of alert."""
    wholes = [node for node in project().nodes if name.startswith(f"{node.name}_")]
    return any(name in whole.parents for whole in wholes)


@cache
def seed_types() -> dict[str, dict[str, str]]:
    """Column types of each seed, from seeds/seeds.yml."""
    declared = yaml.safe_load((PROJECT_DIR / "seeds" / "seeds.yml").read_text())["seeds"]
    return {seed["name"]: seed.get("config", {}).get("column_types", {}) for seed in declared}


def csv_rows(path: Path) -> list[Row]:
    """Rows of a file in the form of a seed, as text; empty cells are None."""
    with path.open(newline="") as stream:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(stream)]


def seed_rows(name: str) -> list[Row]:
    """Rows of a seed as text; a seed may ship without any."""
    return csv_rows(PROJECT_DIR / "seeds" / f"{name}.csv")


def seed_columns(name: str) -> list[str]:
    """Columns of a seed, in their order."""
    return (PROJECT_DIR / "seeds" / f"{name}.csv").read_text().splitlines()[0].split(",")


def utc(text: str) -> datetime:
    """An RFC 3339 text as naive UTC, as raw.events has it."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def raw_rows(events: Iterable[Event]) -> list[list[Any]]:
    """Rows of raw.events, in the order of EVENT_COLUMNS."""
    return [
        [
            event.get("_batch", 1),
            number,
            event["source"],
            event["id"],
            event["type"],
            event.get("subject"),
            event.get("tenantid", "default"),
            event.get("actor"),
            utc(event["time"]),
            event.get("_received_at", RECEIVED_AT),
            json.dumps(event["data"]),
        ]
        for number, event in enumerate(events, 1)
    ]


BATCHES = """
insert into raw.batches (batch_id, kind, file, rows, accepted, duplicate, rejected, received_at)
select batch_id, 'file', 'part', count(*), count(*), 0, 0, min(received_at) from raw.events
where batch_id not in (select batch_id from raw.batches) group by batch_id
"""
"""Notes the batches of raw.events as ingestion would, with nothing rejected."""


def fill_raw(con: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> None:
    """Add events to raw.events as ingestion would, without its checks."""
    if events:
        columns = ", ".join(EVENT_COLUMNS)
        con.register(
            "filled",
            pl.DataFrame(raw_rows(events), schema=EVENT_COLUMNS, orient="row", infer_schema_length=None).to_arrow(),
        )
        con.execute(f"insert into raw.events ({columns}) select {columns} from filled")
        con.unregister("filled")


class Tables:
    """The tables of one log."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    def rows(self, table: str) -> list[Row]:
        """All rows of ``schema.table``, sorted so that two tables with the same rows compare equal."""
        return rows_of(self.con, table)


def rows_of(con: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    """All rows of a table of any connection, in an order of their own."""
    cursor = con.execute(f"select * from {table} order by all")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def sort_key(row: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Order of rows by all their values; floats by ten digits, so that noise does not change the order."""
    return [(value is not None, f"{value:.10g}" if isinstance(value, float) else str(value)) for value in row.values()]


class Engine:
    """An in-memory database in which the project is built on one log after another."""

    def __init__(self, stage_rule_set: str = "adtech") -> None:
        self.project = project(stage_rule_set)
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        self.con.execute("set TimeZone = 'UTC'")
        self.con.execute("set preserve_insertion_order = false")
        for schema in ["raw", "seeds", *sorted({node.schema for node in self.project.nodes})]:
            self.con.execute(f'create schema if not exists "{schema}"')
        computed.ensure_tables(self.con)
        for ddl in self.project.raw_ddl:
            self.con.execute(ddl)
        self._seeds: dict[str, list[Row]] = {}
        for path in sorted((PROJECT_DIR / "seeds").glob("*.csv")):
            self._load_seed(path.stem, seed_rows(path.stem))

    def _load_seed(self, name: str, rows: list[Row]) -> None:
        if self._seeds.get(name) == rows:
            return
        types = seed_types().get(name, {})
        columns = seed_columns(name)
        declared = ", ".join(f"{column} {types.get(column, 'varchar')}" for column in columns)
        self.con.execute(f"create or replace table seeds.{name} ({declared})")
        if rows:
            self.con.executemany(
                f"insert into seeds.{name} values ({', '.join('?' * len(columns))})",
                [[row[column] for column in columns] for row in rows],
            )
        self._seeds[name] = rows

    def build(
        self,
        events: Sequence[Event],
        as_of: datetime | None = None,
        known_at: datetime | None = None,
        seeds: Mapping[str, list[Row]] | None = None,
        models: Iterable[str] | None = None,
        has_batches: bool = False,
    ) -> Tables:
        """Build the project on this log alone.

        Parameters
        ----------
        events
            The log, in the order of arrival.
        as_of, known_at
            The two clocks, naive UTC; None is the default of a run.
        seeds
            Rows that stand in for those of a seed, as text, in this build.
        models
            Names of the models that are wanted; they and what they read are built. All by default.
        has_batches
            Whether ``raw.batches`` tells of the batches that the events came in. Tables that tell of batches are no
            matter of the laws of order and repetition.
        """
        for name in self._seeds:
            self._load_seed(name, (seeds or {}).get(name) or seed_rows(name))
        self.con.execute("delete from raw.events")
        self.con.execute("delete from raw.clock")
        self.con.execute("insert into raw.clock values (?, ?)", [as_of, known_at])
        fill_raw(self.con, events)
        self.con.execute("delete from raw.batches")
        if has_batches:
            self.con.execute(BATCHES)
        wanted = None if models is None else self._with_parents(models)
        for node in self.project.nodes:
            if wanted is not None and node.key not in wanted:
                continue
            if node.statistic is not None:
                computed.refresh(self.con, node.statistic)
            else:
                self.con.execute(f'create or replace table "{node.schema}"."{node.name}" as {node.sql}')
        return Tables(self.con)

    def _with_parents(self, names: Iterable[str]) -> set[str]:
        nodes = {node.key: node for node in self.project.nodes}
        wanted: set[str] = set()
        queue = list(names)
        while queue:
            name = queue.pop()
            if name not in wanted:
                wanted.add(name)
                queue.extend(nodes[name].parents)
        return wanted

    def tables(self, *schemas: str) -> list[str]:
        """Names (``schema.table``) of the models in these schemas."""
        return sorted(f"{node.schema}.{node.name}" for node in self.project.nodes if node.schema in schemas)


@cache
def engine(stage_rule_set: str = "adtech") -> Engine:
    """The engine of this process."""
    return Engine(stage_rule_set)
