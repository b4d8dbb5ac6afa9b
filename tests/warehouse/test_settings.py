"""The settings that people are told of are the settings that exist."""

import re

import pytest

from warehouse.settings import PROJECT_DIR, Settings

EXAMPLE = (PROJECT_DIR / ".env.example").read_text()
LINE = re.compile(r"^(# )?(DEALHOUSE_[A-Z_]+)=(.*)$")


def lines() -> list[tuple[bool, str, str]]:
    """Whether it is commented out, the name, and the value of each setting of the example."""
    found = (LINE.match(line) for line in EXAMPLE.splitlines())
    return [(bool(match[1]), match[2], match[3]) for match in found if match]


def test_the_example_names_exactly_the_settings_that_exist() -> None:
    assert sorted(name for _, name, _ in lines()) == sorted(
        f"DEALHOUSE_{name.upper()}" for name in Settings.model_fields
    )


def test_the_values_of_the_example_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DEALHOUSE_{name.upper()}", raising=False)
    defaults = Settings(_env_file=None)
    for is_unset, name, value in lines():
        field = name.removeprefix("DEALHOUSE_").lower()
        if is_unset:
            assert value == "", name
        else:
            monkeypatch.setenv(name, value)
            assert getattr(Settings(_env_file=None), field) == getattr(defaults, field), name


def test_each_line_of_the_example_is_a_setting_a_comment_or_empty() -> None:
    """So that a name with a typing error is not passed over by the test above."""
    for line in EXAMPLE.splitlines():
        assert LINE.match(line) or line == "" or (line.startswith("# ") and "DEALHOUSE_" not in line), line
