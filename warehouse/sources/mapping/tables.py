"""Reading TOML tables so that every mistake is named with file, block and key, and what is possible instead.

It knows nothing of what the keys mean; that is the business of ``parse`` and ``parse_values``.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from warehouse.sources.mapping.spec import MappingError


def listed(names: Collection[str]) -> str:
    """Names for a reader, in order, at most forty of them."""
    ordered = list(names)
    shown = ", ".join(ordered[:40])
    return f"{shown}, … ({len(ordered)} in all)" if len(ordered) > 40 else shown or "none"


def instead(name: str, possible: Collection[str]) -> str:
    """A sentence that says what could have been written, the nearest first."""
    near = get_close_matches(name, list(possible), n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Possible: {listed(possible)}."


class Table:
    """A TOML table together with the words for where it stands in the file."""

    def __init__(self, content: Mapping[str, Any], file: str, block: str, key: str = "") -> None:
        self.content, self.file, self.block, self.key = content, file, block, key

    def where(self, key: str = "") -> str:
        """File, block and key, for a message."""
        path = ".".join(part for part in (self.key, key) if part)
        return ", ".join(part for part in (self.file, self.block, path and f"key {path}") if part)

    def error(self, what: str, key: str = "", *, why: str = "", todo: str = "") -> MappingError:
        """A mistake at a key of this table."""
        return MappingError(what, where=self.where(key), why=why, todo=todo)

    def only(self, allowed: Collection[str]) -> None:
        """Refuse keys that mean nothing here."""
        for key in self.content:
            if key not in allowed:
                raise self.error(f"The key {key!r} means nothing here.", key, todo=instead(key, allowed))

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def raw(self, key: str) -> Any:
        """The value as TOML gave it; missing is an error."""
        if key not in self.content:
            raise self.error(f"{key!r} is missing.", todo=f"Add {key} = … to this block.")
        return self.content[key]

    def text(self, key: str, default: str | None = None, *, allow_empty: bool = False) -> str:
        """A string."""
        value = self.raw(key) if default is None else self.content.get(key, default)
        if not isinstance(value, str) or (not value and not allow_empty):
            raise self.error(f"{key!r} must be a text, not {value!r}.", key)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A boolean."""
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} must be true or false, not {value!r}.", key)
        return value

    def whole(self, key: str, default: int) -> int:
        """A whole number from 0 on."""
        value: object = self.content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(f"{key!r} must be a whole number from 0 on, not {value!r}.", key)
        return value

    def factor(self, key: str) -> float | None:
        """A number other than 0, where given."""
        value = self.content.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
            raise self.error(f"{key!r} must be a number other than 0, not {value!r}.", key)
        return float(value)

    def choice(self, key: str, default: str, possible: Collection[str]) -> Any:
        """One of a few words."""
        value = self.text(key, default, allow_empty=True)
        if value != default and value not in possible:
            raise self.error(f"{value!r} is no {key}.", key, todo=instead(value, possible))
        return value

    def texts(self, key: str, default: tuple[str, ...] = (), *, allow_empty: bool = False) -> tuple[str, ...]:
        """A string or a list of strings."""
        if key not in self.content:
            return default
        value = self.content[key]
        items = [value] if isinstance(value, str) else value
        if (
            not isinstance(items, list)
            or not items
            or not all(isinstance(item, str) and (item or allow_empty) for item in items)
        ):
            raise self.error(f"{key!r} must be a text or a list of texts, not {value!r}.", key)
        return tuple(items)

    def table(self, key: str) -> "Table":
        """A table inside this one; empty where it is not given."""
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{key!r} must be a table, not {value!r}.", key)
        return Table(value, self.file, self.block, ".".join(part for part in (self.key, key) if part))

    def tables(self, key: str) -> Iterator["Table"]:
        """The blocks ``[[key]]``, each with its name in the words for where it stands."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(f"{key!r} must be written as blocks, [[{key}]].", key)
        for number, item in enumerate(value, start=1):
            name = item.get("name")
            label = f'"{name}"' if isinstance(name, str) else f"number {number}"
            yield Table(item, self.file, f"[[{key}]] {label}")


def scalar(value: object) -> str | None:
    """A TOML scalar as text; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dt.date | dt.time):  # a datetime is a date
        return value.isoformat()
    return None
