"""What a table is made from, read from dbt's manifest: grains, parents, and the event types at the far end.

Nothing here looks at rows.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from warehouse import contracts
from warehouse.errors import UsageError

LAYERS = ("marts", "facts", "scores")
_QUOTED = re.compile(r"'([a-z_.]+)'")


@dataclass(frozen=True)
class Table:
    """A model whose rows can be compared."""

    name: str
    schema: str
    grain: tuple[str, ...]
    rows_from: Mapping[str, Any]
    """What the model's ``meta.rows_from`` says: which rows of which models are behind a row, by a column's value."""

    def __str__(self) -> str:
        """Name it as people do."""
        return f"{self.schema}.{self.name}"


class Lineage:
    """The models of a project and what they read."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._nodes: dict[str, Any] = {
            node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"
        }
        self._sources: dict[str, str] = {
            key: f"{source['source_name']}.{source['name']}" for key, source in manifest["sources"].items()
        }
        self._grains: dict[str, tuple[str, ...]] = {}
        for node in manifest["nodes"].values():
            test = node.get("test_metadata") or {}
            if test.get("name") == "unique_grain" and node.get("attached_node"):
                self._grains[node["attached_node"].rpartition(".")[2]] = tuple(test["kwargs"]["columns"])

    def table(self, name: str) -> Table:
        """Return the table of this name, with or without its schema.

        Raises
        ------
        UsageError
            If there is none that is published.
        """
        bare = name.rpartition(".")[2]
        node = self._nodes.get(bare)
        if node is None or node["schema"] not in LAYERS or name not in (bare, f"{node['schema']}.{bare}"):
            names = [known for known, one in self._nodes.items() if one["schema"] in LAYERS]
            close = difflib.get_close_matches(bare, names, n=3, cutoff=0.4)
            raise UsageError(
                f"There is no table {name} that is published.",
                why="perhaps you mean " + ", ".join(close) if close else "known are " + ", ".join(sorted(names)),
                todo="`dealhouse query 'show all tables'` lists what there is.",
            )
        return self._table(bare)

    def _table(self, name: str) -> Table:
        node = self._nodes[name]
        meta = node["config"].get("meta") or {}
        return Table(name, node["schema"], self._grains.get(name, ()), meta.get("rows_from") or {})

    def parents(self, name: str) -> list[str]:
        """Names of the models that a model reads."""
        read = self._nodes[name]["depends_on"]["nodes"]
        return [key.split(".")[2] for key in read if key.startswith("model.")]

    def sources(self, name: str) -> list[str]:
        """Sources that a model reads itself, as ``source.table``."""
        return [self._sources[key] for key in self._nodes[name]["depends_on"]["nodes"] if key in self._sources]

    def ancestors(self, name: str) -> list[str]:
        """Names of all models behind a model, nearest first."""
        found: list[str] = []
        queue = self.parents(name)
        while queue:
            one = queue.pop(0)
            if one not in found:
                found.append(one)
                queue += self.parents(one)
        return found

    @cached_property
    def entity_fields(self) -> frozenset[str]:
        """Ids that single things are known by: fields of events that are part of the grain of some fact."""
        fields = {spec.name for contract in contracts.all().values() for spec in contract.fields()}
        grains = {
            column
            for name, node in self._nodes.items()
            if node["schema"] == "facts"
            for column in self._grains.get(name, ())
        }
        return frozenset(column for column in grains & fields if column.endswith("_id"))

    def nearest_with_entities(self, name: str) -> list[Table]:
        """Tables behind a table, on each way the first whose rows are about single things."""
        found: dict[str, Table] = {}
        queue = self.parents(name)
        seen: set[str] = set()
        while queue:
            one = queue.pop(0)
            if one in seen or one not in self._nodes:
                continue
            seen.add(one)
            table = self._table(one)
            if table.schema in LAYERS and set(table.grain) & self.entity_fields:
                found[one] = table
            else:
                queue += self.parents(one)
        return list(found.values())

    def event_types(self, name: str) -> set[str] | None:
        """Types of the events behind a table; None where it reads events of whatever type."""
        types: set[str] = set()
        for one in [name, *self.ancestors(name)]:
            node = self._nodes[one]
            if node["schema"] == "staging":
                types |= set(_QUOTED.findall(node["raw_code"])) & set(contracts.all())
            elif "raw.events" in self.sources(one) and one != "dim_date":
                return None
        return types

    def statistics(self, name: str) -> Iterator[str]:
        """Tables of schema ``computed`` behind a table, by name."""
        for one in dict.fromkeys([name, *self.ancestors(name)]):
            yield from (source.partition(".")[2] for source in self.sources(one) if source.startswith("computed."))
