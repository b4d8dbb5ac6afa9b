"""Logs of the sample company with times of arrival: a history that comes in one load, then events as they happen.

Most arrive within minutes; some are late by days, and one in fifty by weeks. Everything is drawn from the seed.
"""

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.laws.compiled import Event, utc
from warehouse.sample import write_company

FEATURES = ("feat_deal", "feat_customer", "feat_lead")
LABELS = ("label_deal", "label_customer", "label_lead")


@cache
def sample_log(days: int, accounts: int, seed: int) -> list[Event]:
    """Return the good events of a sample company, each once, in order of time."""
    events: dict[tuple[str, str], Event] = {}
    with TemporaryDirectory() as folder:
        for path in write_company(Path(folder), days=days, accounts=accounts, seed=seed).files:
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if {"id", "source", "type", "time", "data"} <= event.keys() and event["time"] < "2100":
                    events.setdefault((event["source"], event["id"]), event)
    return sorted(events.values(), key=lambda event: (utc(event["time"]), event["source"], event["id"]))


def with_arrivals(log: list[Event], loaded_at: datetime, seed: int) -> list[Event]:
    """Return the log with the time at which each event arrived; those of before ``loaded_at`` came with it."""
    rng = np.random.default_rng(seed)
    minutes = rng.exponential(20.0, len(log))
    fate = rng.random(len(log))
    days = np.where(
        fate < 0.02, rng.uniform(7, 40, len(log)), np.where(fate < 0.12, rng.exponential(2.0, len(log)), 0.0)
    )
    arrived = []
    for event, late_minutes, late_days in zip(log, minutes, days, strict=True):
        at = utc(event["time"]) + timedelta(minutes=float(late_minutes), days=float(late_days))
        arrived.append(event | {"_received_at": max(at, loaded_at)})
    return arrived
