"""A receiver of webhooks on a real socket, which misbehaves on a script and writes down all that reaches it."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

STEPS = ("ok", "500", "503_seconds", "429_date", "late", "slow", "reset", "lost", "mid_body", "duplicate", "425")
"""What a step of a script may be.

``late`` takes the events and answers after the sender has given up, ``slow`` takes them only then; ``reset`` closes the
line without reading; ``lost`` takes the events and closes the line instead of answering, ``mid_body`` in the middle of
the answer; ``duplicate`` takes them and says that it had them already.
"""

SLOW_SECONDS = 0.25
HELD_SECONDS = 0.002
"""How long any request is held at the least, so that two of one subject that are sent at once do meet."""


@dataclass
class Attempt:
    """A request as it came in."""

    headers: dict[str, str]
    body: str
    at: float
    step: str

    @property
    def events(self) -> list[dict[str, Any]]:
        content = json.loads(self.body)
        return content if isinstance(content, list) else [content]

    @property
    def subjects(self) -> set[str]:
        return {f"{event['tenantid']}/{event['subject']}" for event in self.events}


@dataclass
class Receiver:
    """Answers by `script`, a step for each request, and then with ``ok`` for good.

    What a receiver does that knows events by their id: `applied` holds each once, in the order of arrival.
    """

    script: list[str] = field(default_factory=list)
    secrets: tuple[str, ...] = ()
    poison: frozenset[str] = frozenset()
    """Ids of events that are never taken, and neither is a batch that holds one."""
    answer: tuple[int, dict[str, str], bytes] | None = None
    """Given to every request instead, where it is set."""
    attempts: list[Attempt] = field(default_factory=list)
    applied: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight: Counter[str] = Counter()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/hooks/crm"

    def close(self) -> None:
        self._is_open = False
        self._socket.close()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _accept(self) -> None:
        while self._is_open:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(5)
        stream = line.makefile("rb")
        try:
            while self._one(line, stream):
                pass
        except OSError:
            pass
        finally:
            stream.close()
            line.close()

    def _one(self, line: socket.socket, stream: Any) -> bool:
        if not stream.readline().startswith(b"POST /hooks/crm "):
            return False
        headers: dict[str, str] = {}
        while (header := stream.readline().strip()) != b"":
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers["content-length"])).decode()
        with self._lock:
            step = self.script.pop(0) if self.script else "ok"
            attempt = Attempt(headers, body, time.monotonic(), step)
            self.attempts.append(attempt)
        self._check(attempt)
        self._enter(attempt)
        time.sleep(HELD_SECONDS)
        if attempt.step in ("late", "slow") and self.answer is None and not self._poisoned(attempt):
            return self._answer_late(line, attempt)
        if self._takes(attempt):
            self._take(attempt)
        # Before the answer: with its first byte the sender is free to go on, long before this thread is.
        self._leave(attempt)
        return self._answer(line, attempt)

    def _enter(self, attempt: Attempt) -> None:
        with self._lock:
            self._in_flight.update(attempt.subjects)
            self.problems += [f"two of {each} at once" for each in attempt.subjects if self._in_flight[each] > 1]

    def _leave(self, attempt: Attempt) -> None:
        with self._lock:
            self._in_flight.subtract(attempt.subjects)

    def _poisoned(self, attempt: Attempt) -> list[str]:
        return [event["id"] for event in attempt.events if event["id"] in self.poison]

    def _takes(self, attempt: Attempt) -> bool:
        return (
            self.answer is None
            and attempt.step in ("ok", "lost", "mid_body", "duplicate")
            and not self._poisoned(attempt)
        )

    def _answer_late(self, line: socket.socket, attempt: Attempt) -> bool:
        if attempt.step == "late":
            self._take(attempt)
        # The sender gives up while this sleeps, so that nothing is under way for it any more.
        self._leave(attempt)
        time.sleep(SLOW_SECONDS)
        if attempt.step == "slow":
            self._take(attempt)
        return self._send(line, 200, b"")

    def _answer(self, line: socket.socket, attempt: Attempt) -> bool:
        step = attempt.step
        if self.answer is not None:
            status, headers, content = self.answer
            return self._send(line, status, content, headers)
        if step == "reset":
            return self._reset(line)
        refusals: dict[str, tuple[int, dict[str, str]]] = {
            "500": (500, {}),
            "425": (425, {}),
            "503_seconds": (503, {"Retry-After": "2"}),
            "429_date": (429, {"Retry-After": formatdate(time.time() + 3, usegmt=True)}),
        }
        if step in refusals:
            status, headers = refusals[step]
            return self._send(line, status, b"try again", headers)
        bad = self._poisoned(attempt)
        if bad:
            return self._send(line, 422, f"cannot read {len(bad)} of them".encode())
        if step == "lost":
            return self._reset(line)
        if step == "mid_body":
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            return self._reset(line)
        return self._send(line, 409 if step == "duplicate" else 200, b"{}")

    def _take(self, attempt: Attempt) -> None:
        with self._lock:
            for event in attempt.events:
                first = self.applied.setdefault(event["id"], event)
                if first != event:
                    self.problems.append(f"{event['id']} came with another content")

    def _check(self, attempt: Attempt) -> None:
        """What every request must keep to, whatever becomes of it."""
        if len(attempt.body.encode()) >= 20_000:
            self.problems.append("20 kB or more")
        for secret in self.secrets:
            try:
                Verifier(secret).verify(attempt.body, attempt.headers)
            except Exception as error:
                self.problems.append(f"signature: {error}")
        ids = [event["id"] for event in attempt.events]
        if not attempt.body.startswith("[") and attempt.headers["webhook-id"] != ids[0]:
            self.problems.append("webhook-id is not the id of the event")
        if attempt.headers["idempotency-key"] != attempt.headers["webhook-id"]:
            self.problems.append("idempotency-key is another than webhook-id")

    def _send(self, line: socket.socket, status: int, content: bytes, headers: dict[str, str] | None = None) -> bool:
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(content)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        line.sendall(head.encode() + b"\r\n" + content)
        return True

    def _reset(self, line: socket.socket) -> bool:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


class Clock:
    """A clock that is moved by those who wait on it."""

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)


def event(number: int, subject: str, tenant_id: str = "acme", **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{number:064x}",
        "source": "dealhouse",
        "type": "masterdeal.stage.changed",
        "subject": subject,
        "time": f"2026-03-01T00:{number // 60:02}:{number % 60:02}Z",
        "tenantid": tenant_id,
        "datacontenttype": "application/json",
        "data": {"deal_id": subject, "to_stage": "briefed", **data},
    }


def ids(events: Iterable[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in events]
