"""Landing and ingestion against a bare DuckDB read of the same file.

    python -m benchmarks.ingest --events 5000000
    python -m benchmarks.ingest --scaling

The baseline does what nobody could do with less: ``create table as select * from read_json`` with declared columns,
into a fresh file. Ours lands the file (copy, SHA-256, fsync), validates envelope and data by contract, deduplicates,
quarantines and accounts for every row. Both run in processes of their own, alternating, with the same threads and
memory limit; the median counts. The events hold repetitions and bad lines, so that those paths are paid for too, and
the result is checked against what was generated: a fast wrong answer is no result.
"""

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

TARGET_RATIO = 3.0
TARGET_MEMORY_GB = 4.0
TARGET_EXPONENT = 1.1
THREADS = 2
MEMORY_LIMIT = "3GB"

REPEAT_EVERY = 997
"""One event in so many says again what the one before it said."""
CUT_EVERY = 49_999
"""One line in so many breaks off."""

_LINES = """
copy (
    with numbered as (
        -- A repetition is the line before it once more.
        select i, case when i % $repeat = $repeat - 1 then i - 1 else i end as n from range($events) as t(i)
    ),
    events as (
        select
            i,
            n,
            to_json({
                'specversion': '1.0', 'id': 'evt-' || n, 'source': 'crm',
                'type': ['crm.deal.created', 'crm.deal.updated', 'crm.deal.stage_changed', 'crm.brief.submitted',
                    'media.mediaplan.ready', 'crm.activity.logged', 'web.session.started', 'app.feature.used',
                    'crm.email.opened', 'billing.payment.received'][n % 10 + 1],
                'time': strftime(timestamp '2025-01-01' + to_seconds(n * 5), '%Y-%m-%dT%H:%M:%S.%fZ'),
                'tenantid': 'acme', 'actor': 'user-' || n % 20
            })::varchar as envelope,
            case n % 10
                when 0 then json_object('deal_id', 'd' || n // 10, 'pipeline', 'adtech', 'account_id', 'a' || n % 5000,
                    'title', 'Deal number ' || n, 'amount', 1000 + n % 777, 'currency', 'USD',
                    'expected_close_date', '2025-06-01', 'owner_id', 'u' || n % 20, 'client_type', 'brand')
                when 1 then json_object('deal_id', 'd' || n // 10, 'amount', 2000.5 + n % 777, 'currency', 'USD',
                    'probability', 0.5)
                when 2 then json_object('deal_id', 'd' || n // 10, 'from_stage', 'lead', 'to_stage', 'proposal',
                    'evidence_refs', json_array('mail-' || n, 'call-' || n))
                when 3 then json_object('deal_id', 'd' || n // 10,
                    'goals', 'reach and awareness for the brand in the region, within a budget')
                when 4 then json_object('deal_id', 'd' || n // 10, 'planned_budget', 500 + n % 99, 'currency', 'USD')
                when 5 then json_object('activity_id', 'act' || n, 'activity_type', 'call', 'deal_id', 'd' || n // 10,
                    'due_at', '2025-03-01T09:00:00Z')
                when 6 then json_object('session_id', 's' || n, 'visitor_id', 'v' || n % 90000, 'utm_source', 'ads',
                    'utm_medium', 'cpc', 'utm_campaign', 'spring', 'landing_page', '/pricing', 'page_views', n % 9)
                when 7 then json_object('user_id', 'u' || n % 70000, 'feature', 'export', 'is_key', true,
                    'quantity', n % 5)
                when 8 then json_object('message_id', 'm' || n, 'campaign_id', 'c' || n % 40,
                    'contact_id', 'k' || n % 60000)
                else json_object('payment_id', 'p' || n, 'amount', 19.9, 'currency', 'EUR', 'user_id', 'u' || n % 70000,
                    'provider', 'stripe')
            end as data
        from numbered
    )
    select
        case when i % $cut = $cut - 1 then left(envelope, 40)
            else left(envelope, -1) || ',"data":' || data || '}' end as line
    from events order by i
) to '__FILE__' (format csv, header false, quote '', escape '', delimiter '\x1f')
"""

_BASELINE = """
create table events as select * from read_json(?, format = 'newline_delimited', ignore_errors = true, columns = {
    specversion: 'VARCHAR', id: 'VARCHAR', source: 'VARCHAR', type: 'VARCHAR', subject: 'VARCHAR', time: 'TIMESTAMP',
    tenantid: 'VARCHAR', actor: 'VARCHAR', data: 'JSON'
})
"""


@dataclass(frozen=True)
class Run:
    """One measured run in a process of its own."""

    seconds: float
    cpu_seconds: float
    """Of all threads; the figure to trust on a busy machine."""
    peak_gb: float
    rows: int
    accepted: int
    duplicate: int
    rejected: int


def generate(path: Path, events: int) -> None:
    """Write `events` lines of NDJSON, the same at every call."""
    statement = _LINES.replace("__FILE__", str(path).replace("'", "''"))
    for name, value in {"$events": events, "$repeat": REPEAT_EVERY, "$cut": CUT_EVERY}.items():
        statement = statement.replace(name, str(value))
    with duckdb.connect(config={"threads": THREADS}) as con:
        con.execute(statement)


def expected(events: int) -> tuple[int, int, int]:
    """Count what must be accepted, dropped as duplicate, and rejected, from how the lines were made."""
    cut = set(range(CUT_EVERY - 1, events, CUT_EVERY))
    repeated = set(range(REPEAT_EVERY - 1, events, REPEAT_EVERY))
    # A repetition counts unless it, or what it repeats, is cut.
    duplicate = sum(1 for i in repeated - cut if i - 1 not in cut)
    return events - duplicate - len(cut), duplicate, len(cut)


def baseline(path: Path, folder: Path) -> Run:
    """Read the file into a table, and nothing else."""
    started, cpu = time.perf_counter(), _cpu_seconds()
    with duckdb.connect(
        str(folder / "baseline.duckdb"), config={"threads": THREADS, "memory_limit": MEMORY_LIMIT}
    ) as con:
        row = con.execute(_BASELINE, [str(path)]).fetchone()
    assert row is not None
    return Run(time.perf_counter() - started, _cpu_seconds() - cpu, _peak_gb(), row[0], row[0], 0, 0)


def ours(path: Path, folder: Path) -> Run:
    """Land the file and take it in."""
    from warehouse.ingest import ingest_pending
    from warehouse.landing import Landing
    from warehouse.settings import Settings
    from warehouse.store import open_store

    settings = Settings(home=folder, threads=THREADS, memory_limit=MEMORY_LIMIT)
    home = settings.layout()
    started, cpu = time.perf_counter(), _cpu_seconds()
    Landing(home).land_all([path], received_at=datetime(2026, 6, 1, tzinfo=UTC))
    landed = time.perf_counter()
    with open_store(home, settings) as con:
        (batch,) = ingest_pending(con, home, settings)
    ended = time.perf_counter()
    print(f"  landing {landed - started:.2f} s, ingestion {ended - landed:.2f} s", file=sys.stderr)
    counts = (batch.rows, batch.accepted, batch.duplicate, batch.rejected)
    return Run(ended - started, _cpu_seconds() - cpu, _peak_gb(), *counts)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _measure(what: str, path: Path, scratch: Path) -> Run:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        words = [sys.executable, "-m", "benchmarks.ingest", "--single", what, "--file", str(path), "--scratch", folder]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return Run(**json.loads(done.stdout))


def compare(events: int, rounds: int, scratch: Path) -> bool:
    """Measure both, alternating, and print the ratio; return whether the targets are met."""
    path = scratch / f"events-{events}.ndjson"
    generate(path, events)
    print(f"{events:,} events, {path.stat().st_size / 1e9:.2f} GB, {THREADS} threads, {rounds} rounds")
    theirs, mine = [], []
    for _ in range(rounds):
        theirs.append(_measure("baseline", path, scratch))
        mine.append(_measure("ours", path, scratch))
        print(f"  baseline {theirs[-1].seconds:.2f} s, ours {mine[-1].seconds:.2f} s", flush=True)
    path.unlink()
    for run in mine:
        found = (run.accepted, run.duplicate, run.rejected)
        assert run.rows == events, f"{run.rows} rows of {events}"
        assert found == expected(events), f"{found} instead of {expected(events)}"
    base = statistics.median(run.seconds for run in theirs)
    own = statistics.median(run.seconds for run in mine)
    cpu = statistics.median(run.cpu_seconds for run in mine) / statistics.median(run.cpu_seconds for run in theirs)
    peak = max(run.peak_gb for run in mine)
    print(f"bare read_json      {base:8.2f} s")
    print(f"landing + ingestion {own:8.2f} s   {events / own:,.0f} events a second")
    print(f"ratio               {own / base:8.2f}     target at most {TARGET_RATIO}")
    print(f"ratio of CPU time   {cpu:8.2f}")
    print(f"peak memory         {peak:8.2f} GB  target below {TARGET_MEMORY_GB}")
    return own / base <= TARGET_RATIO and peak < TARGET_MEMORY_GB


def scaling(sizes: list[int], scratch: Path) -> bool:
    """Measure ours at several sizes and print the exponent of its growth, fitted over all of them."""
    points = []
    for events in sizes:
        path = scratch / f"events-{events}.ndjson"
        generate(path, events)
        run = min((_measure("ours", path, scratch) for _ in range(2)), key=lambda one: one.seconds)
        path.unlink()
        points.append((math.log(events), math.log(run.seconds)))
        print(f"{events:12,} events {run.seconds:8.2f} s {run.peak_gb:6.2f} GB", flush=True)
    exponent = statistics.linear_regression(*zip(*points, strict=True)).slope
    print(f"exponent {exponent:.2f}, target at most {TARGET_EXPONENT}")
    return exponent <= TARGET_EXPONENT


def main() -> int:
    """Run from the command line; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scaling", action="store_true", help="measure growth from 1 to 10 million events instead")
    parser.add_argument("--scratch", type=Path, help="folder for the files; default: a temporary one")
    parser.add_argument("--single", choices=["baseline", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.single:
        measured = {"baseline": baseline, "ours": ours}[options.single](options.file, options.scratch)
        print(json.dumps(vars(measured)))
        return 0
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-ingest-") as folder:
        if options.scaling:
            return 0 if scaling([1_000_000, 3_000_000, 10_000_000], Path(folder)) else 1
        return 0 if compare(options.events, options.rounds, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
