"""Decides on events that arrive one by one, and answers once they are on disk.

Ingestion decides again when a run takes them in, by the same contracts; what it knows beyond them (every event that
ever came) may make a duplicate of an event that was accepted here, never a second copy.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from warehouse.clock import utc_now
from warehouse.contracts.envelope import DEFAULT_TENANT
from warehouse.ingest.deduplicate import CONFLICT
from warehouse.ingest.judge import Judge
from warehouse.intake.recent import Recent, content_of, key_of
from warehouse.intake.split import Candidate
from warehouse.intake.spool import FOLDER, Spool
from warehouse.lock import is_in_place
from warehouse.settings import Home, Settings

Status = Literal["accepted", "duplicate", "rejected"]

WRONG_TENANT = "wrong_tenant"
JUDGED = "judged-"
_POLL_SECONDS = 0.005
_NEXT = re.compile(r"[ \t\r\n,:]*")
_LEFT_TO_THE_SENDER = frozenset({WRONG_TENANT, "future_time", "too_large"})
"""Rejected here for what ingestion might not see, so that they must not get there. Others go to quarantine, from where
`dealhouse rejects --replay` takes them in once a contract accepts them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one event."""

    status: Status
    reason: str = ""
    """Of a rejected one: a code such as ``missing_field``."""
    message: str = ""
    """The same as a sentence, with what to do."""
    event_id: str = ""
    source: str = ""
    is_kept: bool = True
    """Whether it is on disk: accepted, or in quarantine, from where it can be replayed."""


@dataclass(slots=True)
class Parcel:
    """Events that came together, and for whom their sender may speak."""

    candidates: list[Candidate]
    tenants: Set[str] | None = None
    """Tenants that the events may be of; None for any."""
    default_tenant: str = DEFAULT_TENANT
    """Tenant of an event that names none."""


@dataclass(slots=True)
class _Pending:
    candidate: Candidate
    parcel: Parcel
    answer: Answer | None = None
    is_written: bool = False
    memory: tuple[bytes, bytes] | None = None
    """Key and content, of one that is to be accepted."""


@dataclass
class Door:
    """Where events come in; used by one thread at a time, while other processes have doors of their own."""

    home: Home
    settings: Settings
    recent: Recent = field(default_factory=lambda: Recent(200_000))

    def __post_init__(self) -> None:
        self.spool = Spool(self.home)
        remove_left_behind(self.home)
        folder = judging(self.home)
        name = f"{JUDGED}{os.getpid()}-{secrets.token_hex(4)}.ndjson"
        self._judge = Judge(folder / name, self.settings.max_event_bytes)

    def take(self, parcels: Sequence[Parcel]) -> list[list[Answer]]:
        """Judge the events of all parcels, write them with one sync of the disk, and answer each, in order.

        Raises
        ------
        warehouse.intake.spool.SpoolFullError
            If they cannot be written; then none of them was taken.
        """
        pending = [[_Pending(candidate, parcel) for candidate in parcel.candidates] for parcel in parcels]
        everyone = [one for group in pending for one in group]
        readable = [one for one in everyone if not self._is_unreadable(one)]
        judged = self._judge.judge([one.candidate.line for one in readable], utc_now().replace(tzinfo=None))
        fresh: dict[bytes, bytes] = {}
        for one, verdict in zip(readable, judged, strict=True):
            tenants = one.parcel.tenants
            if tenants is not None and verdict.tenant_id not in tenants:
                _reject(one, WRONG_TENANT, _foreign(verdict.tenant_id))
            elif verdict.reason:
                _reject(one, verdict.reason, verdict.message)
            else:
                self._admit(one, fresh)
        lines = [one.candidate.line for one in everyone if one.is_written]
        if lines:
            self.spool.append(b"\n".join(lines) + b"\n")
        for key, content in fresh.items():
            self.recent.add(key, content)
        return [[_given(one.answer) for one in group] for group in pending]

    def close(self) -> None:
        """Give back what judging needs. What was written stays for the next run."""
        self._judge.close()

    def _is_unreadable(self, one: _Pending) -> bool:
        candidate = one.candidate
        if not candidate.reason and len(candidate.line) > self.settings.max_event_bytes:
            candidate.reason = "too_large"
            candidate.message = (
                f"The event is longer than {self.settings.max_event_bytes:,} bytes. Send smaller events."
            )
        if candidate.reason:
            _reject(one, candidate.reason, candidate.message, is_kept=False)
            return True
        if candidate.event.get("tenantid") is None and one.parcel.default_tenant != DEFAULT_TENANT:
            _name_tenant(candidate, one.parcel.default_tenant)
        return False

    def _admit(self, one: _Pending, fresh: dict[bytes, bytes]) -> None:
        key, content = key_of(one.candidate.event), content_of(one.candidate.event)
        before = fresh.get(key) or self.recent.find(key)
        if before is None:
            fresh[key] = content
            one.answer, one.is_written = _answer(one, "accepted"), True
        elif before == content:
            one.answer = _answer(one, "duplicate")
        else:
            _reject(
                one,
                CONFLICT,
                "The source has sent an event of this id with other content before. The first stays; give the new one "
                "an id of its own if it is meant.",
            )


def judging(home: Home) -> Path:
    """Where events stand while they are judged: hidden, so that no run lands them, and not where a run tidies up."""
    return home.inbox / FOLDER / ".judging"


def remove_left_behind(home: Home, wait_seconds: float = 0) -> list[Path]:
    """Remove what processes were judging when they were killed: events should lie nowhere but where they are kept.

    Parameters
    ----------
    wait_seconds
        How long to wait for those that are being judged now, which takes some milliseconds.

    Returns
    -------
    list of pathlib.Path
        Those that are still being judged.
    """
    deadline = time.monotonic() + wait_seconds
    names = {path.stem for path in judging(home).glob(f"{JUDGED}*")}
    left = []
    for path in (judging(home) / f"{name}.ndjson" for name in sorted(names)):
        while not _removed(path):
            if time.monotonic() >= deadline:
                left.append(path)
                break
            time.sleep(_POLL_SECONDS)
    return left


def _removed(path: Path) -> bool:
    """Remove a judged file, and what its reader made of it, unless a living process holds it."""
    try:
        # Made where only the reader's folder is left, so that nobody begins to judge under that name meanwhile.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_in_place(path, descriptor):
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _reject(one: _Pending, reason: str, message: str, is_kept: bool | None = None) -> None:
    kept = reason not in _LEFT_TO_THE_SENDER if is_kept is None else is_kept
    one.answer, one.is_written = _answer(one, "rejected", reason, message, kept), kept


def _answer(one: _Pending, status: Status, reason: str = "", message: str = "", is_kept: bool = True) -> Answer:
    event = one.candidate.event
    return Answer(status, reason, message, _shown(event.get("id")), _shown(event.get("source")), is_kept)


def _shown(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)[:200]


def _given(answer: Answer | None) -> Answer:
    assert answer is not None
    return answer


def _name_tenant(candidate: Candidate, tenant: str) -> None:
    if "tenantid" in candidate.event:
        candidate.event["tenantid"], candidate.line = tenant, _with_tenant(candidate.line, tenant)
        return
    named = f'{{"tenantid":{json.dumps(tenant)}'.encode()
    inside = candidate.line.lstrip()[1:]
    candidate.line = named + (b"" if inside.lstrip()[:1] == b"}" else b",") + inside
    candidate.event["tenantid"] = tenant


def _with_tenant(line: bytes, tenant: str) -> bytes:
    """An event with its tenant, which is null, put in; all else stays as it was written, such as 1e400."""
    text, decoder, at = line.decode(), json.JSONDecoder(), line.decode().index("{") + 1
    while True:
        at = _NEXT.match(text, at).end()  # type: ignore[union-attr]
        name, at = decoder.raw_decode(text, at)
        start = _NEXT.match(text, at).end()  # type: ignore[union-attr]
        _, at = decoder.raw_decode(text, start)
        if name == "tenantid":
            return (text[:start] + json.dumps(tenant) + text[at:]).encode()


def _foreign(tenant: str) -> str:
    return (
        f"The sender may not speak for the tenant {tenant[:80]!r}. Leave tenantid out, or send with the token of that "
        "tenant."
    )
