"""Tables that SQL is not the language for: linear algebra, tests of significance, matching of records.

A statistic is a module of this folder; its name is the table's name in schema ``computed``. It states three things:

``READS``
    Tables that it needs, as ``schema.table``. None may itself depend on a statistic.
``COLUMNS``
    Columns of its result with their types, in the words of the models' contracts.
``compute(tables)``
    The result, from these tables alone: no clock, no chance, no file. Rows arrive sorted by all their columns.

Counting and summing stay in SQL, before and after; heavy libraries are imported inside of ``compute``, because every
command lists the statistics. When they run, and how results are stored, is in :mod:`warehouse.computed`. Modules whose
name begins with an underscore are helpers.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Statistic:
    """A computed table: what it is made from, what it looks like, and how it is computed."""

    name: str
    reads: tuple[str, ...]
    columns: Mapping[str, str]
    compute: Callable[[Mapping[str, "pl.DataFrame"]], "pl.DataFrame"]

    @property
    def table(self) -> str:
        """Where the result stands, as ``schema.table``."""
        return f"computed.{self.name}"


@cache
def statistics() -> tuple[Statistic, ...]:
    """All statistics, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if not module.name.startswith("_"))
    found = []
    for name in names:
        module = importlib.import_module(f"{__name__}.{name}")
        found.append(Statistic(name, tuple(module.READS), dict(module.COLUMNS), module.compute))
    return tuple(found)
