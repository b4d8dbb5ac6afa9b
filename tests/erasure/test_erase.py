"""Erasing a person from a home that holds them in every format: nothing is left, and what is counted stays."""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.erasure import people
from tests.erasure.test_redact import traces
from warehouse import chain, pipeline
from warehouse.cli.app import app, load_commands
from warehouse.erasure import erase, pending, receipts
from warehouse.erasure.search import search
from warehouse.errors import DealhouseError, UsageError
from warehouse.landing import Landing
from warehouse.lock import writer_lock
from warehouse.publish import open_published, versions
from warehouse.settings import Settings

COUNTED = {
    "batches": "select batch_id, rows, accepted, duplicate, rejected from meta.batch order by 1",
    "persons": "select tenant_id, count(distinct person_id), count(*) from facts.fact_identity group by 1 order by 1",
    "leads": "select lead_source, count(*) from facts.fact_lead group by 1 order by 1",
    "money": "select currency, count(*), sum(amount), count(distinct user_id) from facts.fact_payment group by 1",
    "messages": "select count(*), count(distinct lead_id) from facts.fact_message",
    "sources": "select * exclude (tenant_id) from marts.lead_source order by all",
}


def counted(settings: Settings) -> dict[str, list[Any]]:
    with open_published(settings.layout()) as con:
        return {name: con.execute(sql).fetchall() for name, sql in COUNTED.items()}


def litter(settings: Settings) -> None:
    """What other parts of the product may leave under home, each in a form of its own."""
    home = settings.layout()
    ledger = home.outbox / "ledger"
    ledger.mkdir(parents=True)
    chain.append(ledger / "sent.ndjson", {"object": "lead", "key": people.LEAD, "payload": {"email": people.EMAIL}})
    chain.append(ledger / "sent.ndjson", {"object": "lead", "key": people.OTHER_LEAD, "payload": {}})
    receipts_of_rows = [{"sync_key": people.LEAD, "payload": json.dumps({"email": people.EMAIL, "first_name": "Zen"})},
                        {"sync_key": people.OTHER_LEAD, "payload": json.dumps({"first_name": "Zen"})}]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(receipts_of_rows), ledger / "1.parquet")
    digest = hashlib.sha256((ledger / "1.parquet").read_bytes()).hexdigest()
    chain.append(ledger / "sent.ndjson", {"file": "1.parquet", "sha256": digest})
    (home.outbox / "churn.csv").write_text(f"user,name\n{people.USER},{people.FIRST} {people.LAST}\nuser-2,Bo\n")
    (home.outbox / f"letter to {people.EMAIL}.html").write_text(f"<p>Dear {people.FIRST} {people.LAST}</p>")
    (home.root / "logs").mkdir()
    (home.root / "logs" / "serve.log").write_text(f"POST /events {people.EMAIL}\nGET /health\n")
    with duckdb.connect(str(home.outbox / "state.duckdb")) as con:
        con.execute("create table acknowledged as select ? as key, ? as payload union all select 'user-2', '{}'",
                    [people.USER, json.dumps({"phone": people.PHONE})])  # fmt: skip
    home.dagster.mkdir(exist_ok=True)
    import sqlite3

    with sqlite3.connect(home.dagster / "runs.db") as con:
        con.execute("create table event_logs (id integer primary key, event text)")
        con.execute("insert into event_logs (event) values (?)", [json.dumps({"message": f"rejected {people.EMAIL}"})])
    con.close()
    (home.inbox / "unmapped.csv").write_text(f"{people.EMAIL};x\n")


def erased(settings: Settings) -> dict[str, Any]:
    with writer_lock(settings.layout(), "test"):
        return erase.erase(settings, "lead", people.LEAD)


@pytest.mark.slow
def test_a_person_is_gone_from_every_byte_and_the_counts_stay(settings: Settings) -> None:
    home = settings.layout()
    litter(settings)
    before = counted(settings)
    assert len(versions(home)) == 2
    receipt = erased(settings)
    assert counted(settings) == before
    assert [version.version for version in versions(home)] == [receipt["published"]]

    # An independent look: the raw bytes of every file, and the text of every column of every DuckDB file.
    for path in (path for path in home.root.rglob("*") if path.is_file()):
        assert traces(str(path.relative_to(home.root)).encode()) == []
        assert traces(path.read_bytes()) == [], path
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                    rows = con.execute(f'select * from "{schema}"."{table}"').fetchall()
                    assert traces(repr(rows).encode()) == [], (path, schema, table)
    assert (home.outbox / "churn.csv").read_text().endswith("user-2,Bo\n")
    assert (home.root / "logs" / "serve.log").read_text().endswith("GET /health\n")
    assert chain.read(home.outbox / "ledger" / "sent.ndjson")[1]["key"] == people.OTHER_LEAD
    # A ledger names its files by their hashes, and still does.
    digest = hashlib.sha256((home.outbox / "ledger" / "1.parquet").read_bytes()).hexdigest()
    assert chain.read(home.outbox / "ledger" / "sent.ndjson")[2]["sha256"] == digest
    rows = pq.read_table(home.outbox / "ledger" / "1.parquet").to_pylist()
    assert [json.loads(row["payload"]) for row in rows] == [{}, {"first_name": "Zen"}]

    assert Landing(home).verify(settings) == []
    assert receipts.read(home) == [receipt]
    assert people.LEAD not in json.dumps(receipt)
    told = pending.erased(home, settings)
    assert {(one.subject_type, one.subject_id) for one in told} == {
        ("lead", people.LEAD), ("contact", people.CONTACT), ("user", people.USER), ("visitor", people.VISITOR),
    }  # fmt: skip
    for one in told:
        pending.acknowledge(home, settings, one.message_id)
    assert pending.erased(home, settings) == []

    with pytest.raises(UsageError, match="erased before"), writer_lock(home, "test"):
        erase.erase(settings, "user", people.USER)
    _late_events_land_redacted(settings)
    _tampering_is_no_erasure(settings)


def _late_events_land_redacted(settings: Settings) -> None:
    """A hundred events by every id, e-mail and phone, in three formats, and a file that is sent again."""
    home = settings.layout()
    ways = [
        {"lead_id": people.LEAD},
        {"lead_id": "lead-unheard9", "email": people.EMAIL.upper()},
        {"lead_id": "lead-unheard9", "phone": "+442079460958"},
        {"lead_id": people.LEAD, "email": people.EMAIL_TOO, "first_name": people.FIRST, "last_name": people.LAST},
    ]
    late = [people.event(1000 + n, "crm.lead.updated", ways[n % 4], subject=people.LEAD) for n in range(100)]
    people.write_all(home.inbox)
    (home.inbox / "late.ndjson").write_bytes(people.lines(late))
    before = len(Landing(home).entries())
    with writer_lock(home, "test"):
        pipeline.take_in(settings, received_at=datetime(2026, 4, 2, tzinfo=UTC))
    landed = Landing(home).entries()
    assert len(landed) == before + 1
    content = Landing(home).path(landed[-1].files[0]).read_bytes()
    assert content.count(b"\n") == 100
    assert traces(content) == []
    assert b"unheard9" not in content
    assert search(home.landing, {people.EMAIL: 0, people.LEAD: 1, people.FIRST: 2}, {}) == []


def _tampering_is_no_erasure(settings: Settings) -> None:
    landing = Landing(settings.layout())
    entry = landing.entries()[0]
    fresh = landing.segments / "forged.ndjson"
    fresh.write_bytes(b"")
    from warehouse.landing.copying import file_hash

    files = [{**entry.files[0], "file": fresh.name, "sha256": file_hash(fresh), "bytes": 0}]
    record = {"kind": "erasure", "receipt": "erasure-x", "at": "2026-04-02", "amends": [{"batch": 1, "files": files}]}
    chain.append(landing.manifest, {**record, "signature": "0" * 64})
    assert any("changed by somebody else" in problem for problem in landing.verify(settings))
    # To put back the manifest of before the erasure is noticed as well: a receipt has lost its record.
    lines = landing.manifest.read_bytes().splitlines(keepends=True)
    erasing = next(number for number, line in enumerate(lines) if b'"kind": "erasure"' in line)
    landing.manifest.write_bytes(b"".join(lines[:erasing]))
    assert any("has lost the record" in problem for problem in Landing(settings.layout()).verify(settings))


KILLED = """
import sys
from tests.erasure.kills import arm, kill_after
from warehouse.erasure import erase
from warehouse.lock import writer_lock
from warehouse.settings import Settings

kill_after(int(sys.argv[4]))
arm()
settings = Settings(home=sys.argv[1], project_dir=sys.argv[2])
with writer_lock(settings.layout(), "test"):
    if not erase.resume(settings):
        erase.erase(settings, "lead", sys.argv[3])
"""


@pytest.mark.slow
def test_killed_at_any_step_a_second_start_finishes_it(settings: Settings, tmp_path: Path) -> None:
    """Every step of the disk up to the rebuild, one start after the other on the same home, and steps after it."""
    home = settings.layout()
    before = counted(settings)
    kills = 0
    for step in [*range(3, 60, 2), 90, 130, 180, 10_000]:
        arguments = [str(home.root), str(settings.project_dir), people.LEAD, str(step)]
        ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr[-3000:]
        kills += 1
        # A run does not work on what is half erased, unless the erasure had not begun.
        if pending.pending(home):
            with pytest.raises(DealhouseError, match="an erasure was cut off"), writer_lock(home, "test"):
                pipeline.take_in(settings)
    assert ended.returncode == 0
    assert kills >= 10
    assert counted(settings) == before
    assert len(receipts.read(home)) == 1
    assert pending.pending(home) == []
    assert Landing(home).verify(settings) == []
    folded = dict.fromkeys(people.NEEDLES, 0)
    assert search(home.root, folded, {}) == []


def test_the_command_shows_whom_it_would_erase_and_changes_nothing(settings: Settings) -> None:
    load_commands()
    home = settings.layout()
    files = sorted(path for path in home.root.rglob("*") if path.is_file())
    environment = {"DEALHOUSE_PROJECT_DIR": str(settings.project_dir), "COLUMNS": "200"}
    shown = CliRunner().invoke(
        app, ["--home", str(home.root), "erase", "lead", people.LEAD, "--dry-run"], env=environment
    )
    assert shown.exit_code == 0, shown.output
    assert people.CONTACT in shown.output
    assert people.VISITOR in shown.output
    assert "landing/segments" in shown.output
    assert "Nothing was changed." in shown.output
    assert sorted(path for path in home.root.rglob("*") if path.is_file()) == files


@pytest.mark.parametrize("more", [["--dry-run"], ["--requested"], ["lead", "lead-1"]])
def test_to_finish_what_was_cut_off_is_asked_for_alone(tmp_path: Path, more: list[str]) -> None:
    """Else whoever wants to see first would have it carried out."""
    load_commands()
    ended = CliRunner().invoke(app, ["--home", str(tmp_path), "erase", "--resume", *more])
    assert isinstance(ended.exception, UsageError) or ended.exit_code == 2
    assert "--resume" in ended.output + str(ended.exception)


def test_an_unknown_id_is_wrong_usage(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no event and no rejected row names it"), writer_lock(settings.layout(), "t"):
        erase.preview(settings, "lead", "lead-nobody")
