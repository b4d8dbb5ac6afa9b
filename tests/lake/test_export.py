"""An export is whole or not there, holds what was taken in, and says so in a manifest that can be checked."""

import hashlib
import json
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from warehouse.lake import export
from warehouse.lake.exporting import MANIFEST, NOT_EXPORTED, ExportError, manifest, replace
from warehouse.lock import writer_lock
from warehouse.pipeline import take_in
from warehouse.sample import write_company
from warehouse.settings import Home, Settings
from warehouse.store import open_store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Home:
    """A home that has taken in the two months of a small company, a batch each."""
    home = settings.layout()
    files = write_company(tmp_path / "sample", days=60, accounts=20, seed=3).files
    with writer_lock(home, "test"):
        for path in files:
            take_in(settings, [path], received_at=datetime(2026, 7, 1))
    return home


def read(folder: Path, version: str, relation: str) -> str:
    """Write what reads a table of an export, as an engine does that knows Hive's folders."""
    return f"read_parquet('{folder}/{version}/{relation.replace('.', '/')}/**/*.parquet', hive_partitioning = true)"


def test_each_table_is_there_with_all_its_rows(home: Home, settings: Settings, tmp_path: Path) -> None:
    done = export(home, settings, tmp_path / "out")
    with open_store(home, settings) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('raw', 'computed')"
        ).fetchall()
        wanted = {name for (name,) in tables if name.partition(".")[2] not in NOT_EXPORTED}
        assert set(done.rows) == wanted
        for name in wanted:
            assert con.execute(f"select count(*) from {name}").fetchone() == (done.rows[name],)
        columns = (
            "source, event_id, event_type, tenant_id, occurred_at, received_at, data::varchar, batch_id, row_number"
        )
        exported = read(tmp_path / "out", done.version, "raw.events")
        for one, other in (("raw.events", exported), (exported, "raw.events")):
            assert con.execute(f"select {columns} from {one} except all select {columns} from {other}").fetchall() == []
    assert done.batch_id == 2
    assert done.rows["raw.events"] > 100


def test_the_events_of_a_type_stand_in_a_folder_of_their_own(home: Home, settings: Settings, tmp_path: Path) -> None:
    done = export(home, settings, tmp_path / "out")
    events = [entry for entry in manifest(tmp_path / "out") if entry["relation"] == "raw.events"]
    with open_store(home, settings) as con:
        counts = dict(con.execute("select event_type, count(*) from raw.events group by all").fetchall())
    found: dict[str, int] = {}
    for entry in events:
        folder = str(entry["file"]).removeprefix(f"{done.version}/raw/events/event_type=").partition("/")[0]
        found[folder] = found.get(folder, 0) + int(str(entry["rows"]))
    assert found == counts


def test_the_manifest_names_every_file_with_its_hash_and_its_rows(
    home: Home, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(home, settings, out)
    entries = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]
    assert {entry["file"] for entry in entries} == {str(path.relative_to(out)) for path in out.rglob("*.parquet")}
    for entry in entries:
        content = (out / entry["file"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry["sha256"], entry["bytes"])
        rows = duckdb.execute("select count(*) from read_parquet(?)", [str(out / entry["file"])]).fetchone()
        assert rows == (entry["rows"],)


def test_what_no_model_reads_stays_at_home(home: Home, settings: Settings, tmp_path: Path) -> None:
    """The originals of rejected rows may hold anything; neither they nor their columns leave."""
    done = export(home, settings, tmp_path / "out")
    columns = duckdb.execute(f"describe from {read(tmp_path / 'out', done.version, 'raw.rejected_events')}").fetchall()
    assert not {"raw_text", "raw_bytes"} & {column[0] for column in columns}
    assert done.rows["raw.rejected_events"] > 0


def test_the_former_export_goes(home: Home, settings: Settings, tmp_path: Path) -> None:
    """What was erased from the home between the two must not go on standing here."""
    out = tmp_path / "out"
    export(home, settings, out)
    with open_store(home, settings) as con:
        erased = con.execute("select event_id from raw.events order by all limit 1").fetchone()
        con.execute("delete from raw.events where event_id = ?", erased)
    done = export(home, settings, out)
    assert {path.name for path in out.iterdir()} == {MANIFEST, done.version}
    assert duckdb.execute(
        f"select count(*) from {read(out, done.version, 'raw.events')} where event_id = ?", erased
    ).fetchone() == (0,)


def test_an_export_that_fails_leaves_the_former_one(home: Home, settings: Settings, tmp_path: Path) -> None:
    """A work file without the table of batches stands for one that cannot be read."""
    out = tmp_path / "out"
    export(home, settings, out)
    before = {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with open_store(home, settings) as con:
        con.execute("drop table raw.batches")
    with pytest.raises(ExportError, match="the former one"):
        export(home, settings, out)
    assert {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_statistics_are_put_in_place_of_the_former_ones_alone(home: Home, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(home, settings, out)
    with duckdb.connect() as con:
        con.execute("create schema computed")
        con.execute("create table computed.markov_channel as select 'acme' as tenant_id, 0.5::double as removal_share")
        replace(out, con, "computed")
    entries = manifest(out)
    computed = [entry for entry in entries if str(entry["relation"]).startswith("computed.")]
    assert [(entry["relation"], entry["rows"]) for entry in computed] == [("computed.markov_channel", 1)]
    assert {entry["version"] for entry in entries if entry not in computed} == {done.version}
    row = duckdb.execute(f"from {read(out, str(computed[0]['version']), 'computed.markov_channel')}").fetchall()
    assert row == [("acme", 0.5)]


def test_statistics_need_an_export_to_be_put_into(tmp_path: Path) -> None:
    with duckdb.connect() as con, pytest.raises(ExportError, match="no export"):
        replace(tmp_path, con, "computed")


def test_what_a_killed_export_has_left_goes_with_the_next(home: Home, settings: Settings, tmp_path: Path) -> None:
    """Killed before it pointed to its files, or before the former ones were gone; what is not ours stays."""
    out = tmp_path / "out"
    for name in ("20260101T000000000000Z-000001", ".incoming-20260101T000000000000Z-000002", "notes"):
        (out / name / "raw").mkdir(parents=True)
    done = export(home, settings, out)
    assert {path.name for path in out.iterdir()} == {MANIFEST, done.version, "notes"}


def test_a_former_export_that_cannot_be_removed_is_told(
    home: Home, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    former = export(home, settings, out).version
    real = shutil.rmtree

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if Path(path).name == former:
            raise PermissionError(13, "not permitted", str(path))
        real(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(ExportError, match="could not be removed"):
        export(home, settings, out)
    assert {entry["version"] for entry in manifest(out)}.isdisjoint({former})


@pytest.mark.parametrize("version", ["../precious", "..", ".", "precious"])
def test_a_manifest_of_something_else_is_left_alone(
    home: Home, settings: Settings, tmp_path: Path, version: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    precious = tmp_path / "precious"
    precious.mkdir()
    (out / MANIFEST).write_text(json.dumps({"version": version, "relation": "raw.events"}) + "\n")
    with pytest.raises(ExportError, match="left alone"):
        export(home, settings, out)
    assert precious.is_dir()
    assert [path.name for path in out.iterdir()] == [MANIFEST]


def test_where_nothing_was_taken_in_there_is_nothing_to_export(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="nothing has been taken in"):
        export(settings.layout(), settings, tmp_path / "out")
    assert not (tmp_path / "out").exists()
