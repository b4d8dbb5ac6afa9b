"""A fresh warehouse for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.depot import Depot, depot


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Depot]:
    with depot(tmp_path) as one:
        yield one
