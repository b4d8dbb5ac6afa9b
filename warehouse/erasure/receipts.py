"""Signed receipts: that an erasure was done and proved, when, and how much it took, without saying of whom."""

from typing import Any

from warehouse import chain
from warehouse.erasure.tombstones import Keyring
from warehouse.settings import Home


def read(home: Home) -> list[dict[str, Any]]:
    """All receipts, oldest first."""
    return chain.read(home.erasure / "receipts.ndjson")


def keep(home: Home, keys: Keyring, receipt: dict[str, Any]) -> dict[str, Any]:
    """Sign a receipt and add it to the others. The caller holds the writer lock."""
    signed = {**receipt, "key_id": keys.key_id}
    signed["signature"] = keys.sign(signed)
    home.erasure.mkdir(parents=True, exist_ok=True, mode=0o700)
    return chain.append(home.erasure / "receipts.ndjson", signed)
