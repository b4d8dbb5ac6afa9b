from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.writeback.world import World
from warehouse.writeback.destinations.postgres import Postgres, PostgresSettings

NUMBERS = count()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    return World(tmp_path / "home")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    if postgres.programs() is None:
        pytest.fail("PostgreSQL is not installed. `make test` installs it; by hand: apt-get install postgresql.")
    with postgres.server(*postgres.FAST) as dsn:
        yield dsn


@pytest.fixture
def dsn(server: str) -> Iterator[str]:
    with postgres.database(server, f"crm{next(NUMBERS)}") as own:
        yield own


@pytest.fixture
def crm(dsn: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The CRM's own connection."""
    with psycopg.connect(dsn, autocommit=True) as con:
        yield con


@pytest.fixture
def destination(dsn: str) -> Postgres:
    return Postgres(PostgresSettings(objects=frozenset({"lead"}), batch_rows=500), dsn)
