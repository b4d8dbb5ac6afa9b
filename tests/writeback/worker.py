"""Syncs one home to one database when it is told to; started, and killed, by test_kill."""

import sys
from pathlib import Path

from warehouse.settings import Settings
from warehouse.writeback.destinations.postgres import Postgres, PostgresSettings
from warehouse.writeback.sync import sync

settings = Settings(home=Path(sys.argv[1]), lock_wait_seconds=60)
destination = Postgres(PostgresSettings(objects=frozenset({"lead"}), batch_rows=100), sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
(result,) = sync(settings, is_first=True, approved=sys.argv[3:], destinations=[destination])
print(dict(result.counts), result.problem, flush=True)
