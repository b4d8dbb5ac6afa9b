"""From the log to files: envelopes, delays, copies, flaws, one file per month of arrival.

What happens in the company is decided before; nothing here changes a good event.
"""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse.sample import truth
from warehouse.sample.log import DAY_MS
from warehouse.sample.streams import Streams

Event = dict[str, Any]

DRIFTING = ["app.login", "web.session.started"]
"""Types whose producer begins to send a field that no contract names."""

_TERSE = ["shop", "web"]
"""Producers that leave out ``specversion`` and the default tenant."""


@dataclass(frozen=True)
class Delivery:
    """All rows as they arrive, and what of them was planted.

    Parameters
    ----------
    rows
        ``arrival`` (milliseconds since 1970) and ``line``, in order of arrival.
    duplicates, late, drifted
        Exact copies; good events in a later file than their month; good events with a field that no contract names.
    bad
        Rows that must be rejected, by reason.
    """

    rows: pl.DataFrame
    duplicates: int
    late: int
    drifted: int
    bad: dict[str, int]


def deliver(streams: Streams, events: pl.DataFrame, end: float, tag: str) -> Delivery:
    """Send the events: most at once, some late, some twice, and a few broken rows among them.

    Parameters
    ----------
    streams
        Random streams.
    events
        Frame of :meth:`warehouse.sample.log.EventLog.frame`.
    end
        End of the sample; nothing arrives later.
    tag
        Begins the ids of the broken rows.
    """
    rng = streams("delivery")
    count, last = len(events), round(end * DAY_MS) - 1
    drifted = (rng.random(count) < truth.DRIFT_RATE) & events["type"].is_in(DRIFTING).to_numpy()
    delay = rng.exponential(20_000.0, count)
    offline = rng.random(count) < truth.LATE_RATE
    delay[offline] += rng.lognormal(np.log(4.0), 1.3, int(offline.sum())) * DAY_MS
    at = events["at"].to_numpy()
    arrival = np.minimum(at + delay.astype(np.int64), last)
    good = pl.DataFrame({"arrival": arrival, "line": _lines(events, drifted)})
    late = int((_month(arrival) > _month(at)).sum())

    twice = np.flatnonzero(rng.random(count) < truth.DUPLICATE_EVENT_RATE)
    again = np.minimum(arrival[twice] + (rng.exponential(0.3, len(twice)) * DAY_MS).astype(np.int64), last)
    copies = pl.DataFrame({"arrival": again, "line": good["line"].gather(twice)})
    broken, bad = _broken(streams, events, good, last, tag)
    rows = pl.concat([good, copies, broken], rechunk=True).sort("arrival", maintain_order=True)
    return Delivery(rows, len(twice), late, int(drifted.sum()), bad)


def write(rows: pl.DataFrame, out: Path, compress: bool) -> list[Path]:
    """Write one NDJSON file per month of arrival and return their paths, in order of time."""
    out.mkdir(parents=True, exist_ok=True)
    month = pl.from_epoch(pl.col("arrival"), time_unit="ms").dt.strftime("%Y-%m")
    paths = []
    for (name,), part in (
        rows.with_columns(month=month).partition_by("month", as_dict=True, maintain_order=True).items()
    ):
        path = out / f"events-{name}.ndjson{'.gz' if compress else ''}"
        text = io.BytesIO()
        part.select("line").write_csv(text, include_header=False, quote_style="never")
        # No time stamp in the gzip header: equal events are equal files. A watched folder never shows half a file.
        unfinished = out / f".{path.name}.part"
        unfinished.write_bytes(gzip.compress(text.getvalue(), 6, mtime=0) if compress else text.getvalue())
        unfinished.replace(path)
        paths.append(path)
    return paths


def _month(ms: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)


def _lines(events: pl.DataFrame, drifted: np.ndarray[Any, np.dtype[np.bool_]]) -> pl.Series:
    """Wrap data into envelopes; those in ``drifted`` carry one more field."""
    offset = pl.col("utc_offset").cast(pl.Int64)
    local = pl.from_epoch(pl.col("at") + offset * 3_600_000, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3f")
    zone = pl.when(offset == 0).then(pl.lit("Z")).otherwise(pl.format("+{}:00", offset.cast(pl.String).str.zfill(2)))
    extended = pl.when(pl.col("data") == "{}").then(pl.lit('{"app_version":"4.2"}')).otherwise(
        pl.concat_str(pl.col("data").str.head(-1), pl.lit(',"app_version":"4.2"}'))
    )  # fmt: skip
    terse = pl.col("source").is_in(_TERSE)
    tenant = pl.when(terse & (pl.col("tenantid") == "default")).then(None).otherwise("tenantid")
    words = [
        pl.when(~terse).then(pl.lit('"specversion":"1.0"')),
        *(pl.format('"{}":"{}"', pl.lit(name), pl.col(name)) for name in ("id", "source", "type")),
        pl.format('"time":"{}{}"', local, zone),
        pl.format('"subject":"{}"', "subject"),
        pl.format('"tenantid":"{}"', tenant),
        pl.format('"actor":"{}"', "actor"),
        pl.format('"data":{}', pl.when(pl.Series(drifted)).then(extended).otherwise("data")),
    ]
    body = pl.concat_str(words, separator=",", ignore_nulls=True)
    return events.select(pl.concat_str(pl.lit("{"), body, pl.lit("}")).alias("line")).to_series()


def _change(**data: Any) -> Callable[[Event], Event]:
    def changed(event: Event) -> Event:
        return {**event, "data": {**event["data"], **data}}

    return changed


# Reason code of the rejection, the type of which a copy is spoilt, and how. Conflicts keep their id.
_FLAWS: dict[str, tuple[str, Callable[[Event], Event]]] = {
    "malformed_json": ("web.session.started", lambda event: event),
    "unknown_type": ("crm.lead.updated", lambda event: {**event, "type": "crm.lead.archived"}),
    "future_time": ("web.session.started", lambda event: {**event, "time": "2199-01-01T00:00:00Z"}),
    "missing_field": ("crm.lead.created", _change(lead_source=None)),
    "wrong_type": ("web.session.started", _change(page_views={"count": 3})),
    "invalid_value": ("crm.lead.created", _change(lead_source="billboard")),
    "missing_attribute": ("app.login", lambda event: {name: event[name] for name in event if name != "id"}),
    "unsupported_specversion": ("crm.email.sent", lambda event: {**event, "specversion": "0.3"}),
    "conflicting_duplicate": ("crm.lead.created", _change(city="Elsewhere")),
}


def _broken(
    streams: Streams, events: pl.DataFrame, good: pl.DataFrame, last: int, tag: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Spoil copies of some events; a handful, so that a loop over them does no harm."""
    each = max(1, round(len(events) * truth.BAD_ROW_RATE))
    arrivals: list[int] = []
    lines: list[str] = []
    bad: dict[str, int] = {}
    for reason, (event_type, spoil) in _FLAWS.items():
        rng = streams(f"delivery.{reason}")
        candidates = (events["type"] == event_type).arg_true().to_numpy()
        chosen = rng.choice(candidates, min(each, len(candidates)), replace=False)
        bad[reason] = len(chosen)
        for number, row in enumerate(chosen.tolist()):
            event = json.loads(good["line"][row])
            if reason != "conflicting_duplicate":
                event["id"] = f"{tag}-bad-{reason}-{number}"
            event = spoil(event)
            line = json.dumps(event, separators=(",", ":"))
            lines.append(line[: len(line) * 2 // 3] if reason == "malformed_json" else line)
            # After the good one, so that it is the second of the two that conflicts.
            arrivals.append(min(int(good["arrival"][row]) + 60_000, last))
    return pl.DataFrame({"arrival": arrivals, "line": lines}, schema=good.schema), bad
