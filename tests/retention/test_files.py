"""Files that go by their age, and those that stay however old they are; and who has to wait meanwhile."""

import os
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from dagster import build_init_resource_context
from typer.testing import CliRunner

from orchestration.retention import QuietWarehouse
from warehouse.cli.app import app, load_commands
from warehouse.lock import WarehouseBusyError, file_lock, holder
from warehouse.retention import Policy
from warehouse.retention.retain import remove_files
from warehouse.settings import Home

LONG_AGO = datetime(2024, 1, 1).timestamp()
NOW = datetime(2026, 6, 1)
LEFT = [
    "inbox/a.log",
    "landing/a.html",
    "outbox/journal.ndjson",
    "outbox/lists/leads.csv",
    "outbox/lists/leads.parquet",
    "outbox/receipts/crm/00000001.parquet",
    "outbox/receipts/crm/00000001.log",
    "reports/sent.ndjson",
]
GONE = ["reports/t1-2024-W01.html", "reports/t1-2024-W01.eml", "logs/serve.log"]
YOUNG = ["reports/t1-2026-W21.html", "logs/dagster.log"]


def test_reports_and_logs_go_and_what_the_write_back_remembers_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in [*LEFT, *GONE, *YOUNG]:
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        at = NOW.timestamp() if name in YOUNG else LONG_AGO
        os.utime(path, (at, at))
    remove_files(home, Policy(), NOW)
    kept = sorted(str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file())
    assert kept == sorted([*LEFT, *YOUNG])


@pytest.mark.parametrize("command", [["erase", "lead", "L-1", "--yes"], ["erase", "--resume"], ["retain", "--yes"]])
def test_what_forgets_waits_for_a_sync(tmp_path: Path, command: list[str]) -> None:
    """A sync sends what it has planned without the writer lock, and would write what was just taken out."""
    load_commands()
    home = Home(tmp_path)
    with file_lock(home.outbox / "sync.lock", "sync"):
        ended = CliRunner().invoke(app, ["--home", str(home.root), *command])
        assert isinstance(ended.exception, WarehouseBusyError) or "'sync'" in ended.output
        assert ended.exit_code != 0
        with pytest.raises(WarehouseBusyError, match="sync"), quiet(home):
            pass
        assert holder(home) is None
    with quiet(home):
        assert "retention" in str(holder(home))
        with pytest.raises(WarehouseBusyError), file_lock(home.outbox / "sync.lock", "sync"):
            pass


def quiet(home: Home) -> AbstractContextManager[QuietWarehouse]:
    return QuietWarehouse(home=str(home.root)).yield_for_execution(build_init_resource_context())
