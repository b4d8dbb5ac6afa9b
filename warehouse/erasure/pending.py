"""What is not finished yet: erasures that were begun, notices that no destination has taken, tables to be made anew.

The first two hold identifiers, and so are sealed with the key, which is kept apart; they go once they have been used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse import chain
from warehouse.erasure.tombstones import keyring
from warehouse.errors import DealhouseError
from warehouse.settings import Home, Settings

_SEALED = "*.sealed"


@dataclass(frozen=True)
class Erased:
    """Tells a destination to erase a record; one per id of a person."""

    message_id: str
    """Stays the same however often it is handed out."""
    tenant_id: str
    subject_type: str
    """contact, lead, user or visitor."""
    subject_id: str
    """The identifier itself, which stands nowhere else any more: it must not be written down."""
    erased_at: str
    """ISO 8601, UTC."""

    def envelope(self) -> dict[str, Any]:
        """The same as a CloudEvent."""
        return {
            "specversion": "1.0",
            "id": self.message_id,
            "source": "dealhouse",
            "type": "identity.erased",
            "subject": self.subject_id,
            "time": self.erased_at,
            "tenantid": self.tenant_id,
            "data": {"subject_type": self.subject_type, "subject_id": self.subject_id},
        }


def folder(home: Home) -> Path:
    """Where erasures stand that were begun."""
    return home.erasure / "pending"


def pending(home: Home) -> list[Path]:
    """Erasures that were begun and are not finished, oldest first."""
    return sorted(folder(home).glob(_SEALED))


def _rebuild_mark(home: Home) -> Path:
    return home.erasure / "rebuild.pending"


def mark_rebuild(home: Home) -> None:
    """Note, before landing is written anew, that whatever was made from it has to be made anew as well."""
    path = _rebuild_mark(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch()
    chain.fsync_folder(path.parent)


def unmark_rebuild(home: Home) -> None:
    """Note that it was made anew, and published."""
    _rebuild_mark(home).unlink(missing_ok=True)


def is_rebuild_marked(home: Home) -> bool:
    """Whether somebody wrote landing anew, and was cut off before the tables followed."""
    return _rebuild_mark(home).exists()


def refuse_while_pending(home: Home, what: str = "Nothing was taken in", mends_tables: bool = False) -> None:
    """Keep a run, a replay or a sync from working on what is half erased.

    Parameters
    ----------
    what
        What was not done, for the message.
    mends_tables
        Whether the caller makes anew what a retention that was cut off has left (:func:`is_rebuild_marked`).

    Raises
    ------
    DealhouseError
        If an erasure or a retention was cut off.
    """
    if pending(home):
        raise DealhouseError(
            f"{what}: an erasure was cut off before it was finished.",
            where=str(folder(home)),
            why="until then files may still hold what is to be erased, and the work file does not fit landing",
            todo="Finish it with `dealhouse erase --resume`, then start again.",
        )
    if is_rebuild_marked(home) and not mends_tables:
        raise DealhouseError(
            f"{what}: a retention was cut off before the tables followed.",
            where=str(_rebuild_mark(home)),
            why="the tables still hold what it has taken out of landing, and the work file does not fit landing",
            todo="Make them anew with `dealhouse run`, then start again.",
        )


def erased(home: Home, settings: Settings) -> list[Erased]:
    """What destinations have to be told; each until :func:`acknowledge` is called for it.

    The caller holds the writer lock.
    """
    keys = keyring(home, settings)
    found = []
    for path in sorted((home.erasure / "notices").glob(_SEALED)):
        notice = keys.unseal(path)
        found += [
            Erased(f"{notice['receipt']}-{number}", tenant, kind, value, notice["erased_at"])
            for number, (tenant, kind, value) in sorted((int(number), one) for number, one in notice["ids"].items())
        ]
    return found


def acknowledge(home: Home, settings: Settings, message_id: str) -> None:
    """Note that all destinations know of it; with the last one of a person, the notice is removed."""
    receipt, _, number = message_id.rpartition("-")
    path = home.erasure / "notices" / f"{receipt}.sealed"
    if not path.exists():
        return
    keys = keyring(home, settings)
    notice = keys.unseal(path)
    notice["ids"].pop(number, None)
    if notice["ids"]:
        keys.seal(path, notice)
    else:
        path.unlink()
