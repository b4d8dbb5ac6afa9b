"""The outbox of a real database: what commits late is not passed over, and nothing comes twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.ingest.depot import event
from warehouse.landing import Landing
from warehouse.pipeline import take_in
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.store import open_store

INSERT = "insert into outbox (event) values (%s)"


def login(event_id: str) -> str:
    return json.dumps(event(event_id, source="app", type="app.login", data={"user_id": "u1"}))


def ids(settings: Settings) -> list[str]:
    with open_store(settings.layout(), settings) as con:
        return [row[0] for row in con.execute("select event_id from raw.events order by event_id").fetchall()]


def test_what_commits_late_is_not_passed_over(settings: Settings, dsn: str) -> None:
    """`early` took its number first and commits last: who asks for numbers above the last one seen never sees it."""
    with psycopg.connect(dsn) as early, psycopg.connect(dsn) as late:
        early.execute(INSERT, [login("early")])
        late.execute(INSERT, [login("late")])
        late.commit()
        assert take_in(settings) == []
        early.commit()
        (batch,) = take_in(settings)
        assert batch.accepted == 2
    assert take_in(settings) == []
    assert ids(settings) == ["early", "late"]


def test_what_is_rolled_back_does_not_come(settings: Settings, dsn: str) -> None:
    with psycopg.connect(dsn) as con:
        con.execute(INSERT, [login("undone")])
        con.rollback()
        con.execute(INSERT, [login("done")])
        con.execute(INSERT, [None])
        con.execute(INSERT, ["[]"])
    (batch,) = take_in(settings)
    assert (batch.accepted, batch.rejected) == (1, 2)
    assert ids(settings) == ["done"]


def test_the_position_stands_with_the_rows(settings: Settings, dsn: str) -> None:
    """A work file that is lost is made from landing, and the database is asked for nothing again."""
    with psycopg.connect(dsn, autocommit=True) as con:
        for number in range(3):
            con.execute(INSERT, [login(f"e{number}")])
        take_in(settings)
        settings.layout().warehouse.unlink()
        take_in(settings)
        assert ids(settings) == ["e0", "e1", "e2"]
        con.execute("truncate outbox")
        con.execute(INSERT, [login("e3")])
    (batch,) = take_in(settings)
    assert (batch.rows, batch.file) == (1, "crm.outbox")
    landing = Landing(settings.layout())
    assert landing.verify() == []
    assert landing.position("crm.outbox")["position"] == 4


def test_transactions_are_in_the_order_of_numbers(settings: Settings, dsn: str) -> None:
    """Of 999 and 1000 the second is the later one, though not as a text."""
    with psycopg.connect(dsn, autocommit=True) as con:
        for number in (998, 999, 1000, 1001):
            con.execute("insert into outbox (xid, event) values (%s::text::xid8, %s)", [number, login(f"e{number}")])
            if number == 999:
                while con.execute("select cast(pg_current_xact_id() as text)::bigint").fetchone() < (1100,):  # type: ignore[operator]
                    pass
    (batch,) = take_in(settings)
    assert batch.accepted == 4
    assert Landing(settings.layout()).position("crm.outbox")["transaction"] == "1001"
    assert take_in(settings) == []


def test_many_writers_that_commit_in_any_order(settings: Settings, dsn: str) -> None:
    committed: list[str] = []
    done = threading.Event()
    batches: list[Any] = []

    def write(name: str) -> None:
        rng = random.Random(name)
        with psycopg.connect(dsn) as con:
            for number in range(5000):
                # They go on until they have been read from in between, however fast they are.
                if number >= 60 and len(batches) > 1:
                    break
                fresh = [f"{name}-{number}-{one}" for one in range(rng.randint(1, 3))]
                for one in fresh:
                    con.execute(INSERT, [login(one)])
                    time.sleep(rng.choice([0, 0, 0.005]))
                if rng.random() < 0.2:
                    con.rollback()
                else:
                    con.commit()
                    committed.extend(fresh)

    writers = [threading.Thread(target=write, args=(f"w{number}",)) for number in range(4)]
    for one in writers:
        one.start()
    while not done.is_set():
        if not any(one.is_alive() for one in writers):
            done.set()
        batches += take_in(settings)
    assert len(batches) > 1
    assert sum(batch.duplicate + batch.rejected for batch in batches) == 0
    assert ids(settings) == sorted(committed)


def check_kills(settings: Settings, dsn: str, kills: int) -> None:
    rng = random.Random(1)
    code = (
        "import sys\nfrom pathlib import Path\nfrom warehouse.pipeline import take_in\n"
        "from warehouse.settings import Settings\nprint('ready', flush=True)\n"
        "while True: take_in(Settings(home=Path(sys.argv[1]), pseudonym_key='a key for tests'))"
    )
    sent = 0
    with psycopg.connect(dsn, autocommit=True) as con:
        for _ in range(kills):
            worker = subprocess.Popen(
                [sys.executable, "-c", code, str(settings.home)], stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)}, text=True,
            )  # fmt: skip
            assert worker.stdout is not None
            worker.stdout.readline()
            until = time.monotonic() + rng.uniform(0.1, 1.0)
            while time.monotonic() < until:
                con.execute(INSERT, [login(f"k{sent:06d}")])
                sent += 1
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            worker.stdout.close()
    take_in(settings)
    assert ids(settings) == [f"k{number:06d}" for number in range(sent)]
    with open_store(settings.layout(), settings) as con:
        assert con.execute("select sum(duplicate), sum(rejected) from raw.batches").fetchone() == (0, 0)


def test_a_few_kills_lose_and_double_nothing(settings: Settings, dsn: str) -> None:
    check_kills(settings, dsn, kills=3)


@pytest.mark.slow
def test_many_kills_lose_and_double_nothing(settings: Settings, dsn: str) -> None:
    check_kills(settings, dsn, kills=60)


def test_a_database_that_is_gone_holds_up_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings.layout()
    home.inbox.mkdir(parents=True)
    (home.inbox / "events.ndjson").write_text(login("from-a-file") + "\n")
    (home.root / "sources" / "away.toml").write_text('dsn_env = "AWAY_DSN"\n[outbox]\ntable = "outbox"\n')
    monkeypatch.setenv("AWAY_DSN", "postgresql://crm:canary-password@127.0.0.1:1/nothing")
    (home.root / "sources" / "broken.toml").write_text('dsn_env = "NONE"\n[outbox]\ntable = "a; drop table b"\n')
    problems: list[str] = []
    (batch,) = take_in(settings, on_problem=problems.append)
    assert batch.accepted == 1
    assert len(problems) == 2
    assert "away.toml" in problems[0]
    assert "no name of a table" in problems[1]
    assert "canary" not in "".join(problems)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "dsn_env or dsn_file"),
        ('dsn_env = "A"', "neither [outbox] nor [tables]"),
        ('dsn_env = "A"\npassword = "x"', "password is not known"),
        ('dsn_env = "A"\n[tables]\nread = ["invoice"]', "account, contact, lead, deal"),
        ('dsn_env = "A"\n[tables]\nlag_seconds = -1', "lag_seconds"),
        ("nonsense", "could not be read"),
    ],
)
def test_a_file_that_is_wrong_says_why(tmp_path: Path, text: str, why: str) -> None:
    from warehouse.errors import UsageError
    from warehouse.sources.postgres.config import load

    path = tmp_path / "crm.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as wrong:
        load(path)
    assert why in str(wrong.value)
