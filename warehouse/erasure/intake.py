"""Recognises, in a file that arrives, persons who were erased, and takes them out before it is kept.

Every text in the file is compared with the tombstones by its keyed hash: that costs some seconds for a million events,
and nothing where nobody was ever erased.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.erasure import tombstones
from warehouse.erasure.files import redact_file
from warehouse.erasure.person import Person
from warehouse.erasure.plan import Plan
from warehouse.erasure.redact import Redactor
from warehouse.erasure.tombstones import Keyring, Tombstone
from warehouse.settings import Home, Settings
from warehouse.sources import kinds
from warehouse.sources.mapping.spec import Reading
from warehouse.sources.packed import DamagedError, TruncatedError, chunks

_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_WORD = re.compile(r"[^\s\",;|{}\[\]<>()]+")
_PART = re.compile(r"[\w-]+")
_PHONE = re.compile(r"\+?[\d(][\d ().\-/]{5,}\d")


def redact_arrival(
    home: Home,
    settings: Settings,
    origin: Path,
    draft: Path,
    role: str,
    mapping: Path | None,
    erasure: Plan | None = None,
) -> bool:
    """Redact a file that is about to be kept, in place; tell whether anything in it was of an erased person.

    Parameters
    ----------
    origin
        The file as it was sent; its name tells the format.
    draft
        Its copy, which is read and replaced.
    role, mapping
        What it is to a mapping, if there is one. The caller holds the writer lock.
    erasure
        The one that is being carried out. It knows names, which no tombstone holds, and learns ids that the file names:
        later its persons could not be told any more, as their ids have become tokens.
    """
    workspace = home.root / "tmp"
    workspace.mkdir(parents=True, exist_ok=True)
    named = workspace / f"arrival{kinds.suffix(origin)}"
    named.unlink(missing_ok=True)
    named.symlink_to(draft)
    target = draft.with_name(f"{draft.stem}-redacted.tmp")
    try:
        keys = tombstones.keyring(home, settings)
        persons = _recognised(keys, tombstones.read(home), named)
        persons += erasure.salted() if erasure else []
        if not persons:
            return False
        redactor = Redactor(keys, persons)
        if not redact_file(named, target, redactor, reading_of(mapping, role) if mapping else None):
            return False
        if erasure is not None:
            erasure.learn(redactor)
        tombstones.bury(home, redactor.found)
        target.replace(draft)
        return True
    finally:
        named.unlink()


def reading_of(mapping: Path, role: str) -> Reading | None:
    """How a mapping reads the file of a role."""
    from warehouse.sources.mapping import Mapping

    spec = Mapping(mapping.read_text(encoding="utf-8"), mapping.name).spec
    block = role.partition(":")[0]
    readings = {one.name: one.reading for one in spec.inputs} | {one.name: one.reading for one in spec.lookups}
    return readings.get(block)


def _recognised(keys: Keyring, stones: dict[str, list[Tombstone]], path: Path) -> list[tuple[Person, str]]:
    tenants = {stone.tenant_id for found in stones.values() for stone in found}
    looked_at: set[str] = set()
    persons = []
    for text in _texts(path):
        if text in looked_at:
            continue
        looked_at.add(text)
        for group in _groups(text):
            for tenant in tenants:
                for stone in stones.get(keys.hash(group, tenant, text) or "", []):
                    persons.append((_person(stone, text), stone.salt))
    return persons


def _groups(text: str) -> list[str]:
    groups = ["id"]
    if "@" in text:
        groups.append("email")
    if _PHONE.fullmatch(text.strip()):
        groups.append("phone")
    return groups


def _person(stone: Tombstone, text: str) -> Person:
    person = Person(stone.tenant_id)
    if stone.kind == "email":
        person.emails = [text.strip()]
    elif stone.kind == "phone":
        person.phones = [text.strip()]
    else:
        person.ids = {stone.kind: [text]}
    person.shared = [] if stone.is_distinctive else [text]
    return person


def _texts(path: Path) -> Iterator[str]:
    """Every text that may be an identifier, whole and in its parts, many of them more than once."""
    if path.suffix == ".parquet":
        try:
            for batch in pq.ParquetFile(path).iter_batches():
                for value in batch.to_pylist():
                    yield from _of_value(value)
        except (pa.ArrowException, OSError):
            return
        return
    rest = b""
    try:
        for piece in chunks(path):
            whole, _, rest = (rest + piece).rpartition(b"\n")
            yield from _of_bytes(whole)
    except (TruncatedError, DamagedError):
        pass
    yield from _of_bytes(rest)


def _of_bytes(content: bytes) -> Iterator[str]:
    for found in set(_QUOTED.findall(content)):
        text = found.decode(errors="replace")
        if "\\" in text:
            try:
                text = json.loads(f'"{text}"')
            except ValueError:
                continue
        yield from _with_parts(text)
    for word in set(_WORD.findall(content.decode(errors="replace"))):
        yield from _with_parts(word)


def _of_value(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _with_parts(value)
        if value.startswith("{"):
            yield from _of_bytes(value.encode())
    elif isinstance(value, dict):
        for one in value.values():
            yield from _of_value(one)
    elif isinstance(value, list):
        for one in value:
            yield from _of_value(one)


def _with_parts(text: str) -> Iterator[str]:
    yield text
    for part in _WORD.findall(text):
        yield part.strip(".:!?'")
    yield from _PART.findall(text)
    yield from _PHONE.findall(text)
