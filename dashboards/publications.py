"""What changed between the publication that is shown and the one before it."""

import math
from functools import lru_cache

import pyarrow as pa

from dashboards.data import Rows, View
from dashboards.snapshot import Snapshot, open_snapshot
from warehouse.publish.pointer import versions
from warehouse.publish.reader import NothingPublishedError
from warehouse.settings import Home

_COLUMNS = ("kpi", "kpi_month", "kpi_value")


@lru_cache(maxsize=1)
def _kept_open(home: Home, version: str) -> Snapshot:
    """The version before, open as long as it is that."""
    return open_snapshot(home, version)


def _is_same(old: float | None, new: float | None) -> bool:
    # A sum that was made in another order differs in its last digits, which is no news.
    return old == new or (old is not None and new is not None and math.isclose(old, new, rel_tol=1e-9))


def changes(home: Home, view: View) -> Rows:
    """KPIs whose value differs from that in the publication before: by both, old beside new.

    Both values stand in the files as they are; nothing is worked out here but whether they differ.
    """
    now = view.snapshot.publication.version
    older = [one.version for one in versions(home) if one.version < now]
    schema = pa.schema(
        [
            ("kpi", pa.string()),
            ("kpi_month", pa.date32()),
            ("kpi_value_before", pa.float64()),
            ("kpi_value", pa.float64()),
        ]
    )
    if not older:
        return Rows(pa.table({name: [] for name in schema.names}, schema=schema))
    try:
        snapshot = _kept_open(home, older[-1])
    except NothingPublishedError:  # it went while it was looked for
        return Rows(pa.table({name: [] for name in schema.names}, schema=schema))
    before_view = View(snapshot, view.role, view.filters)
    old, new = (
        {
            (row["kpi"], row["kpi_month"]): row["kpi_value"]
            for row in one.read("marts.kpi", _COLUMNS, months="kpi_month")
        }
        for one in (before_view, view)
    )
    differing = sorted(key for key in old.keys() | new.keys() if not _is_same(old.get(key), new.get(key)))
    return Rows(
        pa.table(
            {
                "kpi": [kpi for kpi, _ in differing],
                "kpi_month": [month for _, month in differing],
                "kpi_value_before": [old.get(key) for key in differing],
                "kpi_value": [new.get(key) for key in differing],
            },
            schema=schema,
        )
    )
