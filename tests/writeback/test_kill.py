"""A sync that is killed at any instant: the next one ends it, no change is written twice, and none is lost or wrong."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import psycopg
import pytest

from tests.writeback.test_postgres import AUDIT, leads_of
from tests.writeback.world import World
from warehouse.settings import PROJECT_DIR
from warehouse.writeback.destinations.postgres import Postgres, PostgresSettings
from warehouse.writeback.sync import sync

LEADS = 1500


def start(world: World, dsn: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.writeback.worker", str(world.home.root), dsn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR), "DEALHOUSE_SYNC_MAX_CHANGE_SHARE": "1"},
    )


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_every_change_is_written_once(
    world: World, dsn: str, crm: psycopg.Connection[tuple[object, ...]], kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores change, a sync is killed on its way, over and over; an audit trigger has seen each change exactly once."""
    monkeypatch.setenv("DEALHOUSE_SYNC_MAX_CHANGE_SHARE", "1")
    rng = random.Random(13)
    leads_of(crm, LEADS)
    crm.execute(AUDIT)
    mid_way = 0
    process = start(world, dsn)
    for factor in range(1, kills + 1):
        world.leads(LEADS, factor)
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        following = start(world, dsn)
        before = crm.execute("select count(*) from audit").fetchone()
        process.stdin.write("go\n")
        process.stdin.flush()
        # Until a few batches are through, so that most kills hit the writing; then some instant more.
        wanted = rng.randint(0, LEADS)
        while process.poll() is None:
            seen = crm.execute("select count(*) from audit").fetchone()
            if seen and before and int(str(seen[0])) - int(str(before[0])) >= wanted:
                break
        time.sleep(rng.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = crm.execute("select count(*) from audit").fetchone()
        mid_way += before != after and process.returncode == -signal.SIGKILL
        process = following
    process.kill()
    process.wait()
    destination = Postgres(PostgresSettings(objects=frozenset({"lead"}), batch_rows=100), dsn)
    sync(world.settings, is_first=True, destinations=[destination])
    assert not sync(world.settings, destinations=[destination])[0].counts
    assert mid_way > kills / 2

    history: dict[str, list[object]] = {}
    for key, metadata in crm.execute("select id, metadata -> 'dealhouse' from audit order by n").fetchall():
        history.setdefault(str(key), []).append(metadata)
    doubled = Counter(key for key, states in history.items() for one, two in pairwise(states) if one == two)
    assert not doubled, "the same state was written twice in a row"
    now = dict(crm.execute("select id, metadata -> 'dealhouse' from lead").fetchall())
    stated = world.run("select lead_id, score, tier, probability from marts.lead_queue")
    for lead_id, score, tier, probability in stated:
        held = now[lead_id]
        assert isinstance(held, dict)
        assert (held["score"], held["tier"], held["probability"]) == (score, tier, probability)
    assert len(stated) == len(now) == LEADS
