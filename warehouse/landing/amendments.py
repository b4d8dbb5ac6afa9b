"""Signed records of the manifest by which kept files were put in place of others: erasures and retention.

A record has ``kind``, ``receipt``, ``at``, ``signature`` and ``amends``: for each batch its number and its ``files`` as
they are from then on. The line of the batch itself stays, and so does the chain. A file whose hash is not the one that
was received is in order only where a record with a valid signature says so: whoever tampers with a file has no key to
sign with. What is taken out of the files is decided in :mod:`warehouse.erasure`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import chain
from warehouse.settings import Home, Settings

if TYPE_CHECKING:
    from warehouse.landing.landing import Entry

AMENDING = ("erasure", "retention")


def applied(records: Iterable[dict[str, Any]], read: "Callable[[dict[str, Any]], Entry]") -> "list[Entry]":
    """Entries of a manifest, each with its files as the last amendment left them."""
    current: dict[int, dict[str, Any]] = {}
    for record in records:
        if record["kind"] not in AMENDING:
            current[record["seq"]] = record
            continue
        for amended in record["amends"]:
            former = current[amended["batch"]]
            received = former.get("received_files", former["files"])
            current[amended["batch"]] = {**former, "files": amended["files"], "received_files": received}
    return [read(record) for record in current.values()]


def files_ever(records: Iterable[dict[str, Any]]) -> set[str]:
    """Names of all files that any record has named."""
    names: set[str] = set()
    for record in records:
        for one in [record, *record.get("amends", [])]:
            names |= {str(file["file"]) for file in one.get("files", [])}
    return names


def count(entries: "Iterable[Entry]") -> int:
    """Files that are not as they were received."""
    return sum(bool(file.get("amended")) for entry in entries for file in entry.files)


def problems(home: Home, settings: Settings, manifest: Path) -> list[str]:
    """Amendments that nobody who has the key has signed, and receipts whose amendment is gone."""
    records = chain.read(manifest)
    amending = [record for record in records if record["kind"] in AMENDING]
    if not amending and not home.erasure.exists():
        return []
    from warehouse.erasure.receipts import read as read_receipts
    from warehouse.erasure.tombstones import keyring

    keys = keyring(home, settings)
    found = [
        f"{manifest}, record {record['seq']}: its signature is not of this home's key, so that the files it names were "
        "changed by somebody else, and not by an erasure. Restore them and the manifest from a backup."
        for record in amending
        if not keys.is_signed(record)
    ]
    present = {record["receipt"] for record in amending}
    for receipt in read_receipts(home):
        if not keys.is_signed(receipt):
            found.append(f"The receipt {receipt['receipt']} is not signed with this home's key.")
        elif receipt.get("batches") and receipt["receipt"] not in present:
            found.append(
                f"{manifest} has lost the record of {receipt['receipt']}: files may have been put back to what they "
                "were before it. Restore landing from a backup that is younger."
            )
    return found
