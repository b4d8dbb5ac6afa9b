"""Homes with a published file, made once per session, and the app run on one of them without a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import registry, session
from tests.dashboards.warehouse import everything, make_home
from warehouse.settings import Home

APP = str(Path(registry.FOLDER).parent / "app.py")


@pytest.fixture(scope="session")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two tenants with rows in every table."""
    rows = everything("acme")
    other = everything("zeta")
    return make_home(
        tmp_path_factory.mktemp("full") / "home", {table: [*rows[table], *other[table][:6]] for table in rows}
    )


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A publication in which nothing has ever happened."""
    return make_home(tmp_path_factory.mktemp("empty") / "home", {})


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Run a page of the app on a home, as a role."""

    def run(home: Home, page: str, role: str = "", **params: str) -> AppTest:
        monkeypatch.setenv("DEALHOUSE_HOME", str(home.root))
        monkeypatch.setenv("DEALHOUSE_DASHBOARD_ROLE", role)
        session.hub.cache_clear()
        session.known_roles.cache_clear()
        app = AppTest.from_file(APP, default_timeout=60)
        for name, value in params.items():
            app.query_params[name] = value
        return app.switch_page(f"app_pages/{page}.py").run()

    yield run
    session.hub.cache_clear()
    session.known_roles.cache_clear()
