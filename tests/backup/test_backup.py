"""A backup is made while a run goes on, and puts back what readers had and what had come in."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.laws.comparing import assert_same_rows
from tests.part import copy_project
from warehouse.backup import BackupError, back_up, making, restore
from warehouse.backup.contents import CONTENTS, RESTORING
from warehouse.erasure import receipts
from warehouse.erasure.pending import mark_rebuild
from warehouse.erasure.tombstones import keyring
from warehouse.intake.spool import Spool
from warehouse.landing import Landing
from warehouse.pipeline import run
from warehouse.publish import verify_published, versions
from warehouse.sample import write_company
from warehouse.settings import Home, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home into which one file has been landed."""
    settings = Settings(home=tmp_path / "home")
    home = settings.layout()
    home.inbox.mkdir(parents=True)
    (home.inbox / "a.ndjson").write_text("no event\n")
    Landing(home, settings).land_inbox()
    keyring(home, settings)
    return settings


def files(home: Home) -> dict[str, bytes]:
    """Content of all files of a home but the lock."""
    found = {path for path in home.root.rglob("*") if path.is_file() and not path.name.endswith(".lock")}
    return {path.relative_to(home.root).as_posix(): path.read_bytes() for path in found}


def elsewhere(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "elsewhere")
    settings.layout().root.mkdir(exist_ok=True)
    return settings


COMMAND = "from warehouse.cli.app import main; main()"
RUN = "from warehouse.pipeline import run; from warehouse.settings import Settings; run(Settings())"
"""A run without Dagster, which knows the whole project alone."""


def started(settings: Settings, code: str, *arguments: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "DEALHOUSE_HOME": str(settings.home),
        "DEALHOUSE_PROJECT_DIR": str(settings.project_dir),
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_a_backup_during_a_run_gives_readers_and_the_next_run_what_they_had(tmp_path: Path) -> None:
    """Version 1 is published; while a second batch is built, home is copied, put back elsewhere, and run there."""
    copy_project(tmp_path / "project", ("fact_activity", "contact_detail"))
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project", reporting_currency="USD")
    first, *others = write_company(tmp_path / "sample", 60, 20, 3).files
    run(settings, [first], received_at=datetime(2026, 7, 1, tzinfo=UTC))
    home = settings.layout()
    (published,) = versions(home)
    contents = {path.name: path.read_bytes() for path in home.published.glob("*.duckdb")}
    home.inbox.mkdir(exist_ok=True)
    for path in others:
        (home.inbox / path.name).write_bytes(path.read_bytes())
    running = started(settings, RUN)
    while len(Landing(home, settings).entries()) == 1:
        assert running.poll() is None, running.communicate()[0]
    backup = started(settings, COMMAND, "backup", "--to", str(tmp_path / "backups"))
    assert backup.wait() == 0, backup.communicate()[0]
    assert running.poll() is None, "the run had ended before the copy was made"
    assert running.wait() == 0, running.communicate()[0]

    back = Settings(home=tmp_path / "back", project_dir=settings.project_dir, reporting_currency="USD")
    done = started(back, COMMAND, "restore", "--from", str(tmp_path / "backups"))
    assert done.wait() == 0, done.communicate()[0]
    assert published.version in done.communicate()[0]
    restored = back.layout()
    assert [one.version for one in versions(restored)] == [published.version]
    assert {path.name: path.read_bytes() for path in restored.published.glob("*.duckdb")} == contents
    again = started(back, RUN)
    assert again.wait() == 0, again.communicate()[0]
    assert verify_published(restored) == []
    theirs = tables(restored)
    for table, rows in tables(home).items():
        assert_same_rows(table, theirs[table], rows)


def tables(home: Home) -> dict[str, list[dict[str, object]]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        names = con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('facts', 'marts', 'contacts')"
        ).fetchall()
        assert len(names) >= 2
        return {f"{schema}.{name}": con.sql(f'from "{schema}"."{name}"').pl().to_dicts() for schema, name in names}


def test_events_that_the_collector_has_accepted_come_back(tmp_path: Path, settings: Settings) -> None:
    Spool(settings.layout()).append(b"accepted, and not landed\n")
    target = elsewhere(tmp_path)
    restore(target.layout(), target, back_up(settings.layout(), settings, tmp_path / "backups").path)
    Spool(target.layout()).close()
    Landing(target.layout(), target).land_inbox()
    landed = [path.read_bytes() for path in (target.layout().landing / "segments").rglob("*") if path.is_file()]
    assert sorted(landed) == [b"accepted, and not landed\n", b"no event\n"]


def test_what_is_renamed_while_it_is_copied_is_in_the_copy(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files wait; as the first is copied, the second gets another name."""
    home = settings.layout()
    for name in ("b.ndjson", "c.ndjson"):
        (home.inbox / name).write_text(f"{name}\n")
    real, seen = making._walk, []

    def walk(walked: Home) -> Iterator[Path]:
        for path in real(walked):
            yield path
            if path.name == "b.ndjson" and not seen:
                (home.inbox / "c.ndjson").rename(home.inbox / "d.ndjson")
                seen.append(path)

    monkeypatch.setattr(making, "_walk", walk)
    copy = back_up(home, settings, tmp_path / "backups").path
    assert seen
    assert (copy / "inbox" / "d.ndjson").read_text() == "c.ndjson\n"


def test_every_file_comes_back_with_its_permissions(tmp_path: Path, settings: Settings) -> None:
    home = settings.layout()
    (home.inbox / "waits.ndjson").write_text("x\n")
    home.keys.mkdir(mode=0o700, exist_ok=True)
    (home.keys / "one").write_text("secret")
    (home.keys / "one").chmod(0o600)
    home.warehouse.write_text("made again")
    (home.root / "dbt").mkdir()
    (home.root / "dbt" / "manifest.json").write_text("made again")
    made = back_up(home, settings, tmp_path / "backups")
    target = elsewhere(tmp_path)
    restore(target.layout(), target, made.path)
    expected = files(home)
    del expected["warehouse.duckdb"], expected["dbt/manifest.json"]
    assert files(target.layout()) == expected
    assert stat.S_IMODE((target.layout().keys / "one").stat().st_mode) == 0o600
    assert stat.S_IMODE(target.layout().keys.stat().st_mode) == 0o700


HALF_A_CHANGE = """
import sqlite3, sys, time
con = sqlite3.connect(sys.argv[1], isolation_level=None)
con.execute("pragma cache_size = 1")
con.execute("begin")
con.execute("update here set t = replace(t, 'a', 'b')")
print("half", flush=True)
time.sleep(2)
con.execute("update there set t = replace(t, 'a', 'b')")
con.execute("commit")
"""
"""Rows change here and there at once; with so small a cache the first half stands in the file before the second."""


def test_a_database_that_is_written_meanwhile_is_copied_between_two_changes(tmp_path: Path, settings: Settings) -> None:
    home = settings.layout()
    home.dagster.mkdir()
    path = home.dagster / "runs.db"
    con = sqlite3.connect(path)
    for table in ("here", "there"):
        con.execute(f"create table {table} (t)")
        con.executemany(f"insert into {table} values (?)", [("a" * 900,)] * 2000)
    con.commit()
    con.close()
    with subprocess.Popen([sys.executable, "-c", HALF_A_CHANGE, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        copy = back_up(home, settings, tmp_path / "backups").path
        assert writer.wait() == 0
    con = sqlite3.connect(copy / "dagster" / "runs.db")
    (here,), (there,) = (con.execute(f"select sum(t like 'b%') from {table}").fetchone() for table in ("here", "there"))
    con.close()
    assert (here, there) in ((0, 0), (2000, 2000))


def test_the_last_ones_are_kept_and_none_of_before_an_erasure(tmp_path: Path, settings: Settings) -> None:
    home, folder = settings.layout(), tmp_path / "backups"
    made = [back_up(home, settings, folder, keep=2).path for _ in range(3)]
    (folder / "mine").mkdir()
    assert sorted(folder.iterdir()) == [*made[1:], folder / "mine"]
    receipts.keep(home, keyring(home, settings), {"receipt": "e1", "done_at": "2026-07-02T00:00:00+00:00"})
    last = back_up(home, settings, folder, keep=2)
    assert sorted(folder.iterdir()) == [last.path, folder / "mine"]


def test_nothing_is_copied_while_an_erasure_is_not_finished(tmp_path: Path, settings: Settings) -> None:
    mark_rebuild(settings.layout())
    with pytest.raises(BackupError, match="under way"):
        back_up(settings.layout(), settings, tmp_path / "backups")
    assert list((tmp_path / "backups").glob("*")) == []


def test_a_home_that_is_not_sound_gives_no_backup(tmp_path: Path, settings: Settings) -> None:
    former = back_up(settings.layout(), settings, tmp_path / "backups").path
    segment = next(path for path in (settings.layout().landing / "segments").rglob("*") if path.is_file())
    segment.chmod(0o600)
    segment.write_bytes(b"something else")
    with pytest.raises(BackupError, match="not sound"):
        back_up(settings.layout(), settings, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == [former]


def test_a_backup_does_not_stand_in_its_home(settings: Settings) -> None:
    with pytest.raises(BackupError, match="cannot stand where home does"):
        back_up(settings.layout(), settings, settings.layout().root / "backups")


def changed(path: Path) -> None:
    name = next(name for name in json.loads((path / CONTENTS).read_text())["files"] if "segments" in name)
    (path / name).chmod(0o600)
    (path / name).write_bytes(b"something else")


def missing(path: Path) -> None:
    next(one for one in (path / "landing" / "segments").rglob("*") if one.is_file()).unlink()


def without_a_list(path: Path) -> None:
    (path / CONTENTS).unlink()


def named_outside(path: Path) -> None:
    contents = json.loads((path / CONTENTS).read_text())
    contents["files"]["../away"] = next(iter(contents["files"].values()))
    (path / CONTENTS).write_text(json.dumps(contents))


def linked_outside(path: Path) -> None:
    contents = json.loads((path / CONTENTS).read_text())
    first = next(iter(contents["files"].values()))
    contents["files"] |= {"way": {"link": str(path.parent)}, "way/out": first}
    (path / CONTENTS).write_text(json.dumps(contents))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (changed, "not as it was copied"),
        (missing, "could not be put back"),
        (without_a_list, "no backup here"),
        (named_outside, "no backup here"),
        (linked_outside, "lie elsewhere"),
    ],
)
def test_what_is_not_whole_is_not_put_back(spoil, words: str, tmp_path: Path, settings: Settings) -> None:
    made = back_up(settings.layout(), settings, tmp_path / "backups")
    spoil(made.path)
    target = elsewhere(tmp_path)
    with pytest.raises(BackupError, match=words):
        restore(target.layout(), target, made.path)
    assert files(target.layout()).keys() <= {f"{RESTORING}/{name}" for name in files(Home(made.path))}
    assert not (tmp_path / "backups" / "out").exists()


def test_a_home_that_holds_something_is_left_alone(tmp_path: Path, settings: Settings) -> None:
    made = back_up(settings.layout(), settings, tmp_path / "backups")
    before = files(settings.layout())
    with pytest.raises(BackupError, match="holds something already"):
        restore(settings.layout(), settings, made.path)
    assert files(settings.layout()) == before


@pytest.mark.parametrize("moved", [None, 0, 1])
def test_a_second_restore_goes_on_where_the_first_was_killed(
    moved: int | None, tmp_path: Path, settings: Settings
) -> None:
    """Killed while files were copied (None), or after so many folders had been moved into place."""
    home = settings.layout()
    home.keys.mkdir(exist_ok=True)
    (home.keys / "one").write_text("secret")
    made = back_up(home, settings, tmp_path / "backups")
    target = elsewhere(tmp_path)
    draft = target.layout().root / RESTORING
    if moved is None:
        draft.mkdir()
        (draft / "half").write_text("half")
    else:
        other = Settings(home=tmp_path / "other")
        other.layout().root.mkdir()
        restore(other.layout(), other, made.path)
        other.layout().root.rename(draft)
        (draft / CONTENTS).write_text((made.path / CONTENTS).read_text())
        for part in sorted(one for one in draft.iterdir() if one.name != CONTENTS)[:moved]:
            part.rename(target.layout().root / part.name)
    restore(target.layout(), target, made.path)
    assert files(target.layout()) == files(home)
    assert not draft.exists()
