"""What another engine hands back is published as if the run had built it; what is not whole is refused."""

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.part import PART as PROJECT
from tests.part import copy_project
from warehouse.erasure import receipts
from warehouse.erasure.tombstones import keyring
from warehouse.lake import compute, import_marts
from warehouse.lake.handback import HandbackError
from warehouse.publish import open_contacts, open_published
from warehouse.settings import Settings

BUILD = "0b5b8a5e-6b52-4a0e-9d3e-0d2f6f3b6f11"
"""Builds are named by dbt, as UUIDs."""

SAID = {
    "run_id": BUILD,
    "as_of": "2026-06-30 23:00:00.5",
    "known_at": "9999-12-31 00:00:00",
    "read_at": "20260701T080000000000Z",
}
PART = {
    "facts/dim_contact": "select 'acme' as tenant_id, timestamptz '2026-06-01 10:00:00.123456+00' as first_seen_at",
    "marts/pipeline_stage": "select 'acme' as tenant_id, 0.25::double as open_share, date '2026-06-01' as day_date",
    "contacts/contact_detail": "select 'acme' as tenant_id, 'p@example.org' as email",
    "raw/batches": (
        "select 7::bigint as batch_id, 'file' as kind, 'a.ndjson' as file, 1::bigint as rows, 1::bigint as accepted, "
        "0::bigint as duplicate, 0::bigint as rejected, timestamptz '2026-07-01 00:00:00+00' as received_at, "
        "'1' as contracts_version, null::varchar as note"
    ),
}


@pytest.fixture
def back(tmp_path: Path) -> Path:
    """A folder as an engine of several time zones leaves it: instants are instants."""
    folder = tmp_path / "back"
    for name, query in PART.items():
        path = folder / BUILD / name
        path.mkdir(parents=True)
        duckdb.execute(f"copy ({query}) to '{path}/part-0.parquet' (format parquet)")
        (path / "_SUCCESS").touch()
    say(folder, SAID)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home, and a project of few models: what they are described as is read from it."""
    copy_project(tmp_path / "project", PROJECT)
    return Settings(home=tmp_path / "home", project_dir=tmp_path / "project")


def say(folder: Path, entry: dict[str, str]) -> None:
    (folder / "current").mkdir(exist_ok=True)
    (folder / "current" / "part-0.json").write_text(json.dumps(entry) + "\n")


def test_readers_find_the_tables_of_the_build(back: Path, settings: Settings) -> None:
    published = import_marts(settings.layout(), settings, back)
    assert published is not None
    assert published.rows == {"contacts.contact_detail": 1, "facts.dim_contact": 1, "marts.pipeline_stage": 1}
    with open_published(settings.layout()) as con:
        assert con.execute("from facts.dim_contact").fetchall() == [("acme", datetime(2026, 6, 1, 10, 0, 0, 123456))]
        assert con.execute("select typeof(first_seen_at) from facts.dim_contact").fetchone() == ("TIMESTAMP",)
        assert con.execute("select run_id, as_of, known_at, batch_id from meta.publication").fetchall() == [
            (BUILD, datetime(2026, 6, 30, 23, 0, 0, 500000), None, 7)
        ]
        assert con.execute("select batch_id, file from meta.batch").fetchall() == [(7, "a.ndjson")]
        # Descriptions are those of the models, whichever engine built them.
        comment = con.execute("select comment from duckdb_tables() where table_name = 'dim_contact'").fetchone()
        assert comment is not None
        assert comment[0].startswith("One row per contact")
    with open_contacts(settings.layout()) as con:
        assert con.execute("select email from contacts.contact_detail").fetchall() == [("p@example.org",)]


def test_a_build_is_published_once(back: Path, settings: Settings) -> None:
    assert import_marts(settings.layout(), settings, back) is not None
    assert import_marts(settings.layout(), settings, back) is None


@pytest.mark.parametrize(
    "entry",
    [
        {**SAID, "run_id": "../elsewhere"},
        {**SAID, "run_id": ".."},
        {**SAID, "run_id": ""},
        {"as_of": "2026-06-30"},
        {name: text for name, text in SAID.items() if name != "read_at"},
    ],
)
def test_what_says_nothing_of_a_build_is_refused(entry: dict[str, str], back: Path, settings: Settings) -> None:
    say(back, entry)
    with pytest.raises(HandbackError, match="no complete build"):
        import_marts(settings.layout(), settings, back)
    assert not settings.layout().published.exists()


def test_a_build_that_was_not_finished_is_refused(back: Path, settings: Settings) -> None:
    (back / "current" / "part-0.json").unlink()
    with pytest.raises(HandbackError, match="nothing was written there"):
        import_marts(settings.layout(), settings, back)


@pytest.mark.parametrize(("done_at", "is_refused"), [("07:59:59", False), ("08:00:01", True)])
def test_what_was_built_from_before_an_erasure_is_not_published(
    done_at: str, is_refused: bool, back: Path, settings: Settings
) -> None:
    """The export was read at eight o'clock."""
    home = settings.layout()
    receipts.keep(home, keyring(home, settings), {"receipt": "e1", "done_at": f"2026-07-01T{done_at}+00:00"})
    if is_refused:
        with pytest.raises(HandbackError, match="has been erased"):
            import_marts(home, settings, back)
        assert list(home.published.glob("*.duckdb")) == []
    else:
        assert import_marts(home, settings, back) is not None


def test_a_file_that_was_copied_in_part_is_named(back: Path, settings: Settings) -> None:
    (whole,) = (back / BUILD / "marts" / "pipeline_stage").glob("*.parquet")
    whole.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(HandbackError, match="cannot be read") as caught:
        import_marts(settings.layout(), settings, back)
    assert "pipeline_stage" in str(caught.value)


def test_a_statistic_says_which_table_it_misses(back: Path, settings: Settings, tmp_path: Path) -> None:
    """The build holds none of what the first statistic, in the order of names, reads."""
    with pytest.raises(HandbackError, match="churn_risk cannot be computed") as caught:
        compute(settings.layout(), settings, back, tmp_path / "export")
    assert "features.feat_customer" in str(caught.value)
