"""How fast a receiver is spoken to: its rate, and how long to wait before the next attempt.

All attempts at one destination share one pace, first attempts and repetitions alike, so that a receiver that is in
trouble is not called more often for it.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx


class AskedToWaitError(Exception):
    """The receiver wants to be left alone for longer than is waited for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"it asked to be left alone for {seconds:.0f} seconds")


class Pace:
    """A token bucket: `rate` requests per second, `burst` of them at once after a pause of its own.

    A receiver's own pause (`Retry-After`) empties it: what waited then goes on at the rate, not all at once.

    Parameters
    ----------
    rate
        Requests per second; None is no limit.
    patience
        Seconds that a pause of the receiver is waited for at most.
    """

    def __init__(
        self,
        rate: float | None,
        burst: int = 1,
        patience: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._slack = self._interval * (burst - 1)
        self._patience, self._clock, self._sleep = patience, clock, sleep
        self._lock = threading.Lock()
        self._due = clock()
        self._paused_until = self._due

    def wait(self) -> None:
        """Wait for a turn.

        Raises
        ------
        AskedToWaitError
            If the receiver's pause is longer than the patience.
        """
        with self._lock:
            now = self._clock()
            if self._paused_until - now > self._patience:
                raise AskedToWaitError(self._paused_until - now)
            turn = max(self._due, now - self._slack, self._paused_until)
            self._due = turn + self._interval
        while (left := turn - self._clock()) > 0:
            self._sleep(left)

    def pause(self, seconds: float) -> None:
        """Let nothing go out for so long; a longer pause that was asked for before stays."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)
            self._due = max(self._due, self._paused_until)


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Seconds that the receiver asks to wait: a number, or a date, which is read by the receiver's own clock.

    None where it asks for nothing, or for what cannot be read.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        # Nobody waits for more than a day; a number of many digits is no reason to fail.
        return float(min(int(text[:9]), 86_400))
    until = _date(text)
    if until is None:
        return None
    said_now = _date(response.headers.get("date", "")) or now
    return min(max((until - said_now).total_seconds(), 0.0), 86_400.0)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
