"""Many logs in one build: each becomes a tenant of its own, which costs little more than one log alone.

Every table is keyed by tenant, so that what holds of one holds of each. What all tenants share (rates, calendars) is
no tenant's, and is compared apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from tests.laws.compiled import Event, Row

SHARED = ""
_MARK = "~"


def as_tenants(logs: Sequence[Sequence[Event]]) -> list[Event]:
    """One log of all these; ids and tenants are marked with the number of their log, and keep their order in it."""
    return [
        event | {"id": _marked(number, event["id"]), "tenantid": _marked(number, event.get("tenantid") or "default")}
        for number, log in enumerate(logs)
        for event in log
    ]


def together(log: st.SearchStrategy[list[Event]], most: int) -> st.SearchStrategy[list[Event]]:
    """Up to so many random logs as one; they share the time of the last event, and what is no tenant's."""
    return st.lists(log, min_size=1, max_size=most).map(as_tenants)


def by_log(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by the mark of their log, without it; rows that are no tenant's are under ``SHARED``."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        mark, is_marked, _ = str(row.get("tenant_id")).partition(_MARK)
        if is_marked:
            found[mark].append({name: _plain(value, mark + _MARK) for name, value in row.items()})
        else:
            found[SHARED].append(row)
    return found


def _marked(number: int, text: str) -> str:
    return f"{number:04d}{_MARK}{text}"


def _plain(value: object, mark: str) -> object:
    return value.replace(mark, "") if isinstance(value, str) else value
