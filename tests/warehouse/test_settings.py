"""The settings that people are told of are the settings that exist."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_settings import BaseSettings

import dashboards
import warehouse
from warehouse.settings import PROJECT_DIR

EXAMPLE = (PROJECT_DIR / ".env.example").read_text()
LINE = re.compile(r"^(# )?(DEALHOUSE_[A-Z_]+)=(.*)$")


def lines() -> list[tuple[bool, str, str]]:
    """Whether it is commented out, the name, and the value of each setting of the example."""
    found = (LINE.match(line) for line in EXAMPLE.splitlines())
    return [(bool(match[1]), match[2], match[3]) for match in found if match]


def groups(kind: type[BaseSettings] = BaseSettings) -> Iterator[type[BaseSettings]]:
    """Every class of settings of the product; a module that declares one is called by what it is of."""
    for one in kind.__subclasses__():
        if one.__module__.partition(".")[0] in ("warehouse", "dashboards"):
            yield one
        yield from groups(one)


@pytest.fixture(scope="module")
def settings() -> dict[str, tuple[type[BaseSettings], str]]:
    """Class and field of each environment variable."""
    for package in (warehouse, dashboards):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Pages are run by the app, not imported.
            if "app" not in module.name.split(".")[1:] and "app_pages" not in module.name:
                importlib.import_module(module.name)
    return {
        f"{one.model_config['env_prefix']}{name.upper()}": (one, name)
        for one in set(groups())
        for name in one.model_fields
    }


def test_the_example_names_exactly_the_settings_that_exist(settings: dict[str, Any]) -> None:
    assert sorted(name for _, name, _ in lines()) == sorted(settings)


def test_the_values_of_the_example_are_the_defaults(
    settings: dict[str, tuple[type[BaseSettings], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in settings:
        monkeypatch.delenv(name, raising=False)
    for is_unset, name, value in lines():
        kind, field = settings[name]
        default = getattr(kind(_env_file=None), field)
        if is_unset:
            assert value == "", name
            assert not default or name == "DEALHOUSE_PROJECT_DIR", name
        else:
            monkeypatch.setenv(name, value)
            assert getattr(kind(_env_file=None), field) == default, name
            monkeypatch.delenv(name)


def test_each_line_of_the_example_is_a_setting_a_comment_or_empty() -> None:
    """So that a name with a typing error is not passed over by the test above."""
    for line in EXAMPLE.splitlines():
        assert LINE.match(line) or line == "" or (line.startswith("# ") and "DEALHOUSE_" not in line), line
