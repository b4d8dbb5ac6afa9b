"""A warehouse in a folder of its own, and events to send to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from warehouse.ingest import BatchResult, ingest_pending
from warehouse.landing import Landing
from warehouse.settings import Settings
from warehouse.store import open_store

NOW = datetime(2026, 1, 1)
TABLES = ("events", "rejected_events", "batches", "schema_drift", "event_pseudonyms")


class Depot:
    """Lands and takes in what it is given."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.settings = Settings(home=root / "home", pseudonym_key="a key for tests", **settings)
        self.home = self.settings.layout()
        self.landing = Landing(self.home)
        self.con: duckdb.DuckDBPyConnection = open_store(self.home, self.settings)

    def file(self, content: bytes, name: str = "events.ndjson") -> Path:
        path = self.root / "sent" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def take(self, content: bytes, name: str = "events.ndjson", received_at: datetime = NOW) -> BatchResult:
        """Take in one file that was not sent before."""
        (landed,) = self.landing.land_all([self.file(content, name)], received_at=received_at)
        assert landed.already is None
        (result,) = self.pending()
        return result

    def pending(self) -> list[BatchResult]:
        return ingest_pending(self.con, self.home, self.settings)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(values)).fetchall()

    def ids(self) -> list[str]:
        return [row[0] for row in self.query("select event_id from raw.events order by batch_id, row_number")]

    def reasons(self) -> list[tuple[int, str]]:
        return self.query("select line, reason from raw.rejected_events order by batch_id, row_number")

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """All raw tables, whole."""
        return {name: self.query(f"select * from raw.{name} order by all") for name in TABLES}

    def close(self) -> None:
        self.con.close()


@contextmanager
def depot(root: Path, **settings: Any) -> Iterator[Depot]:
    one = Depot(root, **settings)
    try:
        yield one
    finally:
        one.close()


def event(event_id: str = "e1", **changes: Any) -> dict[str, Any]:
    """A good event; a change to ``...`` leaves the attribute out."""
    whole = {
        "id": event_id,
        "source": "crm",
        "type": "crm.deal.won",
        "time": "2025-03-14T09:30:00Z",
        "data": {"deal_id": "D-1", "amount": 12.5},
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def lines(*events: dict[str, Any] | bytes) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in events)
