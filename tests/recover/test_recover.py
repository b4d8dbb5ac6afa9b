"""A work file that was damaged in any way is recognised and removed; a sound one is left alone."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.crash.files import Files
from tests.part import PART, copy_project
from warehouse import pipeline
from warehouse.errors import DealhouseError
from warehouse.recover import ensure_warehouse, is_corruption
from warehouse.settings import Home, Settings
from warehouse.store import open_store

# Leaves a file with a write-ahead log beside it, as a killed process does.
KILLED = """
import os, sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("set checkpoint_threshold = '1GB'")
con.execute(f"create table {sys.argv[2]} as select i, md5(i::varchar) as text from range(50000) as r(i)")
con.execute("checkpoint")
con.execute(f"insert into {sys.argv[2]} select i, 'late' from range(5000) as r(i)")
os._exit(9)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def home(settings: Settings) -> Home:
    home = settings.layout()
    open_store(home, settings).close()
    subprocess.run([sys.executable, "-c", KILLED, str(home.warehouse), "numbers"], check=False)
    assert log_of(home).stat().st_size > 10_000
    return home


def log_of(home: Home) -> Path:
    return home.root / "warehouse.duckdb.wal"


def count(home: Home) -> int:
    with duckdb.connect(str(home.warehouse)) as con:
        return con.execute("select count(*) from numbers").fetchone()[0]


def overwrite(path: Path, start: int, patch: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[start : start + len(patch)] = patch
    path.write_bytes(bytes(content))


def foreign_log(home: Home) -> None:
    other = home.root / "other.duckdb"
    subprocess.run([sys.executable, "-c", KILLED, str(other), "others"], check=False)
    Path(f"{other}.wal").replace(log_of(home))


def tear_blocks(path: Path) -> None:
    """The beginning of each block, in whichever the metadata of this engine is."""
    for start in range(12288, path.stat().st_size, 262144):
        overwrite(path, start, bytes(4096))


DAMAGES: dict[str, Callable[[Home], None]] = {
    "header": lambda home: overwrite(home.warehouse, 100, b"\xff" * 8),
    "torn_metadata": lambda home: tear_blocks(home.warehouse),
    "emptied": lambda home: home.warehouse.write_bytes(b""),
    "garbage": lambda home: home.warehouse.write_bytes(random.Random(1).randbytes(500_000)),
    "truncated": lambda home: home.warehouse.write_bytes(home.warehouse.read_bytes()[:20_000]),
    "log_overwritten": lambda home: overwrite(log_of(home), 5_000, bytes(512)),
    "log_of_another_file": foreign_log,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_removed_and_a_new_one_opens(home: Home, settings: Settings, damage: str) -> None:
    DAMAGES[damage](home)
    with pytest.raises(duckdb.Error) as caught:
        open_store(home, settings).close()
    assert is_corruption(caught.value)
    assert ensure_warehouse(home, settings)
    assert not home.warehouse.exists()
    assert not log_of(home).exists()
    with open_store(home, settings) as con:
        assert con.execute("select count(*) from raw.events").fetchone() == (0,)


def test_damage_inside_a_table_is_recognised_when_it_is_read(home: Home, settings: Settings) -> None:
    assert count(home) == 55_000  # which also writes the log into the file
    blocks = range(12288 + 262144, home.warehouse.stat().st_size, 262144)
    for start in blocks[1:]:
        overwrite(home.warehouse, start + 1000, b"\x55" * 64)
    with pytest.raises(duckdb.Error) as caught, duckdb.connect(str(home.warehouse)) as con:
        con.execute("select max(text), sum(i) from numbers").fetchall()
    assert is_corruption(caught.value)
    assert is_corruption(f"Runtime Error in model fact_deal\n  {caught.value}")
    assert ensure_warehouse(home, settings, rebuild=True)
    assert not home.warehouse.exists()


def test_a_connection_that_the_error_still_holds_does_not_keep_the_new_file_from_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of dbt's: they are opened with other settings, and live as long as the error and its traceback."""
    settings = Settings(home=tmp_path / "home", project_dir=tmp_path / "project")
    home = settings.layout()
    copy_project(settings.project_dir, PART)
    home.inbox.mkdir(parents=True)
    files = Files(seed=1)
    files.write_next(home.inbox)
    build, calls = pipeline.build, []

    def meet_damage(*arguments: object) -> pipeline.Built:
        calls.append(arguments)
        if len(calls) == 1:
            held: list[object] = [duckdb.connect(str(home.warehouse), config={"threads": 1})]
            held.append(held)
            raise duckdb.Error("Corrupt database file: a checksum does not match")
        return build(*arguments)

    monkeypatch.setattr(pipeline, "build", meet_damage)
    outcome = pipeline.run(settings)
    assert len(calls) == 2
    assert [batch.accepted for batch in outcome.batches] == [files.accepted[1]]
    assert outcome.published is not None


def test_a_sound_file_with_a_log_is_left_alone(home: Home, settings: Settings) -> None:
    assert ensure_warehouse(home, settings) is None
    assert count(home) == 55_000


def test_a_file_that_lost_its_log_opens_with_what_was_checkpointed(home: Home, settings: Settings) -> None:
    log_of(home).unlink()
    assert ensure_warehouse(home, settings) is None
    assert count(home) == 50_000


def test_a_log_that_lost_its_file_is_not_replayed_into_a_new_one(home: Home, settings: Settings) -> None:
    home.warehouse.unlink()
    assert ensure_warehouse(home, settings) is None
    with open_store(home, settings) as con:
        assert con.execute("select count(*) from duckdb_tables() where table_name = 'numbers'").fetchone() == (0,)


def test_nothing_there_is_not_damage(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new")
    assert ensure_warehouse(settings.layout(), settings) is None


def test_a_file_held_by_another_program_is_not_thrown_away(home: Home, settings: Settings) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    arguments = [sys.executable, "-c", code, str(home.warehouse)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(DealhouseError, match="open in another program") as caught:
            ensure_warehouse(home, settings)
        assert str(other.pid) in str(caught.value)
    assert count(home) == 55_000


@pytest.mark.parametrize(
    "message",
    [
        "IO Error: Could not write file: No space left on device",
        "Catalog Error: Table with name fact_deal does not exist",
        'IO Error: Could not read enough bytes from file "landing/x.parquet": attempted to read 4 bytes',
        "Invalid Input Error: Malformed JSON",
    ],
)
def test_other_errors_are_not_taken_for_damage(message: str) -> None:
    assert not is_corruption(message)
    assert not is_corruption(RuntimeError(message))


def test_the_cause_of_an_error_counts() -> None:
    error = DealhouseError("The new version was not published.")
    assert not is_corruption(error)
    error.__cause__ = duckdb.Error("Corrupt database file: computed checksum 1")
    assert is_corruption(error)
