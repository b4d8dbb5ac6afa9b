"""Tables that SQL is not the language for: linear algebra, tests of significance, matching of records.

A statistic is a module of this folder; its name is the table's name in schema ``computed``. It states:

``READS``
    Tables that it needs, as ``schema.table``. None may itself depend on a statistic.
``COLUMNS``
    Columns of its result with their types, in the words of the models' contracts.
``ROWS``
    If it looks at few rows of a large table: the table, and the condition in SQL that they meet. More rows would give
    the same result.
``compute(tables)``
    The result, from these tables alone: no clock, no chance, no file. Rows arrive sorted by all their columns.

Packages above announce folders of their own as entry points of the group ``dealhouse.statistics``: the scores are such.
Fitted models reach them as a table, ``raw.scoring_model``.

Counting and summing stay in SQL, before and after; heavy libraries are imported inside of ``compute``, because every
command lists the statistics. When they run, and how results are stored, is in :mod:`warehouse.computed`. Modules whose
name begins with an underscore are helpers.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Statistic:
    """A computed table: what it is made from, what it looks like, and how it is computed."""

    name: str
    reads: tuple[str, ...]
    columns: Mapping[str, str]
    compute: Callable[[Mapping[str, "pl.DataFrame"]], "pl.DataFrame"]
    rows: Mapping[str, str] = field(default_factory=dict)
    """Conditions in SQL on the rows of tables that it reads; the other tables are read whole."""

    @property
    def table(self) -> str:
        """Where the result stands, as ``schema.table``."""
        return f"computed.{self.name}"


@cache
def statistics() -> tuple[Statistic, ...]:
    """All statistics, in the order of their names."""
    found = []
    for package in _packages():
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                one = importlib.import_module(f"{package.__name__}.{module.name}")
                rows = dict(getattr(one, "ROWS", {}))
                found.append(Statistic(module.name, tuple(one.READS), dict(one.COLUMNS), one.compute, rows))
    return tuple(sorted(found, key=lambda statistic: statistic.name))


def code_files() -> list[Path]:
    """Files of code that results depend on: of this folder, and of the whole package that announced one."""
    tops = [importlib.import_module(package.__name__.partition(".")[0]) for package in _packages()[1:]]
    folders = [Path(folder) for package in (_packages()[0], *tops) for folder in package.__path__]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


@cache
def _packages() -> tuple[ModuleType, ...]:
    announced = (entry.load() for entry in metadata.entry_points(group="dealhouse.statistics"))
    return (importlib.import_module(__name__), *announced)
