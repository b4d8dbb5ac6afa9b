"""What a published version holds, and that it appears whole or not at all."""

import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime

import duckdb
import pytest

from tests.publish.conftest import E_MAIL
from warehouse.contracts import CONTRACTS_VERSION
from warehouse.publish import (
    RunInfo,
    content_hashes,
    current,
    is_current,
    open_contacts,
    open_published,
    publish,
    query,
    rollback,
    verify_published,
)
from warehouse.publish.publication import PublishError
from warehouse.publish.space import NoSpaceError
from warehouse.recover import ensure_warehouse


def names(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    return {row[0] for row in rows}


def test_layers_go_out_and_workshop_and_people_stay(home, publish_run) -> None:
    published = publish_run(1)
    expected = {"facts.fact_deal", 'facts.odd "name', "marts.deal_count", "scores.deal_win"}
    meta = {"meta.publication", "meta.published_table"}
    with open_published(home) as con:
        assert names(con) == expected | meta | {"meta.batch"}
        assert con.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)
    with open_contacts(home) as con:
        assert names(con) == {"contacts.contact_detail"} | meta
    assert published.rows == {
        "facts.fact_deal": 10,
        'facts.odd "name': 1,
        "marts.deal_count": 1,
        "scores.deal_win": 1,
        "contacts.contact_detail": 1,
    }


def test_rows_and_descriptions_arrive(home, publish_run) -> None:
    publish_run(7)
    assert query(home, "select sum(amount) as s, max(run) as r from facts.fact_deal").to_pylist() == [
        {"s": 67.5, "r": 7}
    ]
    with open_published(home) as con:
        tables = con.execute("select table_name, comment from duckdb_tables() where comment is not null")
        comments = dict(tables.fetchall())
        assert comments["fact_deal"] == 'One row per deal; it\'s "the" fact.'
        assert comments["deal_count"] == "One row: how many deals."
        columns = con.execute(
            "select column_name, comment from duckdb_columns() where schema_name = 'facts' and comment is not null"
        )
        assert columns.fetchall() == [("amount", "What it is worth.")]


def test_it_says_which_run_it_is(home, publish_run) -> None:
    as_of, known_at = datetime(2026, 3, 1, 12), datetime(2026, 4, 1)
    published = publish_run(3, as_of=as_of, known_at=known_at)
    row = query(home, "select * from meta.publication").to_pylist()[0]
    assert row["version"] == published.version == published.path.stem
    assert (row["run_id"], row["as_of"], row["known_at"], row["batch_id"]) == ("run-3", as_of, known_at, 3)
    assert row["contracts_version"] == CONTRACTS_VERSION
    assert (published.as_of, published.known_at) == (as_of, known_at)
    counted = query(home, "select row_count from meta.published_table where table_name = 'fact_deal'")
    assert counted.to_pylist() == [{"row_count": 10}]


def test_a_run_is_published_once(home, publish_run) -> None:
    assert not is_current(home, RunInfo("run-1"))
    publish_run(1)
    assert is_current(home, RunInfo("run-1"))
    assert not is_current(home, RunInfo("run-2"))


def test_a_run_that_was_rolled_back_does_not_come_back_by_itself(home, publish_run) -> None:
    first, _ = publish_run(1), publish_run(2)
    rollback(home)
    assert is_current(home, RunInfo("run-2"))
    assert current(home).version == first.version


def test_a_publication_cut_short_before_the_pointer_moved_is_completed(home, publish_run) -> None:
    first, second = publish_run(1), publish_run(2)
    pointer = home.published / "current.duckdb"
    pointer.unlink()
    pointer.symlink_to(first.path.name)
    assert is_current(home, RunInfo("run-2"))
    assert current(home).version == second.version


def test_the_files_are_read_only_and_contacts_are_for_the_owner_alone(home, publish_run) -> None:
    published = publish_run(1)
    assert stat.S_IMODE(published.path.stat().st_mode) == 0o444
    assert stat.S_IMODE(published.contacts.stat().st_mode) == 0o400
    files = {path.name for path in home.published.iterdir()}
    assert files == {
        published.path.name,
        published.contacts.name,
        "current.duckdb",
        "current-contacts.duckdb",
        "manifest.ndjson",
        ".swap.lock",
    }


def test_no_personal_detail_is_in_any_byte_of_the_main_file(publish_run) -> None:
    published = publish_run(1)
    assert E_MAIL.encode() in published.contacts.read_bytes()
    assert E_MAIL.encode() not in published.path.read_bytes()


def test_older_clients_can_read_the_format(home, publish_run) -> None:
    publish_run(1)
    with open_published(home) as con:
        tags = con.execute("select tags from duckdb_databases() where database_name = current_database()")
        assert tags.fetchone()[0]["storage_version"].startswith("v1.5.0")


def test_a_work_file_without_layers_is_nothing_to_publish(home, settings) -> None:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("create schema facts")
    with pytest.raises(PublishError, match="nothing to publish"):
        publish(home, settings, RunInfo("run"))
    assert current(home) is None
    assert not list(home.published.glob("*.duckdb"))


@pytest.mark.parametrize("step", [lambda home, settings: publish(home, settings, RunInfo("run")), ensure_warehouse])
def test_too_little_space_is_told_before_writing(home, publish_run, settings, monkeypatch, step) -> None:
    first = publish_run(1)
    monkeypatch.setattr("warehouse.publish.space.SNAPSHOTS", 10**12)
    with pytest.raises(NoSpaceError, match="are wanted"):
        step(home, settings)
    assert current(home).version == first.version
    assert not list(home.published.glob(".incoming*"))


LIMITED = """
import resource, sys
from pathlib import Path
from warehouse.errors import DealhouseError
from warehouse.publish import RunInfo, publish
from warehouse.settings import Settings
settings = Settings(home=Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    publish(settings.layout(), settings, RunInfo("limited"))
except DealhouseError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.parametrize("limit", [4_096, 20_000, 300_000, 800_000])
def test_a_file_that_cannot_grow_fails_the_run_alone(home, settings, publish_run, build, limit: int) -> None:
    first = publish_run(1, rows=10)
    build(2, rows=300_000)
    arguments = [sys.executable, "-c", LIMITED, str(home.root), str(limit)]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    assert "was not published; readers keep the former one" in run.stdout
    assert "What to do:" in run.stdout
    assert current(home).version == first.version
    assert query(home, "select max(run) as run from facts.fact_deal").to_pylist() == [{"run": 1}]
    second = publish(home, settings, RunInfo("unlimited"))
    assert second.rows["facts.fact_deal"] == 300_000
    assert verify_published(home) == []


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own of 50 MB; elsewhere than as root, the test above has to do."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
        == 0
    )
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_the_run_alone(small_disk, home, settings, publish_run, build, monkeypatch) -> None:
    if small_disk is not None:
        home.published.symlink_to(small_disk)
    first = publish_run(1)
    build(2, rows=400_000)
    ballast = home.published / "ballast"
    if small_disk is not None:
        for name in ("LEAST_BYTES", "SNAPSHOTS"):
            monkeypatch.setattr(f"warehouse.publish.space.{name}", 0)  # or it would not begin
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 1_000_000))
        with pytest.raises(PublishError, match="No space left"):
            publish(home, settings, RunInfo("full"))
        ballast.unlink()
    assert query(home, "select max(run) as run from facts.fact_deal").to_pylist() == [{"run": 1}]
    assert current(home).version == first.version
    assert publish(home, settings, RunInfo("space again")).rows["facts.fact_deal"] == 400_000


def test_leftovers_of_killed_publishers_are_removed_by_the_next(home, publish_run) -> None:
    first = publish_run(1)
    folder = home.published / ".incoming-20260101T000000Z-000009"
    folder.mkdir()
    (folder / "20260101T000000Z-000009.duckdb").write_bytes(b"half")
    renamed = home.published / "20260101T000000Z-000009.duckdb"  # named, but never written down
    renamed.write_bytes(b"whole, perhaps")
    second = publish_run(2)
    assert not folder.exists()
    assert not renamed.exists()
    assert first.path.exists()
    assert second.is_current


def test_content_hashes_see_rows_and_not_their_order(home, build) -> None:
    build(1)
    with duckdb.connect(str(home.warehouse)) as con:
        before = content_hashes(con)
        con.execute("create or replace table facts.fact_deal as from facts.fact_deal order by amount desc")
        assert content_hashes(con) == before
        con.execute("update facts.fact_deal set amount = amount + 1 where deal_id = 'deal-3'")
        changed = content_hashes(con)
        assert {name for name in before if before[name] != changed[name]} == {"facts.fact_deal"}
        con.execute("create or replace table facts.twice as select 1 as x union all select 1")
        twice = content_hashes(con)["facts.twice"]
        con.execute("create or replace table facts.twice as select 2 as x union all select 2")
        assert content_hashes(con)["facts.twice"] != twice  # equal rows must not cancel out
        con.execute("create or replace table facts.twice as select 2 as y union all select 2")
        assert content_hashes(con)["facts.twice"] != twice
