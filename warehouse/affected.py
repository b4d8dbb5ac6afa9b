"""Tells what a run has to build: what new events, or the time that has passed, can have changed.

Read off the project as dbt has parsed it, so that a new model is covered without being named. Where it cannot be told,
a model counts as affected. What has come since the last build is decided in :mod:`warehouse.build`.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from warehouse.statistics import Statistic

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

CLOCK = "model.dealhouse.stg_clock"
TELLS_TIME = "as_of"
"""The macro that tells the time. ``is_visible`` needs it as well, but between two runs of today it hides nothing."""
FOLLOWS_EVENTS = {
    "source.dealhouse.raw.watermarks",
    "source.dealhouse.raw.clock",
    "source.dealhouse.raw.event_pseudonyms",
}
"""Sources that say nothing of their own: marks of the builds, the clock, and what belongs to events of a model."""


def affected(
    manifest: "Manifest",
    statistics: Iterable[Statistic],
    new_types: AbstractSet[str],
    time_has_passed: bool,
    changed_tables: AbstractSet[str] = frozenset(),
) -> set[str]:
    """Names of the models and statistics that can differ from what the last build has left.

    A model is affected if it stages one of the new types; if it reads what is no event and no model (batches, rejects,
    findings of checks); if it asks for the time, and time has passed; or if it reads something affected. Seeds are left
    out: with a changed seed the whole project is built.

    Parameters
    ----------
    manifest
        The project, as :func:`warehouse.dbt.parse` returns it.
    statistics
        The statistics that the build computes; each reads models and is read by models.
    new_types
        Types of the events that have come since the last build.
    time_has_passed
        Whether ``as_of`` has moved since.
    changed_tables
        Other tables that statistics read, as ``schema.table``, of which it is known that they have changed.
    """
    models = {one.unique_id: one for one in manifest.nodes.values() if one.resource_type == "model"}
    clockwise = _names_that_tell_time(manifest)
    reached = [
        model
        for model, node in models.items()
        if _gets_new_rows(node, new_types) or (time_has_passed and (model == CLOCK or clockwise.search(node.raw_code)))
    ]
    by_table = {f"{node.schema}.{node.name}": model for model, node in models.items()}
    readers: dict[str, list[str]] = {}
    for model, node in models.items():
        for parent in node.depends_on.nodes:
            # Whoever depends on the clock alone was judged above.
            if parent != CLOCK:
                readers.setdefault(parent, []).append(model)
    for statistic in statistics:
        for table in statistic.reads:
            readers.setdefault(by_table.get(table, table), []).append(f"source.dealhouse.{statistic.table}")
    reached += changed_tables
    found: set[str] = set()
    while reached:
        node_id = reached.pop()
        if node_id not in found:
            found.add(node_id)
            reached += readers.get(node_id, [])
    return {node_id.rpartition(".")[2] for node_id in found}


def _gets_new_rows(node: Any, new_types: AbstractSet[str]) -> bool:
    types = node.config.meta.get("event_types")
    if types is not None:
        return not new_types.isdisjoint(types)
    sources = {parent for parent in node.depends_on.nodes if parent.startswith("source.")}
    return any(not source.startswith("source.dealhouse.computed.") for source in sources - FOLLOWS_EVENTS)


def _names_that_tell_time(manifest: "Manifest") -> re.Pattern[str]:
    """A pattern that finds, in the SQL of a model, a call of a macro that ends up asking for the time."""
    telling = {TELLS_TIME}
    own = [macro for macro in manifest.macros.values() if macro.package_name == "dealhouse"]
    grown = True
    while grown:
        calls = _calls(telling)
        found = {macro.name for macro in own if calls.search(macro.macro_sql.partition("%}")[2])}
        grown = not found <= telling
        telling |= found
    return re.compile(rf"{_calls(telling).pattern}|ref\('stg_clock'\)")


def _calls(names: AbstractSet[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(sorted(names))})\s*\(")
