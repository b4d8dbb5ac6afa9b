"""Puts the events of many requests on disk with one sync, in a thread of its own, and bounds what waits for it.

A commit takes what has come during the one before it: alone, a request waits for its own sync; under load, many share
one.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from warehouse.intake.door import Answer, Door, Parcel
from warehouse.intake.split import Candidate
from warehouse.serve.metrics import Metrics
from warehouse.serve.refusal import overloaded

_log = logging.getLogger(__name__)

_BYTES_AT_ONCE = 2 * 2**20
"""Bodies of about this size are committed together; what is parsed at once takes some ten times as much memory."""


@dataclass
class _Waiting:
    body: bytes
    split: Callable[[bytes], list[Candidate]]
    parcel: Parcel
    answers: "Future[list[Answer]]" = field(default_factory=Future)


class Budget:
    """How much is in hand: bodies that arrive, wait, or are worked on."""

    def __init__(self, most_bytes: int, most_requests: int, metrics: Metrics) -> None:
        self.most_bytes, self.most_requests = most_bytes, most_requests
        self._metrics = metrics
        self._bytes = self._requests = 0

    def enter(self) -> None:
        """Count a request in, or refuse it."""
        if self._requests >= self.most_requests:
            raise overloaded()
        self._requests += 1
        self._metrics.waiting_requests.set(self._requests)

    def reserve(self, size: int) -> None:
        """Count bytes in, or refuse them."""
        if self._bytes + size > self.most_bytes:
            raise overloaded()
        self._bytes += size
        self._metrics.waiting_bytes.set(self._bytes)

    def leave(self, size: int) -> None:
        """Count a request out, with its bytes."""
        self._bytes -= size
        self._requests -= 1
        self._metrics.waiting_bytes.set(self._bytes)
        self._metrics.waiting_requests.set(self._requests)


class Commits:
    """The thread that owns the door.

    Parameters
    ----------
    door
        Nobody else uses it.
    """

    def __init__(self, door: Door, metrics: Metrics) -> None:
        self._door, self._metrics = door, metrics
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="commits", daemon=True)
        self._thread.start()

    def submit(self, body: bytes, split: Callable[[bytes], list[Candidate]], parcel: Parcel) -> "Future[list[Answer]]":
        """Have a body taken apart and taken; the answers come when the events are on disk.

        The future raises :class:`warehouse.intake.split.UnreadableBodyError` or
        :class:`warehouse.intake.spool.SpoolFullError`.
        """
        waiting = _Waiting(body, split, parcel)
        self._queue.put(waiting)
        return waiting.answers

    def is_alive(self) -> bool:
        """Whether events can be taken."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish what waits, and end."""
        self._queue.put(None)
        self._thread.join()
        self._door.close()

    def _work(self) -> None:
        is_over = False
        while not is_over:
            group: list[_Waiting] = []
            size = 0
            first = self._queue.get()
            while first is not None:
                group.append(first)
                size += len(first.body)
                if size >= _BYTES_AT_ONCE:
                    break
                try:
                    first = self._queue.get_nowait()
                except queue.Empty:
                    break
            is_over = first is None
            self._commit(group)

    def _commit(self, group: list[_Waiting]) -> None:
        whole = []
        for waiting in group:
            if not waiting.answers.set_running_or_notify_cancel():
                continue
            try:
                waiting.parcel.candidates = waiting.split(waiting.body)
                whole.append(waiting)
            except Exception as error:
                waiting.answers.set_exception(error)
        try:
            self._take(whole)
        except Exception as error:
            if len(whole) == 1:
                whole[0].answers.set_exception(error)
                return
            # One of them may be more than the engine can bear; the others are not to suffer for it.
            _log.warning(
                "A commit of %d requests failed (%s); each is tried by itself.", len(whole), type(error).__name__
            )
            for waiting in whole:
                try:
                    self._take([waiting])
                except Exception as own:
                    waiting.answers.set_exception(own)

    def _take(self, group: list[_Waiting]) -> None:
        if not group:
            return
        started = time.perf_counter()
        answers = self._door.take([waiting.parcel for waiting in group])
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        self._metrics.commit_events.observe(sum(map(len, answers)))
        for waiting, given in zip(group, answers, strict=True):
            waiting.answers.set_result(given)
