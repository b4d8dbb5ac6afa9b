"""The catalogue of strings: what the interface says, in English, Russian and Ukrainian.

Modules beside this one hold entries of ``key: (en, ru, uk)``; a new one is found by itself. What a table or column
means is not said here: descriptions come from the models, through the published file. Numbers are written by
:mod:`warehouse.numbers`.
"""

import importlib
import pkgutil
import re
from functools import cache

LANGUAGES = ("EN", "RU", "UK")


@cache
def catalogue() -> dict[str, tuple[str, str, str]]:
    """All entries, by key."""
    entries: dict[str, tuple[str, str, str]] = {}
    for module in pkgutil.iter_modules(__path__):
        entries |= importlib.import_module(f"{__name__}.{module.name}").TEXT
    return entries


def say(key: str, language: str = "EN", /, **values: object) -> str:
    """Say the entry of `key` in a language, with `values` in its places.

    Raises
    ------
    KeyError
        If there is no such entry.
    """
    text = catalogue()[key][LANGUAGES.index(language) if language in LANGUAGES else 0]
    return text.format(**values) if values else text


_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$&^])")
_AT_THE_BEGINNING = re.compile(r"^(\d*)([-+.)])(?=\s|$)")
_FOUND_LATER = re.compile(r"(?<=:)(?=[a-z/:+-]|\d+:)|(?<=@)(?=\w)|(?<=[<>=~-])(?=[<>=-])|(?<=www)(?=\.)", re.IGNORECASE)
_BREAKS = re.compile(r"[ \t\r\n\f\v]+")  # hard spaces of numbers stay
_NAME = re.compile(r"[^\W_]+(?:_[^\W_]+)*")


def plain(value: object) -> str:
    """Write a text of users so that Markdown shows it as it is, in one line.

    What has a meaning there is escaped. Streamlit looks for icons, addresses and arrows only after that, in what is to
    be shown, so that a space without width comes between their signs.
    """
    told = _BREAKS.sub(" ", str(value).strip())
    if _NAME.fullmatch(told):
        return told
    return _AT_THE_BEGINNING.sub(r"\1\\\2", _MARKS.sub(r"\\\1", _FOUND_LATER.sub("\u200b", told)))


def name_of(kind: str, value: str, language: str = "EN") -> str:
    """Name a column (``col``) or a value of one (``val``); one that the catalogue does not know in its own words."""
    entry = catalogue().get(f"{kind}.{value}")
    if entry is None:
        return value.replace("_", " ").capitalize() if kind == "col" else value.replace("_", " ")
    return entry[LANGUAGES.index(language) if language in LANGUAGES else 0]
