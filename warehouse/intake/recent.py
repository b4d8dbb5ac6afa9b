"""Remembers the latest events that were taken, within a bound.

It makes answers better and saves space. That nothing is doubled does not rest on it: ingestion compares every event
with all that came before.
"""

import hashlib
import json
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from warehouse.contracts.envelope import DEFAULT_TENANT

_DIGEST_BYTES = 16


class Recent:
    """Keys of events with a digest of what they say; the oldest go first.

    Parameters
    ----------
    limit
        How many are remembered; each costs some 250 bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._content: OrderedDict[bytes, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._content)

    def find(self, key: bytes) -> bytes | None:
        """Digest of the event that was taken under this key; None where it is not remembered."""
        return self._content.get(key)

    def add(self, key: bytes, content: bytes) -> None:
        """Remember one that is on disk."""
        self._content[key] = content
        if len(self._content) > self.limit:
            self._content.popitem(last=False)


def key_of(event: dict[str, Any]) -> bytes:
    """What identifies a valid event: its source and id."""
    return _digest(f"{event['source']}\0{event['id']}")


def content_of(event: dict[str, Any]) -> bytes:
    """What a valid event says, alike for any order of keys, any offset of its time, and for 1 and 1.0."""
    instant = datetime.fromisoformat(str(event["time"])).astimezone(UTC).isoformat()
    said = [event["type"], instant, event.get("tenantid") or DEFAULT_TENANT, event.get("subject"), event.get("actor")]
    return _digest(json.dumps([*map(_text, said), event["data"]], sort_keys=True))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
