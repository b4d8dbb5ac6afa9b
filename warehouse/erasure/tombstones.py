"""Keyed hashes of what was erased, by which a late event is recognised before it lands; and the seals and signatures.

A tombstone holds no identifier: only who has the key *and* the identifier can tell that they belong together. From the
same two, and the salt of the erasure, follows the token that stands in the identifier's place, so that a second start
and a late event give the same token, and counts stay what they were.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse import chain, pseudonym
from warehouse.errors import DealhouseError
from warehouse.phone import e164_digits
from warehouse.settings import Home, Settings

TOKEN_PREFIX = "erased-"  # noqa: S105
_NONCE_BYTES = 12
_TOKEN_CHARACTERS = 20
MIN_PHONE_DIGITS = 7


@dataclass(frozen=True)
class Tombstone:
    """What stands for one erased identifier."""

    keyed_hash: str
    kind: str
    """contact, lead, user, visitor, email or phone."""
    tenant_id: str
    salt: str
    """Of the erasure: tokens of two erasures have nothing in common."""
    is_distinctive: bool
    """Whether the identifier is replaced wherever it stands, or only in fields that name people."""
    key_id: str


class Keyring:
    """What the pseudonym key is used for in erasing; the purposes share no derived key."""

    def __init__(self, key: bytes, phone_region: str | None = None) -> None:
        self._key, self._phone_region = key, phone_region
        self.key_id = hashlib.sha256(b"key id\0" + key).hexdigest()[:8]

    def hash(self, kind: str, tenant_id: str, value: str) -> str | None:
        """Tombstone's hash of an identifier, written alike or not; None where it is none of its kind."""
        norm = self.normalised(kind, value)
        if norm is None:
            return None
        group = kind if kind in ("email", "phone") else "id"
        return self._mac("tombstone", group, tenant_id, norm)

    def normalised(self, kind: str, value: str) -> str | None:
        """An e-mail in lower case, a phone as digits (E.164), an id as it is."""
        if kind == "email":
            return value.strip().lower() if "@" in value else None
        if kind == "phone":
            digits = e164_digits(value, self._phone_region)
            return digits if digits and len(digits) >= MIN_PHONE_DIGITS else None
        return value or None

    def token(self, kind: str, tenant_id: str, value: str, salt: str) -> str:
        """What stands in place of an identifier."""
        norm = self.normalised(kind, value) or value
        return TOKEN_PREFIX + self._mac("token", salt, kind, tenant_id, norm)[:_TOKEN_CHARACTERS]

    def sign(self, record: dict[str, Any]) -> str:
        """Signature over a record without its ``signature`` and what the chain adds."""
        body = {name: value for name, value in record.items() if name not in _NOT_SIGNED}
        return self._mac("receipt", json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    def is_signed(self, record: dict[str, Any]) -> bool:
        """Whether the signature of a record was made with this key over what it says."""
        return hmac.compare_digest(str(record.get("signature", "")), self.sign(record))

    def seal(self, path: Path, content: dict[str, Any]) -> None:
        """Write content encrypted (AES-256-GCM), durably and at once."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(self._seal_key()).encrypt(nonce, json.dumps(content).encode(), path.name.encode())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(path.name + ".tmp")
        with draft.open("wb") as sink:
            sink.write(sealed)
            sink.flush()
            os.fsync(sink.fileno())
        draft.rename(path)
        chain.fsync_folder(path.parent)

    def unseal(self, path: Path) -> dict[str, Any]:
        """Read what was sealed.

        Raises
        ------
        DealhouseError
            If it was sealed with another key, or changed.
        """
        sealed = path.read_bytes()
        try:
            text = AESGCM(self._seal_key()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], path.name.encode())
        except InvalidTag as error:
            raise DealhouseError(
                "An erasure that was begun cannot be read.",
                where=str(path),
                why="it was sealed with another pseudonym key, or the file was changed",
                todo="Bring back that key (DEALHOUSE_PSEUDONYM_KEY, or keys/pseudonym.key) and start again.",
            ) from error
        content: dict[str, Any] = json.loads(text)
        return content

    def _seal_key(self) -> bytes:
        return hmac.new(self._key, b"erasure\0seal", hashlib.sha256).digest()

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(("erasure", *parts)).encode(), hashlib.sha256).hexdigest()


_NOT_SIGNED = {"signature", "seq", "previous", "hash"}


def keyring(home: Home, settings: Settings) -> Keyring:
    """The keys of a home; made on first use where the settings name none."""
    return Keyring(pseudonym.key(home, settings), settings.phone_region)


def tombstones_path(home: Home) -> Path:
    """Where the tombstones stand."""
    return home.erasure / "tombstones.ndjson"


def read(home: Home) -> dict[str, list[Tombstone]]:
    """All tombstones by their hash."""
    found: dict[str, list[Tombstone]] = {}
    for record in chain.read(tombstones_path(home)):
        stone = Tombstone(**{name: record[name] for name in Tombstone.__dataclass_fields__})
        found.setdefault(stone.keyed_hash, []).append(stone)
    return found


def bury(home: Home, stones: Iterable[Tombstone]) -> None:
    """Add tombstones that are not there yet, durably. The caller holds the writer lock."""
    known = {(stone.keyed_hash, stone.kind) for stones_ in read(home).values() for stone in stones_}
    home.erasure.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stone in stones:
        if (stone.keyed_hash, stone.kind) not in known:
            known.add((stone.keyed_hash, stone.kind))
            chain.append(tombstones_path(home), asdict(stone))
