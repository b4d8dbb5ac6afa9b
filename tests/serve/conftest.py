"""Two servers for all tests that do not stop theirs: one that knows its clients, and one for this machine alone."""

from collections.abc import Iterator

import pytest

from tests.serve.running import Running, running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(
        tmp_path_factory.mktemp("guarded"), clients=True, max_body_bytes=200_000, max_event_bytes=20_000
    ) as server:
        yield server


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("local")) as server:
        yield server
