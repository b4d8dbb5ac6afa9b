"""Keyed pseudonyms of e-mail addresses and phone numbers (HMAC-SHA256, RFC 2104).

The key never enters the warehouse, so that nobody who has only a file can find out whom a pseudonym stands for. Which
fields are personal is said by the contracts.
"""

import hashlib
import hmac
import os
import secrets

from warehouse.phone import e164_digits
from warehouse.settings import Home, Settings

_KEY_FILE = "pseudonym.key"
_PSEUDONYM_CHARACTERS = 32


class Pseudonymiser:
    """Makes pseudonyms with one key; equal values, written alike or not, get equal pseudonyms."""

    def __init__(self, key: bytes, phone_region: str | None = None) -> None:
        self._key = key
        self._phone_region = phone_region
        self.key_id = hashlib.sha256(b"key id\0" + key).hexdigest()[:8]

    def email(self, value: str | None) -> str | None:
        """Pseudonym of an e-mail address, without regard to case or surrounding space."""
        return self._of("email", value.strip().lower()) if value and value.strip() else None

    def phone(self, value: str | None) -> str | None:
        """Pseudonym of a phone number, however it is written: see :func:`warehouse.phone.e164_digits`."""
        digits = e164_digits(value, self._phone_region)
        return self._of("phone", digits) if digits else None

    def _of(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()[:_PSEUDONYM_CHARACTERS]


def load(home: Home, settings: Settings) -> Pseudonymiser:
    """With the key of the settings, or the one in ``keys/``, which is made on first use."""
    return Pseudonymiser(key(home, settings), settings.phone_region)


def has_key(home: Home, settings: Settings) -> bool:
    """Whether there is a key, so that none would be made."""
    return settings.pseudonym_key is not None or (home.keys / _KEY_FILE).exists()


def key(home: Home, settings: Settings) -> bytes:
    """The secret itself: that of the settings, or the one in ``keys/``, which is made on first use."""
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    path = home.keys / _KEY_FILE
    if not path.exists():
        home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as sink:
            sink.write(secrets.token_hex(32))
            sink.flush()
            os.fsync(sink.fileno())
        draft.rename(path)
    return bytes.fromhex(path.read_text().strip())
