"""Erases a person: the steps, in an order in which each can be cut short and done again.

First what is to be erased is sealed and its tombstones stand, so that nothing of the person can land any more. Then
landing is written anew without the person; that it was, is one record of its manifest. The work file is made anew from
it, published, and every former publication removed. What is left is scrubbed, all files are searched, and only where
nothing is found a receipt is signed and the sealed plan removed. A second start begins with what is sealed.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from warehouse.clock import utc_now
from warehouse.erasure import forms, person, receipts, tombstones
from warehouse.erasure.files import redact_file
from warehouse.erasure.intake import reading_of
from warehouse.erasure.pending import folder, pending
from warehouse.erasure.person import Person, is_distinctive
from warehouse.erasure.redact import Redactor
from warehouse.erasure.scrub import scrub
from warehouse.erasure.search import search
from warehouse.erasure.tombstones import Keyring, Tombstone
from warehouse.errors import DealhouseError, UsageError
from warehouse.landing import Entry, Landing
from warehouse.landing.copying import file_hash
from warehouse.publish import current_version
from warehouse.settings import Home, Settings

_ROUNDS = 3
"""How often what is found is scrubbed before it counts as something that cannot be."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Preview:
    """What an erasure would take away."""

    person: Person
    files: dict[str, list[str]] = field(default_factory=dict)
    """Files under home in which the person stands, with the places in them."""


class NotErasedError(DealhouseError):
    """A trace of the person is left."""


def preview(settings: Settings, kind: str, value: str, tenant_id: str | None = None) -> Preview:
    """Whom an id names, and where the person stands; changes nothing. The caller holds the writer lock."""
    found = _found(settings, kind, value, tenant_id)
    home = settings.layout()
    files: dict[str, list[str]] = {}
    for hit in search(home.root, *needles(found)):
        files.setdefault(hit["path"], []).append(hit.get("place") or hit["error"])
    return Preview(found, files)


def erase(
    settings: Settings, kind: str, value: str, tenant_id: str | None = None, say: Say = lambda _: None
) -> dict[str, Any]:
    """Erase the person whom this id names, and return the signed receipt. The caller holds the writer lock.

    Raises
    ------
    UsageError
        If the id is unknown, or names people of several tenants.
    NotErasedError
        If a trace is left that could not be removed: says where. Starting again goes on from there.
    """
    resume(settings, say)
    from warehouse.build import Clocks, build
    from warehouse.pipeline import take_in

    say("bringing the identity graph up to date")
    take_in(settings)
    build(settings, Clocks())
    found = _found(settings, kind, value, tenant_id)
    home = settings.layout()
    keys = tombstones.keyring(home, settings)
    receipt = f"erasure-{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    plan = {"receipt": receipt, "salt": secrets.token_hex(16), "begun_at": utc_now().isoformat(timespec="seconds")}
    keys.seal(folder(home) / f"{receipt}.sealed", {**plan, "person": found.as_json()})
    return _carry_out(settings, keys, folder(home) / f"{receipt}.sealed", say)


def resume(settings: Settings, say: Say = lambda _: None) -> list[dict[str, Any]]:
    """Finish erasures that were cut off; return their receipts. The caller holds the writer lock."""
    home = settings.layout()
    waiting = pending(home)
    if not waiting:
        return []
    keys = tombstones.keyring(home, settings)
    return [_carry_out(settings, keys, path, say) for path in waiting]


def needles(found: Person) -> tuple[dict[str, int], dict[str, int]]:
    """Forms in which a person could stand somewhere: those found in any case, and those that are exact (base64)."""
    names = [name for name in found.names if len(name) >= 5]
    values = [value for _, value in found.id_pairs if is_distinctive(value)]
    values += [*found.emails, *found.phones, *names, *found.full_names]
    folded: dict[str, int] = {}
    exact: dict[str, int] = {}
    for number, value in enumerate(value for value in values if not found.is_shared(value)):
        for form in forms.written(value):
            folded.setdefault(form, number)
        if value in found.phones and (digits := _digits(value)):
            for form in forms.of_phone(value, digits):
                folded.setdefault(form, number)
        for core in forms.base64_cores(value):
            exact.setdefault(core, number)
    return folded, exact


def _digits(value: str) -> str:
    return "".join(sign for sign in value if sign.isdigit())


def _found(settings: Settings, kind: str, value: str, tenant_id: str | None) -> Person:
    from warehouse.store import open_store

    home = settings.layout()
    with open_store(home, settings) as con:
        is_built = con.execute("select 1 from duckdb_tables() where table_name = 'fact_identity'").fetchone()
        found = person.find(con, kind, value, tenant_id) if is_built else None
    if found is None:
        erased = _is_buried(settings, kind, value, tenant_id)
        raise UsageError(
            f"There is no {kind} {value}.",
            where=str(home.root),
            why="it was erased before" if erased else "no event and no rejected row names it",
            todo="" if erased else "Check the id and its kind; ids are compared letter by letter.",
        )
    return found


def _is_buried(settings: Settings, kind: str, value: str, tenant_id: str | None) -> bool:
    home = settings.layout()
    stones = tombstones.read(home)
    keys = tombstones.keyring(home, settings)
    tenants = {tenant_id} if tenant_id else {stone.tenant_id for found in stones.values() for stone in found}
    return any(keys.hash(kind, tenant, value) in stones for tenant in tenants)


def _carry_out(settings: Settings, keys: Keyring, path: Path, say: Say) -> dict[str, Any]:
    from warehouse.pipeline import publish_anew

    home = settings.layout()
    plan = keys.unseal(path)
    found, salt, receipt = Person(**plan["person"]), str(plan["salt"]), str(plan["receipt"])
    say("noting that nothing of the person may come in again")
    tombstones.bury(home, _stones(keys, found, salt))
    landing = Landing(home)
    landing.land_inbox()
    while True:
        say("taking the person out of what was received")
        redactor = Redactor(keys, [(found, salt)])
        if _amend(landing, redactor, keys, receipt):
            plan.pop("published", None)
        if not redactor.new_ids:
            break
        for _, kind, value in redactor.new_ids:
            found.ids.setdefault(kind, []).append(value)
        keys.seal(path, {**plan, "person": found.as_json()})
        tombstones.bury(home, redactor.found)
    now_current = current_version(home)
    if now_current is None or plan.get("published") != now_current:
        say("building all tables anew without the person")
        plan["published"] = publish_anew(settings, timedelta(0))
        keys.seal(path, {**plan, "person": found.as_json()})
    say("searching every file")
    checked = _prove(home, found, redactor, keys)
    _check_graph(settings, found)
    now = utc_now().isoformat(timespec="seconds")
    notice = {
        "receipt": receipt,
        "tenant_id": found.tenant_id,
        "erased_at": now,
        "ids": {str(number): pair for number, pair in enumerate(found.id_pairs)},
    }
    keys.seal(home.erasure / "notices" / path.name, notice)
    done = next((one for one in receipts.read(home) if one["receipt"] == receipt), None) or receipts.keep(
        home,
        keys,
        {
            "receipt": receipt,
            "begun_at": plan["begun_at"],
            "done_at": now,
            "tenant_id": found.tenant_id,
            "ids": len(found.id_pairs),
            "emails": len(found.emails),
            "phones": len(found.phones),
            "names": len(found.names),
            "shared": len(found.shared),
            "batches": sum(receipt == file.get("amended") for entry in landing.entries() for file in entry.files),
            "files_searched": checked,
            "published": plan["published"],
        },
    )
    path.unlink()
    return done


def _stones(keys: Keyring, found: Person, salt: str) -> list[Tombstone]:
    values = [*found.id_pairs, *(("email", one) for one in found.emails), *(("phone", one) for one in found.phones)]
    stones = []
    for kind, value in values:
        hash_ = keys.hash(kind, found.tenant_id, value)
        if hash_ is None or (kind in ("email", "phone") and found.is_shared(value)):
            continue
        stones.append(Tombstone(hash_, kind, found.tenant_id, salt, not found.is_shared(value), keys.key_id))
    return stones


def _amend(landing: Landing, redactor: Redactor, keys: Keyring, receipt: str) -> bool:
    """Write the files of landing anew that hold the person; tell whether there were any."""
    landing.remove_replaced()
    amends = []
    for entry in landing.entries():
        files = [_redacted(landing, entry, number, redactor, receipt) for number in range(len(entry.files))]
        if files != list(entry.files):
            amends.append({"batch": entry.seq, "files": files})
    if not amends:
        return False
    record = {"kind": "erasure", "receipt": receipt, "at": utc_now().isoformat(timespec="seconds"), "amends": amends}
    landing.amend({**record, "signature": keys.sign(record)})
    return True


def _redacted(landing: Landing, entry: Entry, number: int, redactor: Redactor, receipt: str) -> dict[str, Any]:
    """The file of an entry as it is to be kept: the same one where the person is not in it."""
    file = entry.files[number]
    mapping = next((one for one in entry.files if one["role"] == "mapping"), None)
    if file is mapping:
        return file
    path = landing.path(file)
    suffix = path.name.partition(".")[2]
    draft = landing.segments / f"{entry.seq:08d}-{number}.erasing.{suffix}"
    reading = reading_of(landing.path(mapping), str(file["role"])) if mapping else None
    if not redact_file(path, draft, redactor, reading):
        return file
    digest = file_hash(draft)
    final = f"{entry.seq:08d}-{digest[:16]}{f'-{number}' if number else ''}.{suffix}"
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.chmod(0o444)
    draft.replace(landing.segments / final)
    size = (landing.segments / final).stat().st_size
    return {**file, "file": final, "sha256": digest, "bytes": size, "amended": receipt}


def _prove(home: Home, found: Person, redactor: Redactor, keys: Keyring) -> int:
    """Search all files, scrub where something is found, and search again; return how many files there are."""
    looked_for = needles(found)
    hits: list[dict[str, Any]] = []
    for _ in range(_ROUNDS):
        hits = search(home.root, *looked_for)
        if not hits:
            return sum(path.is_file() for path in home.root.rglob("*"))
        scrub(home, dict.fromkeys(str(hit["path"]) for hit in hits), redactor, keys)
    places = [f"{home.root / hit['path']} ({hit.get('place') or hit['error']})" for hit in hits]
    raise NotErasedError(
        "The person is not erased yet: a trace is left.",
        where="; ".join(places[:10]) + (f" and {len(places) - 10} more" if len(places) > 10 else ""),
        why="these files cannot be written anew without the person, or somebody is writing them",
        todo="Remove or finish them, then `dealhouse erase --resume` goes on. All else is erased already.",
    )


def _check_graph(settings: Settings, found: Person) -> None:
    """Short ids are not looked for in bytes, where 17 stands everywhere: what was built must not know them."""
    from warehouse.store import open_store

    with open_store(settings.layout(), settings) as con:
        left = [pair for pair in found.id_pairs if person.is_known(con, *pair, found.tenant_id)]
    if left:
        raise NotErasedError(
            "The person is not erased yet: what was built still knows ids of theirs.",
            where=str(settings.layout().landing),
            why=f"{len(left)} ids come out of files whose rows a mapping turns into other ids, or that cannot be read",
            todo="Look at the mapping of these files, then `dealhouse erase --resume` goes on.",
        )
