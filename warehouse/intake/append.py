"""Writes events from within a process, on the same path as those that arrive by HTTP."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from warehouse.intake.door import Answer, Door, Parcel
from warehouse.intake.split import Candidate, split_json
from warehouse.settings import Home, Settings


def append_events(home: Home, events: Sequence[Mapping[str, Any]], settings: Settings | None = None) -> list[Answer]:
    """Judge events by their contracts, put them on disk, and say what became of each, in order.

    Neither the writer lock nor a run is waited for; the next run takes them in. Sending one again, with its id, is
    harmless.

    Parameters
    ----------
    home
        Layout of the home that they are for.
    events
        CloudEvents as mappings that JSON can hold.
    settings
        Default: those of the environment.

    Returns
    -------
    list of Answer
        When it is there, what is accepted survives a power cut.

    Raises
    ------
    warehouse.intake.spool.SpoolFullError
        If they cannot be written; then none of them was taken.
    """
    candidates: list[Candidate] = []
    for event in events:
        candidates += split_json(json.dumps(event, ensure_ascii=False, allow_nan=False).encode())
    door = Door(home, settings or Settings())
    try:
        return door.take([Parcel(candidates)])[0]
    finally:
        door.close()
