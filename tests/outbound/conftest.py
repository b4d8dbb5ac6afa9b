"""Receivers and senders that speak over the loopback."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.outbound.receiver import Clock, Receiver
from warehouse.settings import Home
from warehouse.writeback.destination import Row
from warehouse.writeback.destinations.webhook import Webhook, WebhookSettings

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(secrets=(SECRET,)) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender(home: Home, clock: Clock) -> Callable[..., Webhook]:
    def make(url: str, **own: Any) -> Webhook:
        return webhook(url, home, clock, **own)

    return make


def webhook(url: str, home: Home, clock: Clock, **own: Any) -> Webhook:
    """A sender whose waits cost no time."""
    values: dict[str, Any] = {
        "secrets": [SecretStr(SECRET)],
        "allowed_networks": ["127.0.0.0/8"],
        "timeout_seconds": 0.12,
        "requests_per_second": 1000.0,
        **own,
    }
    settings = WebhookSettings(_env_file=None, url=SecretStr(url), **values)
    return Webhook(settings, home, clock.now, clock.sleep)


def rows(events: list[dict[str, Any]]) -> list[Row]:
    return [
        Row(each["tenantid"], each["id"], "insert", each, None, each["id"])
        for each in sorted(events, key=lambda each: (each["subject"], each["time"]))
    ]
