"""Takes late events of erased persons out of what arrives, before it is kept.

Without tombstones it costs a look whether there are any. Whom they stand for is decided in :mod:`warehouse.erasure`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from warehouse.chain import fsync_file
from warehouse.landing.copying import file_hash
from warehouse.settings import Home, Settings

if TYPE_CHECKING:
    from warehouse.erasure.plan import Plan

Screen = Callable[[Path, Path, str], "tuple[str, int] | None"]
"""Given the file as sent, its copy and its role: replaces the copy where it has to, and gives its hash and size."""


def screen(home: Home, files: Mapping[str, Path], settings: Settings, erasure: Optional["Plan"] = None) -> Screen:
    """What these files have to pass before they are kept.

    Parameters
    ----------
    erasure
        The one that is being carried out: it knows more of its persons than their tombstones do.
    """
    if erasure is None and not (home.erasure / "tombstones.ndjson").exists():
        return lambda *_: None
    from warehouse.erasure.intake import redact_arrival

    mapping = files.get("mapping")

    def look(origin: Path, draft: Path, role: str) -> tuple[str, int] | None:
        if role == "mapping" or not redact_arrival(home, settings, origin, draft, role, mapping, erasure):
            return None
        fsync_file(draft)
        return file_hash(draft), draft.stat().st_size

    return look
