"""Writes kept files of landing anew, and says so in one signed record of the manifest.

The new files stand beside the old ones until the record is there, and the old ones go after it: cut short at any
instant, the next call does what is left. What is taken out of a file is decided by a redactor.
"""

from collections.abc import Callable
from typing import Any

from warehouse.chain import fsync_file
from warehouse.clock import utc_now
from warehouse.erasure.files import redact_file
from warehouse.erasure.intake import reading_of
from warehouse.erasure.redact import Redactor
from warehouse.erasure.tombstones import Keyring
from warehouse.landing import Entry, Landing
from warehouse.landing.copying import file_hash

_READ_ONLY = 0o444


def amend(
    landing: Landing, redactor_of: Callable[[Entry], Redactor | None], keys: Keyring, kind: str, receipt: str
) -> bool:
    """Redact the kept files of each entry; tell whether any had to be.

    Parameters
    ----------
    redactor_of
        What to take out of the files of an entry; None leaves them.
    kind, receipt
        For the record: ``erasure`` or ``retention``, and the name of the receipt to come.
    """
    landing.remove_replaced()
    for draft in landing.segments.glob("*.amending.*"):
        draft.unlink()
    amends = []
    for entry in landing.entries():
        redactor = redactor_of(entry)
        if redactor is None:
            continue
        files = [_redacted(landing, entry, number, redactor, receipt) for number in range(len(entry.files))]
        if files != list(entry.files):
            amends.append({"batch": entry.seq, "files": files})
    if not amends:
        return False
    record = {"kind": kind, "receipt": receipt, "at": utc_now().isoformat(timespec="seconds"), "amends": amends}
    landing.amend({**record, "signature": keys.sign(record)})
    return True


def _redacted(landing: Landing, entry: Entry, number: int, redactor: Redactor, receipt: str) -> dict[str, Any]:
    """The file of an entry as it is to be kept: the same one where there is nothing to take out."""
    file = entry.files[number]
    mapping = next((one for one in entry.files if one["role"] == "mapping"), None)
    if file is mapping:
        return file
    path = landing.path(file)
    suffix = path.name.partition(".")[2]
    draft = landing.segments / f"{entry.seq:08d}-{number}.amending.{suffix}"
    reading = reading_of(landing.path(mapping), str(file["role"])) if mapping else None
    if not redact_file(path, draft, redactor, reading):
        return file
    digest = file_hash(draft)
    final = landing.segments / f"{entry.seq:08d}-{digest[:16]}{f'-{number}' if number else ''}.{suffix}"
    fsync_file(draft)
    draft.chmod(_READ_ONLY)
    draft.replace(final)
    return {**file, "file": final.name, "sha256": digest, "bytes": final.stat().st_size, "amended": receipt}
