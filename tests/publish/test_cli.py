"""The commands: what they print, write, refuse, and with which exit code."""

import csv
import io
import json

import polars as pl
import pytest
from typer.testing import CliRunner

from warehouse.cli.app import app, load_commands
from warehouse.errors import DealhouseError, UsageError
from warehouse.lock import writer_lock
from warehouse.publish import current

load_commands()


@pytest.fixture
def call(home, monkeypatch):
    def call(*arguments: str, text: str | None = None) -> str:
        result = CliRunner().invoke(app, ["--home", str(home.root), *arguments], input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


AWKWARD = (
    "select 'a,\"b\"' as text, '' as empty, null as nothing, ['x', null] as list, {'k': 1.5} as struct, "
    "12::hugeint as huge, 0.10::decimal(5, 2) as money, 'nan'::double as nan, true as flag, "
    "timestamp '2026-03-01 12:00:00' as at, date '2026-03-01' as day, 'é' as accent"
)


def test_query_prints_a_table(call, publish_run) -> None:
    publish_run(1)
    output = call("query", "select deal_id, amount from facts.fact_deal order by deal_id limit 2")
    assert ["deal-0", "0.0"] in [line.split() for line in output.splitlines()]
    assert ["deal-1", "1.5"] in [line.split() for line in output.splitlines()]
    assert "2 rows" in output


def test_a_long_table_says_how_much_is_hidden(call, publish_run) -> None:
    publish_run(1, rows=120)
    assert "120 rows, 70 of them not shown" in call("query", "from facts.fact_deal")
    assert "60 rows" in call("query", "from facts.fact_deal", "--limit", "60")


def test_query_reads_from_standard_input(call, publish_run) -> None:
    publish_run(1)
    assert "the_answer" in call("query", "-", text="select 42 as the_answer")


def test_json_is_json(call, publish_run) -> None:
    publish_run(1)
    assert json.loads(call("query", AWKWARD, "--format", "json")) == [
        {
            "text": 'a,"b"',
            "empty": "",
            "nothing": None,
            "list": ["x", None],
            "struct": {"k": 1.5},
            "huge": 12,
            "money": 0.1,
            "nan": None,
            "flag": True,
            "at": "2026-03-01T12:00:00",
            "day": "2026-03-01",
            "accent": "é",
        }
    ]
    assert json.loads(call("query", "select 1 as i where false", "--format", "json")) == []


def test_csv_is_csv(call, publish_run) -> None:
    publish_run(1)
    output = call("query", AWKWARD, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(output)))
    assert len(rows) == 1
    assert rows[0]["text"] == 'a,"b"'
    assert rows[0]["list"] == '["x", null]'
    assert rows[0]["struct"] == '{"k": 1.5}'
    assert (rows[0]["huge"], rows[0]["money"]) == ("12", "0.10")
    assert rows[0]["at"].startswith("2026-03-01 12:00:00")
    assert ',"",,' in output  # an empty text and nothing are two things


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_files_hold_all_rows(call, publish_run, tmp_path, kind: str) -> None:
    publish_run(1, rows=250_000)  # more than one batch
    target = tmp_path / f"deals.{kind}"
    call("query", "select deal_id, amount from facts.fact_deal", "--out", str(target))
    read = {"csv": pl.read_csv, "json": pl.read_json, "parquet": pl.read_parquet}[kind]
    frame = read(target)
    assert frame.height == 250_000
    assert frame["deal_id"].n_unique() == 250_000
    assert frame["amount"].sum() == pytest.approx(1.5 * 250_000 * 249_999 / 2)
    call("query", "select deal_id, amount from facts.fact_deal", "--out", str(target), "--limit", "100001")
    assert read(target).height == 100_001


def test_a_statement_that_fails_leaves_no_file(call, publish_run, tmp_path) -> None:
    publish_run(1)
    target = tmp_path / "deals.csv"
    with pytest.raises(DealhouseError):
        call("query", "select error('no') from facts.fact_deal", "--out", str(target))
    assert list(tmp_path.glob("*deals*")) == []


@pytest.mark.parametrize("options", [["--format", "parquet"], ["--out", "x.xlsx"], ["--format", "table", "--out", "x"]])
def test_what_cannot_be_written_is_wrong_usage(call, options: list[str]) -> None:
    with pytest.raises(UsageError):
        call("query", "select 1", *options)


def test_rollback_lists_and_moves(call, publish_run, home) -> None:
    assert "Nothing is published yet" in call("rollback", "--list")
    one, two = publish_run(1).version, publish_run(2).version
    assert all(version in call("rollback", "--list") for version in (one, two))
    assert f"now see {one}" in call("rollback")
    call("rollback", two)
    assert current(home).version == two


def test_publish_wants_a_finished_build(call, build) -> None:
    build(1)
    with pytest.raises(DealhouseError, match="no finished build"):
        call("publish")


def test_status_works_before_there_is_anything(call, home) -> None:
    home.root.rmdir()
    output = " ".join(call("status").split())
    assert "nothing yet" in output
    assert "dealhouse sample" in output


def test_status_tells_what_is_there(call, home, publish_run) -> None:
    version = publish_run(1).version
    home.inbox.mkdir()
    (home.inbox / "more.ndjson").write_text("{}\n")
    output = call("status")
    assert version in output
    assert "1 file in the inbox" in output
    assert "nobody" in output


def test_status_does_not_need_the_work_file_and_survives_a_broken_manifest(call, home, publish_run) -> None:
    version = publish_run(1).version
    with writer_lock(home, "a long run"):
        assert "a long run" in call("status")
    home.warehouse.write_bytes(b"torn")
    assert version in call("status")
    (home.published / "manifest.ndjson").write_text('{"seq": 1}\n')
    assert "cannot be read" in call("status")
