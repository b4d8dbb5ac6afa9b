"""The forms in which a value may stand in a file: as it is, escaped, URL-encoded, base64."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from warehouse.erasure.search import any_of

SHORTEST_BASE64 = 6
"""Bytes of the shortest value that is looked for in base64: less of it could be anything."""


def written(value: str) -> set[str]:
    """A value as texts hold it: plain, escaped as in JSON, URL-encoded."""
    escaped = json.dumps(value)[1:-1]
    encoded = {quote(value, safe=""), quote_plus(value), quote(value), quote(value, safe="@")}
    return {value, escaped, json.dumps(value, ensure_ascii=False)[1:-1], *encoded}


def any_case(value: str) -> set[str]:
    """A value as it is, small and large: bytes know the case of ASCII letters alone."""
    if value.isascii():
        return {value}
    return {value, value.lower(), value.upper(), value.title()}


def base64_cores(value: str) -> set[str]:
    """What all base64 texts have in common that hold the value at some place: one form for each of three offsets."""
    cores = set()
    for text in {value, value.lower()}:
        content = text.encode()
        if len(content) < SHORTEST_BASE64:
            continue
        for offset in range(3):
            whole = base64.b64encode(b"\0" * offset + content).decode().rstrip("=")
            start = {0: 0, 1: 2, 2: 3}[offset]
            end = len(whole) if (offset + len(content)) % 3 == 0 else len(whole) - 1
            core = whole[start:end]
            cores |= {core, core.replace("+", "-").replace("/", "_")}
    return cores


def of_phone(value: str, digits: str) -> set[str]:
    """Other ways to write a phone number: its digits, and those with the sign of an international number."""
    return {f"+{digits}", digits, re.sub(r"\D", "", value)}


def pattern(values: Iterable[str], *, is_bounded: bool) -> re.Pattern[bytes]:
    """Any of the values in bytes, without regard to case; bounded ones are no part of a longer word."""
    wanted = {value.encode() for value in values if value}
    if not wanted:
        return re.compile(rb"(?!)")
    anyone = any_of(wanted)
    if is_bounded:
        anyone = rb"(?<![A-Za-z0-9])(?:" + anyone + rb")(?![A-Za-z0-9])"
    return re.compile(anyone, re.IGNORECASE)
