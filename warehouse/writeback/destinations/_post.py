"""One request to a receiver, repeated as etiquette allows, and what its answer means.

Which rows are in a request, and what becomes of those behind it, is decided in
:mod:`warehouse.writeback.destinations.webhook`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import httpx
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from warehouse.clock import utc_now
from warehouse.writeback.destination import ACKNOWLEDGED, Outcome
from warehouse.writeback.destinations._guard import RefusedAddressError
from warehouse.writeback.destinations._pace import AskedToWaitError, Pace, retry_after
from warehouse.writeback.destinations._signature import Signer

LONGEST_BODY = 19_999
"""Bytes of a request: Standard Webhooks asks for less than 20 kB."""

LONGEST_ANSWER = 256 * 1024
"""Bytes of an answer that are read."""

LONGEST_MESSAGE = 500
"""Characters of an answer that are kept."""

AGAIN = {408, 425, 429}
"""Of 4xx, what is sent again (RFC 9110, 8470, 6585); and all of 5xx."""

OF_THE_RECEIVER = {401, 403, 404, 405, 407, 410, 421}
"""Says that nothing at all is taken here from us: no row is to blame, and none is lost by it."""

KNOWN = {409}
"""The receiver has this id already."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0

REFUSED_ITEMS: Mapping[str, Literal["rejected", "failed"]] = {
    "rejected": "rejected",
    "invalid": "rejected",
    "error": "failed",
    "failed": "failed",
}
"""What an answer to a batch says of an event that was not taken."""


@dataclass(frozen=True)
class Answer:
    """What a receiver said to a request."""

    kind: Literal["taken", "rejected", "failed"]
    code: str = ""
    message: str = ""
    attempts: int = 1
    is_of_the_receiver: bool = False
    """Whether it speaks of all requests rather than of this one."""
    items: Mapping[str, Outcome] = field(default_factory=dict)
    """Of a batch that was taken: the events of it that were not, by id."""

    def outcome(self, message_id: str = "") -> Outcome:
        """What became of a row of the request."""
        if self.kind == "taken":
            if message_id in self.items:
                return replace(self.items[message_id], code=self.code, attempts=self.attempts)
            return ACKNOWLEDGED if self.attempts == 1 else replace(ACKNOWLEDGED, attempts=self.attempts)
        return Outcome(self.kind, self.code, self.message, attempts=self.attempts)

    def unsent(self) -> "Answer":
        """The same for a request that was not sent any more."""
        return replace(self, attempts=0, is_of_the_receiver=False)


class Poster:
    """Posts to one address.

    Parameters
    ----------
    attempts
        Most attempts at a request.
    timeout
        Seconds for an answer as a whole.
    hidden
        Secrets that must not be part of what is told of an answer.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        signer: Signer,
        pace: Pace,
        attempts: int,
        timeout: float,
        hidden: Sequence[str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._url, self._signer, self._pace = client, url, signer, pace
        self._attempts, self._timeout, self._sleep = attempts, timeout, sleep
        # The longest first: a token within the address would leave the rest of it standing.
        self._hidden = sorted((each for each in hidden if each), key=len, reverse=True)

    def post(self, message_id: str, body: str) -> Answer:
        """Send a request until it is answered for good, at most as often as is allowed."""
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            # Full jitter: anything from nothing to the bound, so that those who failed together do not return together.
            wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            retry=retry_if_result(lambda answer: answer.kind == "failed" and not _is_final(answer)),
            retry_error_callback=_last_answer,
            sleep=self._sleep,
        )
        number = 0

        def attempt() -> Answer:
            nonlocal number
            try:
                self._pace.wait()
            except AskedToWaitError as error:
                return Answer("failed", "429", f"The receiver is busy: {error}.", number, is_of_the_receiver=True)
            number += 1
            return replace(self._once(message_id, body), attempts=number)

        return retrying(attempt)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _once(self, message_id: str, body: str) -> Answer:
        headers = {"idempotency-key": message_id, **self._signer.headers(message_id, body, utc_now())}
        try:
            with self._client.stream("POST", self._url, content=body.encode(), headers=headers) as response:
                text = self._read(response)
        except RefusedAddressError as error:
            return Answer("failed", "", f"The address is refused: {error}.", is_of_the_receiver=True)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Answer("failed", "", self._words(f"{type(error).__name__}: {error}"))
        code = response.status_code
        pause = retry_after(response, utc_now()) if code == 429 or code >= 500 else None
        if pause is not None:
            self._pace.pause(pause)
        if response.is_success or code in KNOWN:
            return Answer("taken", str(code), items=self._items(text))
        message = self._words(text) or response.reason_phrase
        if response.is_redirect or code < 400:
            message = "It answered with a redirect, and these are not followed."
            return Answer("failed", str(code), message, is_of_the_receiver=True)
        if code in OF_THE_RECEIVER:
            return Answer("failed", str(code), message, is_of_the_receiver=True)
        return Answer("failed" if code >= 500 or code in AGAIN else "rejected", str(code), message)

    def _read(self, response: httpx.Response) -> str:
        """Read an answer, but no more of it, and for no longer, than is reasonable."""
        until = time.monotonic() + self._timeout
        content = b""
        for chunk in response.iter_bytes(16 * 1024):
            content += chunk
            if len(content) >= LONGEST_ANSWER:
                break
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer did not end in time", request=response.request)
        return content[:LONGEST_ANSWER].decode("utf-8", "replace")

    def _items(self, text: str) -> dict[str, Outcome]:
        """Events that were not taken although the request was, where the answer tells of each by its id.

        It may be a list, or an object with a list ``results``; an entry names the event by ``id`` or ``event_id``.
        """
        try:
            answer: Any = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        entries = answer.get("results") if isinstance(answer, dict) else answer
        items = {}
        for entry in entries if isinstance(entries, list) else ():
            status = REFUSED_ITEMS.get(str(entry.get("status", "")).lower()) if isinstance(entry, dict) else None
            if status is not None:
                words = ": ".join(str(entry[name]) for name in ("reason", "message") if entry.get(name))
                event_id = str(entry.get("id", entry.get("event_id", "")))
                items[event_id] = Outcome(status, message=self._words(words), field=str(entry.get("field") or "")[:200])
        return items

    def _words(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[hidden]")
        return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LONGEST_MESSAGE]


def _is_final(answer: Answer) -> bool:
    return answer.is_of_the_receiver


def _last_answer(state: RetryCallState) -> Answer:
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer
