"""Erases a person: the steps, in an order in which each can be cut short and done again.

First what is to be erased is sealed and its tombstones stand, so that nothing of the person can land any more. Then
landing is written anew without the person; that it was, is one record of its manifest. The work file is made anew from
it, published, and every former publication removed. What is left is scrubbed, all files are searched, and only where
nothing is found a receipt is signed and the sealed plan removed. A second start begins with what is sealed.
"""

import secrets
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from warehouse.clock import utc_now
from warehouse.erasure import forms, person, receipts, tombstones
from warehouse.erasure.amend import amend
from warehouse.erasure.locks import no_report_is_sent
from warehouse.erasure.pending import folder, pending
from warehouse.erasure.person import Person, is_distinctive
from warehouse.erasure.plan import Plan
from warehouse.erasure.redact import Redactor
from warehouse.erasure.scrub import mend_journals, scrub
from warehouse.erasure.search import search
from warehouse.erasure.tombstones import Tombstone
from warehouse.errors import DealhouseError, UsageError
from warehouse.intake.door import JUDGED, judging, remove_left_behind
from warehouse.intake.spool import OPEN_SUFFIX, Spool
from warehouse.landing import Entry, Landing
from warehouse.publish import current_version
from warehouse.settings import Home, Settings

_ROUNDS = 3
"""How often what is found is scrubbed before it counts as something that cannot be."""

_JUDGED_SECONDS = 10.0
"""How long an event may be looked at by its judge before it counts as one that was left behind."""

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
    """Erase the person whom this id names, and return the signed receipt.

    The caller holds what :func:`warehouse.erasure.locks.forgetting` gives.

    Raises
    ------
    UsageError
        If the id is unknown, or names people of several tenants.
    NotErasedError
        If a trace is left that could not be removed: says where. Starting again goes on from there.
    """
    bring_up_to_date(settings, say)
    found = _found(settings, kind, value, tenant_id)
    return erase_all(settings, [found], "request", say)


def bring_up_to_date(settings: Settings, say: Say = lambda _: None) -> None:
    """Finish what was cut off, and build what has arrived, so that the identity graph knows it."""
    from warehouse.build import Clocks, build
    from warehouse.pipeline import take_in

    resume(settings, say)
    say("bringing the identity graph up to date")
    take_in(settings)
    build(settings, Clocks())


def requested(settings: Settings) -> list[Person]:
    """Persons whom events ask to erase (identity.erasure.requested), each once. The caller holds the writer lock."""
    from warehouse.store import open_store

    persons: dict[tuple[Any, ...], Person] = {}
    with open_store(settings.layout(), settings) as con:
        asked = con.execute(
            "select distinct json_extract_string(data, '$.subject_type'), json_extract_string(data, '$.subject_id'), "
            "tenant_id from raw.events where event_type = 'identity.erasure.requested' order by all"
        ).fetchall()
        for kind, value, tenant in asked:
            one = None if str(value).startswith(tombstones.TOKEN_PREFIX) else person.find(con, kind, value, tenant)
            if one is not None:
                persons[one.tenant_id, *one.id_pairs] = one
    return list(persons.values())


def erase_all(settings: Settings, persons: list[Person], reason: str, say: Say = lambda _: None) -> dict[str, Any]:
    """Erase persons who were found, all at once; see :func:`erase`.

    Parameters
    ----------
    reason
        For the receipt: ``request`` or ``retention``.
    """
    home = settings.layout()
    keys = tombstones.keyring(home, settings)
    receipt = f"erasure-{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    content = {
        "receipt": receipt,
        "reason": reason,
        "salt": secrets.token_hex(16),
        "begun_at": utc_now().isoformat(timespec="seconds"),
    }
    plan = Plan(home, keys, folder(home) / f"{receipt}.sealed", content, persons)
    plan.keep()
    return _carry_out(settings, plan, say)


def resume(settings: Settings, say: Say = lambda _: None) -> list[dict[str, Any]]:
    """Finish erasures that were cut off; return their receipts. The caller holds the writer lock."""
    home = settings.layout()
    waiting = pending(home)
    if not waiting:
        return []
    keys = tombstones.keyring(home, settings)
    return [_carry_out(settings, Plan.open(home, keys, path), say) for path in waiting]


def needles(*persons: Person) -> tuple[dict[str, int], dict[str, int]]:
    """Forms in which persons could stand somewhere: those found in any case, and those that are exact (base64).

    Of names the full ones alone: a first name or a surname by itself is a word, and the name of others.
    """
    folded: dict[str, int] = {}
    exact: dict[str, int] = {}
    for found in persons:
        values = [value for _, value in found.id_pairs if is_distinctive(value)]
        values += [*found.emails, *found.phones, *found.full_names]
        for value in (value for value in values if not found.is_shared(value)):
            number = len(folded)
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


def _carry_out(settings: Settings, plan: Plan, say: Say) -> dict[str, Any]:
    home, receipt = plan.home, plan.receipt
    say("noting that nothing of the person may come in again")
    tombstones.bury(home, _stones(plan))
    landing = Landing(home, settings, plan)
    Spool(home).close()
    landing.land_inbox()
    while (checked := _round(settings, landing, plan, say)) is None:
        say("beginning again: what came in meanwhile named an id of the person that was not known")
    persons = plan.persons
    _check_graph(settings, persons)
    now = utc_now().isoformat(timespec="seconds")
    ids = [(one.tenant_id, *pair) for one in persons for pair in one.id_pairs]
    notice = {"receipt": receipt, "erased_at": now, "ids": {str(number): one for number, one in enumerate(ids)}}
    plan.keys.seal(home.erasure / "notices" / plan.path.name, notice)
    done = next((one for one in receipts.read(home) if one["receipt"] == receipt), None) or receipts.keep(
        home,
        plan.keys,
        {
            "receipt": receipt,
            "reason": plan.content["reason"],
            "begun_at": plan.content["begun_at"],
            "done_at": now,
            "tenants": sorted({one.tenant_id for one in persons}),
            "ids": len(ids),
            "emails": sum(len(one.emails) for one in persons),
            "phones": sum(len(one.phones) for one in persons),
            "names": sum(len(one.names) for one in persons),
            "shared": sum(len(one.shared) for one in persons),
            "batches": sum(receipt == file.get("amended") for entry in landing.entries() for file in entry.files),
            "files_searched": checked,
            "published": plan.content["published"],
        },
    )
    plan.path.unlink()
    return done


def _round(settings: Settings, landing: Landing, plan: Plan, say: Say) -> int | None:
    """Take the persons out of all files, and prove it; None where what was built turned out to hold more of them."""
    from warehouse.pipeline import publish_anew

    home = plan.home
    say("taking the person out of what was received")
    _take_out(landing, plan, frozenset())
    now_current = current_version(home)
    if now_current is None or plan.content.get("published") != now_current:
        say("building all tables anew without the person")
        plan.set_published(publish_anew(settings, timedelta(0)))
    say("searching every file")
    fresh: set[int] = set()

    def land_late() -> None:
        known = len(plan.persons)
        fresh.update(_land_late(landing))
        # What landed before may name an id that is the person's only since then.
        if len(plan.persons) > known and _take_out(landing, plan, fresh):
            raise _StaleError

    try:
        return _prove(plan, land_late)
    except _StaleError:
        return None


class _StaleError(Exception):
    """The tables were built from files that were written anew since."""


def _take_out(landing: Landing, plan: Plan, fresh: Set[int]) -> bool:
    """Take the persons out of all that has landed, and of whom they are known by what that names.

    Tell whether any of it had to be written anew but the entries of these numbers, which no table is built from.
    """
    is_stale = False
    while True:
        redactor = plan.redactor()
        if amend(landing, _where(redactor, lambda seq: seq not in fresh), plan.keys, "erasure", plan.receipt):
            is_stale = True
            plan.set_published(None)
        if fresh:
            amend(landing, _where(redactor, lambda seq: seq in fresh), plan.keys, "erasure", plan.receipt)
        if not plan.learn(redactor):
            return is_stale


def _where(redactor: Redactor, is_due: Callable[[int], bool]) -> Callable[[Entry], Redactor | None]:
    return lambda entry: redactor if is_due(entry.seq) else None


def _stones(plan: Plan) -> list[Tombstone]:
    keys, salt = plan.keys, plan.salt
    stones = []
    for found in plan.persons:
        values = [*found.id_pairs, *(("email", one) for one in found.emails), *(("phone", one) for one in found.phones)]
        for kind, value in values:
            hash_ = keys.hash(kind, found.tenant_id, value)
            is_shared = found.is_shared(value)
            if hash_ is not None and not (kind in ("email", "phone") and is_shared):
                stones.append(Tombstone(hash_, kind, found.tenant_id, salt, not is_shared, keys.key_id))
    return stones


def _land_late(landing: Landing) -> set[int]:
    """Land what came in live since the tables were built; return the new entries, which the next run takes in."""
    Spool(landing.home).close()
    return {one.entry.seq for one in landing.land_inbox() if one.entry is not None}


def _prove(plan: Plan, land_late: Callable[[], None]) -> int:
    """Search all files, scrub where something is found, and search again; return how many files there are.

    Events go on coming in meanwhile, and those of the person with them: what waits to be landed is no trace, since it
    lands without the person. Else whoever sends fast enough would keep an erasure from ever being finished.
    """
    home = plan.home
    hits: list[dict[str, Any]] = []
    for _ in range(_ROUNDS):
        with no_report_is_sent(home):
            mend_journals(home, plan.hashes)
        land_late()
        hits = _without_judged(home, search(home.root, *needles(*plan.persons)))
        if hits and all(_is_waiting(home, hit) for hit in hits):
            known = len(plan.persons)
            land_late()
            if len(plan.persons) > known:
                continue  # all files have to be searched for what is known only now
            hits = [{**hit, "path": f"landing/{hit['path']}"} for hit in search(home.landing, *needles(*plan.persons))]
        if not hits:
            return sum(path.is_file() for path in home.root.rglob("*"))
        with no_report_is_sent(home):
            scrub(home, dict.fromkeys(str(hit["path"]) for hit in hits), plan.redactor(), plan.keys, plan.remember)
    places = [f"{home.root / hit['path']} ({hit.get('place') or hit['error']})" for hit in hits]
    raise NotErasedError(
        "The person is not erased yet: a trace is left.",
        where="; ".join(places[:10]) + (f" and {len(places) - 10} more" if len(places) > 10 else ""),
        why="these files cannot be written anew without the person, or somebody is writing them",
        todo="Remove or finish them, then `dealhouse erase --resume` goes on. All else is erased already.",
    )


def _is_waiting(home: Home, hit: dict[str, Any]) -> bool:
    """Whether a trace is in what came in live and has not landed."""
    path = home.root / str(hit["path"])
    return path.parent == Spool(home).folder and path.suffix in (OPEN_SUFFIX, ".ndjson")


def _without_judged(
    home: Home, hits: list[dict[str, Any]], wait_seconds: float = _JUDGED_SECONDS
) -> list[dict[str, Any]]:
    """What is left of traces once all that was being judged has been: it goes on into the spool, or to nobody.

    What a killed process was judging goes nowhere by itself, and what a stopped one holds stands there: those are
    traces.
    """
    folder = judging(home)
    if not any((home.root / str(hit["path"])).is_relative_to(folder) for hit in hits):
        return hits
    stems = {path.stem for path in remove_left_behind(home, wait_seconds)}

    def is_left(hit: dict[str, Any]) -> bool:
        path = home.root / str(hit["path"])
        if not path.is_relative_to(folder) or path == folder:
            return True
        name = Path(path.relative_to(folder).parts[0])
        return name.stem in stems or not name.stem.startswith(JUDGED)

    return [hit for hit in hits if is_left(hit)]


def _check_graph(settings: Settings, persons: list[Person]) -> None:
    """Short ids are not looked for in bytes, where 17 stands everywhere: what was built must not know them."""
    from warehouse.store import open_store

    with open_store(settings.layout(), settings) as con:
        left = [pair for one in persons for pair in one.id_pairs if person.is_known(con, *pair, one.tenant_id)]
    if left:
        raise NotErasedError(
            "The person is not erased yet: what was built still knows ids of theirs.",
            where=str(settings.layout().landing),
            why=f"{len(left)} ids come out of files whose rows a mapping turns into other ids, or that cannot be read",
            todo="Look at the mapping of these files, then `dealhouse erase --resume` goes on.",
        )
