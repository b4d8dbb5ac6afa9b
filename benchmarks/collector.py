"""The HTTP collector under load, against a bare server that reads the body and answers, in the same run.

The sender runs on the same processors; so both figures are lower than they would be with one of its own.
"""

import http.client
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.settings import PROJECT_DIR

BATCH = 100
CONNECTIONS = 4
STEADY = 2000
"""Events a second that are promised."""

TYPES = (
    ("app", "app.login", {"user_id": "user-58"}),
    ("app", "app.feature.used", {"user_id": "user-58", "feature": "reports", "is_key": True, "quantity": 3}),
    ("crm", "crm.deal.updated", {"deal_id": "deal-1042", "amount": 12500.5, "currency": "EUR", "probability": 0.4}),
    ("crm", "crm.email.opened", {"message_id": "msg-1", "campaign_id": "cmp-1", "contact_id": "con-1"}),
    ("web", "web.session.started", {"session_id": "s-1", "visitor_id": "v-1", "utm_source": "google"}),
)

BARE = """
import socket, sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(100)
print(f"Listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")).run(sockets=[listening])
"""
OURS = "import sys; from warehouse.cli import serve; from warehouse.cli.app import app; app()"


@dataclass
class Load:
    """What was measured while a server was under load."""

    seconds: float = 0.0
    requests: list[float] = field(default_factory=list)
    """Seconds that each took."""
    refused: int = 0
    memory: list[float] = field(default_factory=list)
    """Resident memory of the server in MB, every second."""
    cpu_seconds: float = 0.0
    """Processor time of the server."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return len(self.requests) * BATCH / self.seconds

    @property
    def rate_per_cpu(self) -> float:
        """Events for a second of processor time: what is left of the rate when others want the processors too."""
        return len(self.requests) * BATCH / self.cpu_seconds

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of the requests took at most."""
        ordered = sorted(self.requests)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def compare(folder: Path, seconds: float, rounds: int) -> None:
    """Measure both at full speed, in turn, and ours at a steady rate; print the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    bare, ours = [], []
    for number in range(rounds):
        with _server([sys.executable, "-c", BARE], folder) as (port, pid):
            bare.append(_load(port, pid, seconds, None))
        with _collector(folder / f"home-{number}") as (port, pid):
            ours.append(_load(port, pid, seconds, None))
    mine, theirs = (statistics.median(load.rate for load in loads) for loads in (ours, bare))
    mine_cpu, theirs_cpu = (statistics.median(load.rate_per_cpu for load in loads) for loads in (ours, bare))
    print(
        f"collector at full speed, batches of {BATCH}: {mine:,.0f} events/s (target {STEADY:,}), p99 "
        f"{max(load.quantile(0.99) for load in ours):.0f} ms; bare server: {theirs:,.0f} events/s; "
        f"ratio {mine / theirs:.3f}; for a second of processor time {mine_cpu:,.0f} and {theirs_cpu:,.0f} events, "
        f"ratio {mine_cpu / theirs_cpu:.3f}"
    )
    with _collector(folder / "home-steady") as (port, pid):
        steady = _load(port, pid, seconds, STEADY)
    tenth = max(1, len(steady.memory) // 10)
    begun, ended = max(steady.memory[tenth : 2 * tenth] or steady.memory), max(steady.memory[-tenth:])
    print(
        f"collector at {STEADY:,} events/s for {steady.seconds:.0f} s: {steady.rate:,.0f} events/s answered, "
        f"{steady.refused} requests refused, p50 {steady.quantile(0.5):.0f} ms, p99 {steady.quantile(0.99):.0f} ms; "
        f"memory {begun:.0f} MB in the second tenth, {ended:.0f} MB in the last"
    )


@contextmanager
def _collector(home: Path) -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-c", OURS, "--home", str(home), "serve", "--port", "0"]
    with _server(command, home.parent) as (port, pid):
        yield port, pid


@contextmanager
def _server(command: list[str], folder: Path) -> Iterator[tuple[int, int]]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+)", process.stdout.readline())
        assert found is not None
        yield int(found.group(1)), process.pid
    finally:
        process.terminate()
        process.wait()


def _bodies(name: str) -> Iterator[bytes]:
    """Batches of events with ids of their own, put together from text, so that sending costs little."""
    parts = []
    for source, kind, data in itertools.islice(itertools.cycle(TYPES), BATCH):
        event = {"id": "@", "source": source, "type": kind, "time": "2026-01-01T00:00:00Z", "data": data}
        parts.append(json.dumps(event))
    pieces = f"[{','.join(parts)}]".split("@")
    for number in itertools.count():
        ids = [f"{name}-{number}-{place}" for place in range(BATCH)]
        yield "".join(itertools.chain(*zip(pieces, [*ids, ""], strict=True))).encode()


def _load(port: int, pid: int, seconds: float, rate: int | None) -> Load:
    """Send for so long, as fast as it is answered, or at a rate; late sending counts as waiting."""
    load = Load()
    started = time.perf_counter()
    until = started + seconds

    def send(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        pause = 0.0 if rate is None else BATCH * CONNECTIONS / rate
        due = time.perf_counter() + pause * number / CONNECTIONS
        for body in _bodies(f"c{number}"):
            now = time.perf_counter()
            if rate is None:
                due = now
            elif due > now:
                time.sleep(due - now)
            if due > until or (rate is None and now > until):
                break
            connection.request("POST", "/events", body, {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                load.requests.append(time.perf_counter() - due)
            else:
                load.refused += 1
            due += pause
        connection.close()

    cpu_before = _cpu_seconds(pid)
    senders = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    for one in senders:
        one.start()
    while any(one.is_alive() for one in senders):
        load.memory.append(_resident_mb(pid))
        time.sleep(1)
    load.seconds = time.perf_counter() - started
    load.cpu_seconds = _cpu_seconds(pid) - cpu_before
    return load


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
