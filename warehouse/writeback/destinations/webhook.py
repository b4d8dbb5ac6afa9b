"""Events over HTTP: CloudEvents 1.0, signed as Standard Webhooks.

An event arrives at least once, under the same id however often it is sent, and in the order of its subject: nothing of
a subject is sent while something of it is under way, nor after something of it that could not be delivered. What is
sent, and when it is sent again, is decided by the sync.
"""

import hashlib
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from zlib import crc32

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse import __version__
from warehouse.clock import utc_now
from warehouse.errors import UsageError
from warehouse.settings import Home, Settings
from warehouse.writeback.destination import ACKNOWLEDGED, Capabilities, Destination, Outcome, Row
from warehouse.writeback.destinations._guard import GuardedTransport, Network
from warehouse.writeback.destinations._pace import Pace
from warehouse.writeback.destinations._post import LONGEST_BODY, Answer, Poster
from warehouse.writeback.destinations._signature import Signer

if TYPE_CHECKING:
    from warehouse.erasure.pending import Erased

CONTENT_TYPES = {
    "structured": "application/cloudevents+json; charset=utf-8",
    "batch": "application/cloudevents-batch+json; charset=utf-8",
}
GONE = "410"
GIVEN_UP_AFTER = 3
"""Requests in a row that failed with all their attempts, after which the receiver is left alone until the next sync."""


class WebhookSettings(BaseSettings):
    """Where events go. Environment variables carry the prefix ``DEALHOUSE_WEBHOOK_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_WEBHOOK_", env_file=".env", extra="ignore")

    url: SecretStr | None = Field(
        None, description="Address that events are posted to; secret, since many carry a token."
    )
    mode: Literal["structured", "batch"] = Field("structured", description="One event per request, or several.")
    tenant: str | None = Field(None, description="Tenant whose events it gets; those of all where unset.")
    event_types: list[str] = Field(default_factory=list, description="Types that are sent; all of them where empty.")
    secrets: list[SecretStr] = Field(
        default_factory=list, description="Secrets of the signature (whsec_…), the newest first; each of them signs."
    )
    secrets_file: Path | None = Field(
        None, description="File that holds them instead, one a line; read for every sync."
    )
    token: SecretStr | None = Field(None, description="Bearer token, for receivers that want one.")
    requests_per_second: float = Field(20.0, gt=0, description="Most requests per second, repetitions included.")
    parallel: int = Field(4, ge=1, le=64, description="Most requests at once; of one subject never more than one.")
    attempts: int = Field(6, ge=1, description="Most attempts at a request within one sync.")
    timeout_seconds: float = Field(20.0, gt=0, description="How long an answer is waited for.")
    patience_seconds: float = Field(60.0, ge=0, description="Longest wait that a receiver may ask for within a sync.")
    ca_file: Path | None = Field(None, description="Certificates of a private authority that signed the receiver's.")
    allowed_networks: list[str] = Field(
        default_factory=list, description="Networks that may be sent to although they are not public (10.1.2.0/24)."
    )


def configured(settings: Settings) -> Iterable[Destination]:
    """Return the webhook, where an address is set."""
    own = WebhookSettings()
    return [Webhook(own, settings.layout())] if own.url is not None else []


class Webhook(Destination):
    """One receiver of events.

    Parameters
    ----------
    clock, sleep
        The clock of pauses, which tests replace; signatures carry the wall clock.

    Raises
    ------
    UsageError
        If address, secrets or networks cannot be used.
    """

    name = "webhook"

    def __init__(
        self,
        own: WebhookSettings,
        home: Home,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        assert own.url is not None
        networks = _networks(own.allowed_networks)
        url = _checked(own.url.get_secret_value(), is_plain_allowed=bool(networks))
        self._own = own
        self._gone = home.outbox / f"{self.name}.gone"
        self._address_hash = hashlib.sha256(url.encode()).hexdigest()
        self.capabilities = Capabilities(
            objects=frozenset({"event"}),
            tenant_id=own.tenant,
            batch_rows=500,
            event_types=frozenset(own.event_types) or None,
        )
        # They write the address, and at their finest the headers, into the log; either may hold a secret.
        for noisy in ("httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        pace = Pace(own.requests_per_second, patience=own.patience_seconds, clock=clock, sleep=sleep)
        headers = {
            "user-agent": f"dealhouse/{__version__}",
            "content-type": CONTENT_TYPES[own.mode],
            "accept": "application/json",
        }
        if own.token:
            headers["authorization"] = f"Bearer {own.token.get_secret_value()}"
        limits = httpx.Limits(max_connections=own.parallel, max_keepalive_connections=own.parallel)
        trust = ssl.create_default_context(cafile=str(own.ca_file)) if own.ca_file else True
        client = httpx.Client(
            transport=GuardedTransport(networks, httpx.HTTPTransport(verify=trust, limits=limits, trust_env=False)),
            headers=headers,
            timeout=own.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )
        secrets = _secrets(own)
        hidden = [url, *(each.get_secret_value() for each in secrets)]
        hidden += [part for part in (urlsplit(url).path, urlsplit(url).query) if len(part) > 8]
        if own.token:
            hidden.append(own.token.get_secret_value())
        self._poster = Poster(client, url, Signer(secrets), pace, own.attempts, own.timeout_seconds, hidden, sleep)
        self._guard = threading.Lock()
        self._refused: Answer | None = None
        """Set once the receiver takes nothing at all: every further request of this sync is spared."""
        self._failures = 0
        self._held: set[tuple[str, str]] = set()
        """Subjects of which something could not be delivered; what follows may come in another batch of the sync."""

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Deliver events; see :class:`Destination`."""
        assert object_name in self.capabilities.objects
        rows = list(rows)
        if self._is_gone():
            why = "The receiver answered earlier that it is gone; set another address."
            return [Outcome("failed", GONE, why, attempts=0)] * len(rows)
        outcomes: list[Outcome] = [ACKNOWLEDGED] * len(rows)
        bodies = [json.dumps(row.payload, ensure_ascii=False, separators=(",", ":")) for row in rows]
        room = LONGEST_BODY - (2 if self._own.mode == "batch" else 0)
        fitting = []
        for number, body in enumerate(bodies):
            size = len(body.encode())
            if _subject(rows[number]) in self._held:
                outcomes[number] = WAITING
            elif size > room:
                outcomes[number] = Outcome(
                    "rejected", "413", f"The event has {size:,} bytes; webhooks carry {room:,} at most.", attempts=0
                )
            else:
                fitting.append(number)

        def carry(lane: list[int]) -> None:
            if self._own.mode == "batch":
                self._carry_batches(lane, rows, bodies, outcomes)
            else:
                self._carry_single(lane, rows, bodies, outcomes)

        with ThreadPoolExecutor(self._own.parallel, thread_name_prefix=self.name) as pool:
            list(pool.map(carry, self._lanes(fitting, rows)))
        self._held |= {_subject(row) for row, outcome in zip(rows, outcomes, strict=True) if outcome.status == "failed"}
        return outcomes

    def forget(self, erased: "Sequence[Erased]") -> list[Outcome]:
        """Tell the receiver, whichever types it takes otherwise: only it knows what it has kept."""
        own = [one for one in erased if self._own.tenant in (None, one.tenant_id)]
        rows = [Row(one.tenant_id, one.message_id, "insert", one.envelope(), None, one.message_id) for one in own]
        told = dict(zip((one.message_id for one in own), self.deliver("event", rows), strict=True))
        return [told.get(one.message_id, ACKNOWLEDGED) for one in erased]

    def close(self) -> None:
        """Let go of connections."""
        self._poster.close()

    def _lanes(self, numbers: list[int], rows: Sequence[Row]) -> list[list[int]]:
        """Split rows so that all of a subject are in one lane, in their order: lanes run side by side, rows do not."""
        lanes: dict[object, list[int]] = {}
        for number in numbers:
            subject = _subject(rows[number])
            is_batch = self._own.mode == "batch"
            lane = crc32("\n".join(subject).encode()) % self._own.parallel if is_batch else subject
            lanes.setdefault(lane, []).append(number)
        return list(lanes.values())

    def _carry_single(self, lane: list[int], rows: Sequence[Row], bodies: list[str], outcomes: list[Outcome]) -> None:
        is_open = True
        for number in lane:
            if not is_open:
                outcomes[number] = WAITING
                continue
            answer = self._post(rows[number].message_id, bodies[number])
            outcomes[number] = answer.outcome()
            is_open = answer.kind != "failed"

    def _carry_batches(self, lane: list[int], rows: Sequence[Row], bodies: list[str], outcomes: list[Outcome]) -> None:
        left = list(lane)
        most = LONGEST_BODY
        while left:
            batch = _fitting(left, bodies, most)
            answer = self._post_batch(batch, rows, bodies)
            if answer.kind == "rejected" and answer.code == "413" and len(batch) > 1:
                # No row is wrong with the receiver, but their number.
                most = sum(len(bodies[each].encode()) + 1 for each in batch) // 2
                continue
            if answer.kind == "rejected" and len(batch) > 1:
                done = batch[: self._up_to_the_bad_one(batch, rows, bodies, outcomes, answer)]
            else:
                done = batch
                for number in batch:
                    outcomes[number] = answer.outcome(rows[number].message_id)
            held = {_subject(rows[number]) for number in done if outcomes[number].status == "failed"}
            left = left[len(done) :]
            for number in left:
                if _subject(rows[number]) in held:
                    outcomes[number] = WAITING
            left = [number for number in left if _subject(rows[number]) not in held]

    def _up_to_the_bad_one(
        self, batch: list[int], rows: Sequence[Row], bodies: list[str], outcomes: list[Outcome], answer: Answer
    ) -> int:
        """Deliver a batch that was rejected up to and with its first bad row, and return how many rows that is.

        The rows before it are sent by halves: each request tells in which half the bad one is, so that it takes the
        binary logarithm of the batch, and the rows behind it go on together. Where the receiver fails in between, the
        rest of the batch is left for the next sync.
        """
        good, bad = 0, len(batch)
        while bad - good > 1:
            middle = (good + bad) // 2
            half = self._post_batch(batch[good:middle], rows, bodies)
            if half.kind == "rejected":
                bad, answer = middle, half
                continue
            for number in batch[good:middle]:
                outcomes[number] = half.outcome(rows[number].message_id)
            if half.kind == "failed":
                for number in batch[middle:]:
                    outcomes[number] = half.unsent().outcome()
                return len(batch)
            good = middle
        outcomes[batch[good]] = answer.outcome()
        return good + 1

    def _post_batch(self, batch: list[int], rows: Sequence[Row], bodies: list[str]) -> Answer:
        ids = "\n".join(rows[number].message_id for number in batch)
        message_id = rows[batch[0]].message_id if len(batch) == 1 else hashlib.sha256(ids.encode()).hexdigest()
        return self._post(message_id, "[" + ",".join(bodies[number] for number in batch) + "]")

    def _post(self, message_id: str, body: str) -> Answer:
        """Send a request, unless the receiver has shown that it takes none."""
        with self._guard:
            refused = self._refused
        if refused is not None:
            return refused.unsent()
        answer = self._poster.post(message_id, body)
        with self._guard:
            self._failures = self._failures + 1 if answer.kind == "failed" else 0
            if answer.is_of_the_receiver or self._failures >= GIVEN_UP_AFTER:
                self._refused = answer
        if answer.code == GONE:
            self._remember_gone()
        return answer

    def _is_gone(self) -> bool:
        """Whether this address, and not another that was set before, has said that it is gone."""
        try:
            return self._gone.read_text().split()[0] == self._address_hash
        except (OSError, IndexError):
            return False

    def _remember_gone(self) -> None:
        self._gone.parent.mkdir(parents=True, exist_ok=True)
        self._gone.write_text(f"{self._address_hash} {utc_now():%Y-%m-%dT%H:%M:%SZ}\n")


WAITING = Outcome("failed", "", "An earlier event of the same subject has not been delivered.", attempts=0)


def _subject(row: Row) -> tuple[str, str]:
    return row.tenant_id, str(row.payload.get("subject") or row.key)


def _fitting(numbers: list[int], bodies: list[str], most: int) -> list[int]:
    """Take the first rows whose bodies fit into one request; at least one."""
    taken: list[int] = []
    size = 2
    for number in numbers:
        size += len(bodies[number].encode()) + 1
        if taken and size > most:
            break
        taken.append(number)
    return taken


def _secrets(own: WebhookSettings) -> list[SecretStr]:
    if own.secrets_file is None:
        return own.secrets
    try:
        lines = own.secrets_file.read_text().split()
    except OSError as error:
        raise UsageError(
            "The secrets of the webhook cannot be read.",
            where=str(own.secrets_file),
            why=error.strerror or type(error).__name__,
            todo="Correct DEALHOUSE_WEBHOOK_SECRETS_FILE.",
        ) from None
    return [SecretStr(line) for line in lines]


def _networks(texts: Sequence[str]) -> list[Network]:
    try:
        return [ip_network(text) for text in texts]
    except ValueError as error:
        raise UsageError(
            "DEALHOUSE_WEBHOOK_ALLOWED_NETWORKS cannot be used.",
            why=str(error),
            todo="Write networks like 10.1.2.0/24.",
        ) from None


def _checked(url: str, *, is_plain_allowed: bool) -> str:
    parts = urlsplit(url)
    problem = ""
    if parts.scheme not in ("https", "http") or not parts.hostname:
        problem = "it is no http address"
    elif parts.username or parts.password:
        problem = "it holds a user or a password, which DEALHOUSE_WEBHOOK_TOKEN is for"
    elif parts.scheme == "http" and not is_plain_allowed:
        problem = "it is not https; http is for allowed networks alone"
    if problem:
        # The address itself is not shown: it may hold a secret.
        raise UsageError("DEALHOUSE_WEBHOOK_URL cannot be used.", why=problem, todo="Write it like https://host/path.")
    return url
