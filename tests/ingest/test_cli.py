"""The commands as a user calls them: what they print, and their exit codes."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.ingest.depot import event, lines
from warehouse.cli.app import app, load_commands, out
from warehouse.errors import UsageError

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setattr(out, "width", 200)
    monkeypatch.setenv("DEALHOUSE_NOW", "2026-01-01T00:00:00Z")
    load_commands()
    runner = CliRunner()

    def run(*words: str | Path) -> Result:
        return runner.invoke(app, ["--home", str(tmp_path / "home"), *map(str, words)])

    return run


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson.gz"
    extra = event("c", data={"deal_id": "D", "colour": "red"})
    ahead = event("ahead", time="2026-01-05T00:00:00Z")
    path.write_bytes(gzip.compress(lines(event("a"), event("a"), b"hello [bold]", extra, ahead)))
    return path


def test_ingest_says_what_became_of_the_rows(call: Call, sent: Path) -> None:
    done = call("ingest", sent)
    assert done.exit_code == 0
    assert "events.ndjson.gz" in done.stdout
    assert ["5", "2", "1", "2"] in [
        [word for word in row.replace("│", " ").split() if word.isdigit()][-4:] for row in done.stdout.splitlines()
    ]
    assert "colour of crm.deal.won" in done.stdout
    again = call("ingest", sent)
    assert again.exit_code == 0
    assert "Nothing new" in again.stdout
    assert "events.ndjson.gz had been taken in before, as batch 1, received 2026-01-01 00:00:00 UTC" in again.stdout


def test_a_file_that_is_known_is_named_with_its_batch_beside_what_is_new(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    for number in range(14):
        (folder / f"{number:02d}.ndjson").write_bytes(lines(event(f"e{number}")))
    call("ingest", folder / "0*.ndjson")
    (folder / "new-name.ndjson").write_bytes(lines(event("e3")))
    both = call("ingest", folder / "new-name.ndjson", folder / "10.ndjson")
    assert "new-name.ndjson had been taken in before, as batch 4 from 03.ndjson, received 2026-01-01" in both.stdout
    assert "10.ndjson had been" not in both.stdout
    call("ingest", folder)
    again = call("ingest", folder)
    assert again.stdout.count("had been taken in before") == 10
    assert "So had 5 more files." in again.stdout
    inbox = tmp_path / "home" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "sent-again.ndjson").write_bytes(lines(event("e1")))
    assert "sent-again.ndjson had been taken in before, as batch 2" in call("ingest").stdout
    assert list(inbox.iterdir()) == []
    assert "Nothing new: the inbox is empty." in call("ingest").stdout


def test_a_lost_line_of_the_manifest_is_told_and_mended_as_it_says(call: Call, sent: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ndjson"
    other.write_bytes(lines(event("other")))
    call("ingest", other)
    call("ingest", sent)
    manifest = tmp_path / "home" / "landing" / "manifest.ndjson"
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])
    failed = call("ingest")
    assert "holds a batch 2" in str(failed.exception)
    assert "dealhouse verify" in str(failed.exception)
    advice = call("verify").stdout.replace("\n", "")
    lost = Path(advice.split("dealhouse run ")[1].split(".gz")[0] + ".gz")
    mended = call("ingest", lost)
    assert mended.exit_code == 0
    assert "whole: 2 entries" in call("verify").stdout
    assert "2 batches: 3 events" in call("rebuild").stdout


def test_strict_ends_with_3_where_rows_were_rejected(call: Call, sent: Path, tmp_path: Path) -> None:
    assert call("ingest", "--strict", sent).exit_code == 3
    good = tmp_path / "good.ndjson"
    good.write_bytes(lines(event("g")))
    assert call("ingest", "--strict", good).exit_code == 0


def test_rejects_shows_each_with_file_line_and_text(call: Call, sent: Path) -> None:
    call("ingest", sent)
    shown = call("rejects").stdout
    assert "malformed_json batch 1, events.ndjson.gz line 3" in shown
    assert "hello [bold]" in shown
    assert "2 of 2 shown: 1 future_time, 1 malformed_json" in shown
    only = call("rejects", "--reason", "future_time").stdout
    assert "line 5, crm.deal.won" in only
    assert "line 3" not in only
    assert "Nothing" in call("rejects", "--batch", "7").stdout


def test_the_original_of_a_rejected_row_is_given_back_to_the_byte(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "odd.ndjson"
    odd = b"\xff\x00[bold] \xe9"
    path.write_bytes(lines(event("a"), odd))
    call("ingest", path)
    assert call("rejects", "--raw", "1:2").stdout_bytes == odd + b"\n"
    for place in ("1:1", "7:2", "first"):
        assert isinstance(call("rejects", "--raw", place).exception, UsageError)


def test_replay_takes_in_what_is_acceptable_by_now(call: Call, sent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("ingest", sent)
    assert "none of the rejected rows" in call("rejects", "--replay").stdout
    monkeypatch.setenv("DEALHOUSE_NOW", "2026-01-05T00:00:00Z")
    assert "batch 2: 1 accepted, 0 duplicate" in call("rejects", "--replay").stdout
    assert "1 of 1 shown: 1 malformed_json" in call("rejects").stdout
    assert "2 batches: 3 events" in call("rebuild").stdout


def test_verify_ends_with_1_and_names_the_file(call: Call, sent: Path, tmp_path: Path) -> None:
    call("ingest", sent)
    whole = call("verify")
    assert (whole.exit_code, "1 entries" in whole.stdout) == (0, True)
    (segment,) = (tmp_path / "home" / "landing" / "segments").iterdir()
    segment.chmod(0o644)
    segment.write_bytes(b"other")
    broken = call("verify")
    assert broken.exit_code == 1
    assert segment.name in broken.stdout.replace("\n", "")


def test_the_inbox_is_taken_in_and_what_needs_a_mapping_is_named(call: Call, tmp_path: Path) -> None:
    inbox = tmp_path / "home" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "a.ndjson").write_text(json.dumps(event()) + "\n")
    (inbox / "b.csv").write_text("x\n1\n")
    done = call("ingest")
    assert done.exit_code == 0
    assert "b.csv was not landed: a file of this kind needs a mapping" in done.stdout
    assert [path.name for path in inbox.iterdir()] == ["b.csv"]


def test_wrong_usage_is_told_as_such(call: Call, sent: Path, tmp_path: Path) -> None:
    assert isinstance(call("ingest", tmp_path / "none.ndjson").exception, UsageError)
    assert isinstance(call("ingest", "--received-at", "yesterday", sent).exception, UsageError)
