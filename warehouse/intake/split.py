"""Takes a request's body apart: JSON of one event or a list of them, or a line each.

Each event keeps the text that it was sent as, on one line. Whether it is a good one is decided in
:mod:`warehouse.intake.door`.
"""

import json
from dataclasses import dataclass
from typing import Any

from warehouse.errors import DealhouseError
from warehouse.sources.ndjson import BOM, parse_json

_WHITE = " \t\r\n"
_EXACT = 2**53


class UnreadableBodyError(DealhouseError):
    """A body that cannot be taken apart into events; nothing of it is kept.

    Parameters
    ----------
    reason
        Code of what is wrong.
    message
        The same as a sentence, with what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(slots=True)
class Candidate:
    """What may be an event."""

    line: bytes
    """Its text as received, on one line, without a line break."""
    event: dict[str, Any]
    """Its attributes; empty where it is none."""
    reason: str = ""
    """Why it is none: a reason code."""
    message: str = ""


def split_json(body: bytes) -> list[Candidate]:
    """Events of a JSON object, or of a list of them.

    Raises
    ------
    UnreadableBodyError
        If the body as a whole is no JSON.
    """
    text = _text(body)
    at = _skip(text, 0)
    if at == len(text):
        raise UnreadableBodyError("empty_body", "The body is empty. Send one event, or a list of them, as JSON.")
    if text[at] != "[":
        candidate, at = _element(text, at)
        _expect_end(text, at)
        return [candidate]
    found: list[Candidate] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        _expect_end(text, at + 1)
        return found
    while True:
        candidate, at = _element(text, at)
        found.append(candidate)
        at = _skip(text, at)
        mark = text[at : at + 1]
        if mark == "]":
            _expect_end(text, at + 1)
            return found
        if mark != ",":
            raise _malformed(f"after element {len(found)} a comma or the end of the list is missing")
        at = _skip(text, at + 1)


def split_lines(body: bytes) -> list[Candidate]:
    """Events of JSON lines; blank lines are passed over, and a line that is no JSON spoils no other."""
    found = []
    for line in body.removeprefix(BOM).split(b"\n"):
        if stripped := line.strip():
            try:
                candidate = split_json(stripped)
                found.append(candidate[0] if stripped[:1] != b"[" else _not_an_object(stripped, candidate))
            except UnreadableBodyError as error:
                found.append(Candidate(stripped, {}, error.reason, error.message))
    if not found:
        raise UnreadableBodyError("empty_body", "The body is empty. Send an event on each line.")
    return found


def _element(text: str, at: int) -> tuple[Candidate, int]:
    repeated: list[str] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            repeated.append(next(name for number, name in enumerate(names) if name in names[:number]))
        return found

    decoder = json.JSONDecoder(
        object_pairs_hook=as_object, parse_int=_integer, parse_float=_decimal, parse_constant=_no_constant
    )
    try:
        event, end = decoder.raw_decode(text, at)
    except RecursionError as error:
        raise UnreadableBodyError(
            "nested_too_deeply", "The body is nested too deeply to be read. Send flatter events."
        ) from error
    except ValueError as error:
        raise _malformed(str(error)) from error
    written = text[at:end]
    # A line break within JSON is white space: inside a text it would have been written as an escape.
    line = written.replace("\r", " ").replace("\n", " ").encode()
    if not isinstance(event, dict):
        return _not_an_object(line, event), end
    if repeated:
        return Candidate(
            line, event, "malformed_json",
            f"The event holds the key {json.dumps(repeated[0][:80])} more than once, and readers differ in which one "
            "they take. Send each key once.",
        ), end  # fmt: skip
    if any(isinstance(event.get(name), float) for name in ("id", "source")):
        return Candidate(
            line, event, "wrong_type",
            "The id or source of the event is a number that readers write differently, 1e3 or 1000.0. Send a text.",
        ), end  # fmt: skip
    if "\\u" in written:
        try:
            parse_json(written)
        except ValueError as error:
            return Candidate(line, event, "malformed_json", f"The event is no JSON: {error}."), end
    return Candidate(line, event), end


def _not_an_object(line: bytes, value: object) -> Candidate:
    kind = {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
    return Candidate(line, {}, "not_an_object", f"A JSON {kind} is no event. Send JSON objects.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 1000 else float(digits)


def _decimal(digits: str) -> int | float:
    """1.0 is 1, as it is where events are compared."""
    value = float(digits)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _text(body: bytes) -> str:
    try:
        return body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableBodyError(
            "not_utf8", f"Byte {error.start + 1} of the body is not UTF-8. Encode it as UTF-8 and send it again."
        ) from error


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE:
        at += 1
    return at


def _expect_end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise _malformed("something follows after the end of the JSON")


def _malformed(why: str) -> UnreadableBodyError:
    return UnreadableBodyError("malformed_json", f"The body is no JSON: {why}. Send one event, or a list of them.")
