"""What is older than the policy: found, taken away, and looked for again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from warehouse.clock import utc_now
from warehouse.erasure import person, receipts, tombstones
from warehouse.erasure.amend import amend
from warehouse.erasure.erase import bring_up_to_date, erase_all
from warehouse.erasure.fields import OWN_FIELDS
from warehouse.erasure.pending import mark_rebuild, unmark_rebuild
from warehouse.errors import DealhouseError
from warehouse.ingest.reading import origin
from warehouse.landing import Entry, Landing
from warehouse.publish import pointer
from warehouse.retention.expiry import Expiry
from warehouse.retention.policy import DROPPED, Policy, cutoff
from warehouse.settings import Home, Settings

REPORTS = {".html", ".eml"}
"""Endings of reports. The outbox holds none: its lists and receipts are what the write-back goes by, and stay."""

LOGS = {".log", ".out", ".err"}
_BLANKED = b'{"erased":"'
_EMPTY = r'[{](("[a-z]+":(null|"")|"time":"[^"]*"),?)+[}]'
"""Of a table, a row of which nothing is left."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Due:
    """What is older than it may be."""

    what: str
    count: int
    oldest: datetime
    """Naive UTC."""


class NotRetiredError(DealhouseError):
    """Something older than the policy is left."""


def is_confirmed(home: Home) -> bool:
    """Whether somebody has once had retention carried out: until then a schedule only tells what is due."""
    return any(receipt["receipt"].startswith("retention-") for receipt in receipts.read(home))


def due(settings: Settings, policy: Policy, now: datetime | None = None) -> list[Due]:
    """What is older than the policy, changing nothing. The caller holds the writer lock; the work file is built."""
    now = _naive(now)
    home = settings.layout()
    found: list[Due] = []
    from warehouse.store import open_store

    with open_store(home, settings) as con:
        for types, (action, before) in policy.rules(now).items():
            count, oldest = _due_events(con, types, action, before)
            if count:
                found.append(Due(f"events {', '.join(types)} to be {action}", count, oldest))
        silent = _silent_leads(con, cutoff(now, policy.lead_days))
        if silent:
            found.append(Due("leads to be erased", len(silent), min(at for _, _, at in silent)))
        rejected = _due_rejects(con, cutoff(now, policy.rejected_days))
        if rejected:
            found.append(Due("originals of rejected rows", len(rejected), min(at for _, _, at in rejected)))
    for what, files in (
        ("published versions", _due_versions(home, cutoff(now, policy.published_days))),
        *((what, _due_files(home, folder, ends, before)) for what, folder, ends, before in _aging(home, policy, now)),
    ):
        if files:
            found.append(Due(what, len(files), min(at for _, at in files)))
    return found


def retain(
    settings: Settings, policy: Policy, now: datetime | None = None, say: Say = lambda _: None
) -> dict[str, Any]:
    """Take away what is due, and return the signed receipt.

    The caller holds what :func:`warehouse.erasure.locks.forgetting` gives.

    Raises
    ------
    NotRetiredError
        If something that is due could not be taken away: says what.
    """
    from warehouse.pipeline import publish_anew
    from warehouse.store import open_store

    now = _naive(now)
    home = settings.layout()
    bring_up_to_date(settings, say)
    before = due(settings, policy, now)
    keys = tombstones.keyring(home, settings)
    receipt = f"retention-{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    landing = Landing(home, settings)
    entries = {entry.seq: entry for entry in landing.entries()}
    named = {origin(entries, *pair)[0] for entry in entries.values() for pair in entry.rows}
    with open_store(home, settings) as con:
        silent = _silent_leads(con, cutoff(now, policy.lead_days))
        persons = [person.find(con, "lead", lead, tenant) for tenant, lead, _ in silent]
        rejected: dict[int, set[int]] = {}
        for batch_id, row, _ in _due_rejects(con, cutoff(now, policy.rejected_days)):
            # What a replay has rejected again stands in the file that it arrived in.
            arrived, number = origin(entries, batch_id, row)
            rejected.setdefault(arrived, set()).add(number)

    def expiry(entry: Entry) -> Expiry:
        # Rows that a mapping reads are counted in another way.
        is_mapped = any(file["role"] == "mapping" for file in entry.files)
        due_rows = set() if is_mapped else rejected.get(entry.seq, set())
        return Expiry(keys, policy.rules(now), entry.seq not in named, due_rows)

    say("taking what is due out of what was received")
    mark_rebuild(home)
    is_amended = amend(landing, expiry, keys, "retention", receipt)
    if persons:
        erase_all(settings, [one for one in persons if one is not None], "retention", say)
    elif is_amended:
        say("building all tables anew")
        publish_anew(settings, timedelta(0))
    unmark_rebuild(home)
    _retire(home, cutoff(now, policy.published_days))
    remove_files(home, policy, now)
    left = due(settings, policy, now)
    if left:
        raise NotRetiredError(
            "Some data is older than the policy and still there.",
            where=str(home.root),
            why="; ".join(f"{one.what}: {one.count}, the oldest of {one.oldest:%Y-%m-%d}" for one in left),
            todo="Files that a mapping reads have no rows of a known age: remove or shorten them at their source.",
        )
    return receipts.keep(
        home,
        keys,
        {
            "receipt": receipt,
            "done_at": utc_now().isoformat(timespec="seconds"),
            "policy": policy.model_dump(),
            "taken": {one.what: one.count for one in before},
            "batches": sum(receipt == file.get("amended") for entry in landing.entries() for file in entry.files),
        },
    )


def _naive(now: datetime | None) -> datetime:
    instant = now or utc_now()
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def _due_events(
    con: duckdb.DuckDBPyConnection, types: tuple[str, ...], action: str, before: datetime
) -> tuple[int, datetime]:
    named = "true"
    if action != DROPPED:
        parts = [
            # What is no text, or an empty one, names nobody, and nothing is put in its place.
            f"coalesce(json_type(data, '$.\"{name}\"') = 'VARCHAR' and json_extract_string(data, '$.\"{name}\"') <> '' "
            f"and not starts_with(json_extract_string(data, '$.\"{name}\"'), 'erased-'), false)"
            for name in OWN_FIELDS
        ]
        named = " or ".join(parts)
    row = con.execute(
        "select count(*), min(occurred_at) from raw.events where occurred_at < $before and ("
        f"{named}) and list_bool_or(list_transform($types, lambda one: starts_with(event_type, one)))",
        {"before": before, "types": list(types)},
    ).fetchone()
    assert row is not None
    return int(row[0]), row[1]


def _silent_leads(con: duckdb.DuckDBPyConnection, before: datetime) -> list[tuple[str, str, datetime]]:
    """Persons who are leads and visitors alone, and whose last event is older: (tenant, a lead id, last event)."""
    if con.execute("select 1 from duckdb_tables() where table_name = 'fact_identity'").fetchone() is None:
        return []
    mentions = " union all ".join(
        f"select tenant_id, '{kind}' as id_kind, json_extract_string(data, '$.\"{name}\"') as id_value, occurred_at "
        "from raw.events"
        for name, kind in OWN_FIELDS.items()
    )
    rows = con.execute(
        f"""
        with mentioned as ({mentions}),
        last_seen as (
            select tenant_id, id_kind, id_value, max(occurred_at) as last_at
            from mentioned where id_value is not null group by all
        )
        select tenant_id, min(id_value) filter (where id_kind = 'lead'), max(last_at)
        from facts.fact_identity left join last_seen using (tenant_id, id_kind, id_value)
        group by tenant_id, person_id
        having bool_and(id_kind in ('lead', 'visitor')) and bool_or(id_kind = 'lead') and max(last_at) < ?
            and not bool_or(starts_with(id_value, 'erased-'))
        order by all
        """,
        [before],
    ).fetchall()
    return [(str(tenant), str(lead), at) for tenant, lead, at in rows]


def _due_rejects(con: duckdb.DuckDBPyConnection, before: datetime) -> list[tuple[int, int, datetime]]:
    rows = con.execute(
        "select batch_id, row_number, rejected_at from raw.rejected_events where rejected_at < $before "
        "and octet_length(raw_bytes) > 0 and raw_bytes[1:11] <> $blanked and replay_batch_id is null "
        # Rows of Parquet files of which nothing is left.
        "and not coalesce(regexp_full_match(raw_text, $empty), false)",
        {"before": before, "blanked": _BLANKED, "empty": _EMPTY},
    ).fetchall()
    return [(int(batch), int(row), at) for batch, row, at in rows]


def _due_versions(home: Home, before: datetime) -> list[tuple[Path, datetime]]:
    found = [(one.path, _naive(one.published_at)) for one in pointer.versions(home) if not one.is_current]
    return [(path, at) for path, at in found if at < before]


def _aging(home: Home, policy: Policy, now: datetime) -> list[tuple[str, Path, set[str], datetime]]:
    """Files that go by their age: what they are, where they stand, how they end, and from when on they stay."""
    return [
        ("reports", home.reports, REPORTS, cutoff(now, policy.report_days)),
        ("logs", home.root, LOGS, cutoff(now, policy.log_days)),
    ]


def remove_files(home: Home, policy: Policy, now: datetime) -> None:
    """Remove reports and logs that are older than the policy; `now` is naive UTC."""
    for _, folder, suffixes, before in _aging(home, policy, now):
        for path, _ in _due_files(home, folder, suffixes, before):
            path.unlink(missing_ok=True)


def _due_files(home: Home, folder: Path, suffixes: set[str], before: datetime) -> list[tuple[Path, datetime]]:
    found = []
    for path in folder.rglob("*"):
        is_kept = any(path.is_relative_to(one) for one in (home.landing, home.inbox, home.outbox))
        if path.suffix in suffixes and not is_kept and path.is_file() and not path.is_symlink():
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
            if at < before:
                found.append((path, at))
    return found


def _retire(home: Home, before: datetime) -> None:
    # Not by their number: after a rollback the current version is older than some that are due.
    with pointer.swapping(home):
        pointer.retire_older(home, before)
