"""Whatever was answered "accepted" is in raw exactly once, however often the server is killed under load."""

import json
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.serve.running import Running
from tests.serve.test_events import login
from warehouse.intake import append_events
from warehouse.pipeline import take_in
from warehouse.settings import Settings
from warehouse.store import open_store

SENDERS = 3


class Sender(threading.Thread):
    """Sends batches until the server is gone; what had no answer is sent again to the next one."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.prefix, self.rng = name, random.Random(seed)
        self.accepted: list[str] = []
        self.wrong: list[str] = []
        self.unanswered: list[str] = []
        self.number = 0
        self.server: Running | None = None

    def send(self, server: Running) -> None:
        with server.client() as client:
            while True:
                ids = self.unanswered or [
                    f"{self.prefix}-{self.number + one}" for one in range(self.rng.randint(1, 40))
                ]
                self.number += 0 if self.unanswered else len(ids)
                self.unanswered = ids
                try:
                    response = client.post("/events", content=json.dumps([login(one) for one in ids]), headers={
                        "content-type": "application/json"
                    })  # fmt: skip
                except httpx.TransportError:
                    return
                for one in response.json()["events"]:
                    if one["status"] == "accepted":
                        self.accepted.append(one["id"])
                    elif one["status"] != "duplicate":
                        self.wrong.append(str(one))
                self.unanswered = []


def check(folder: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    settings = Settings(home=folder / "home")
    senders = [Sender(f"s{number}", seed + number) for number in range(SENDERS)]
    runs = 0
    for _ in range(kills):
        server = Running(folder / "home", folder / "server.log", None, {})
        sending = [threading.Thread(target=one.send, args=(server,)) for one in senders]
        for one in sending:
            one.start()
        time.sleep(rng.uniform(0.05, 0.6))
        if rng.random() < 0.3:
            # A run closes the file that the server appends to, and takes it in.
            runs += bool(take_in(settings))
        server.stop(signal.SIGKILL)
        for one in sending:
            one.join()
    batches = take_in(settings)
    # What a killed server was judging goes with the next one.
    assert append_events(settings.layout(), [login("last")], settings)[0].status == "accepted"
    assert list((folder / "home" / "inbox" / "collector" / ".judging").glob("judged-*.ndjson")) == []
    assert sum(batch.rejected for batch in batches) == 0
    with open_store(settings.layout(), settings) as con:
        raw = Counter(row[0] for row in con.execute("select event_id from raw.events").fetchall())
        rejected = con.execute("select count(*) from raw.rejected_events").fetchone()
    accepted = Counter(one for sender in senders for one in sender.accepted)
    assert [sender.wrong for sender in senders] == [[]] * SENDERS
    assert len(accepted) > kills * 10
    assert set(raw.values()) == {1}
    assert accepted.keys() - raw.keys() == set()
    assert rejected == (0,)
    # What is in raw and was never answered is what was on its way at a kill, and nothing else.
    assert all(one.rpartition("-")[0] in {sender.prefix for sender in senders} for one in raw)


def test_a_few_kills(tmp_path: Path) -> None:
    check(tmp_path, kills=4, seed=1)


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path) -> None:
    check(tmp_path, kills=200, seed=2)
