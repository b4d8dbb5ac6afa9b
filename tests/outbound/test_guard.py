"""Where a webhook may not go, however the address is written, and that it goes to the address that was judged."""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outbound import certificates
from tests.outbound.conftest import rows
from tests.outbound.receiver import Receiver, event
from warehouse.errors import UsageError
from warehouse.writeback.destination import ACKNOWLEDGED
from warehouse.writeback.destinations._guard import is_public

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_of_machines_and_private_networks_are_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_this_machine_is_connected_to(receiver, sender, host) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    outcomes = sender(f"https://{host}:{port}/hooks/crm", allowed_networks=[]).deliver(
        "event", rows([event(1, "d")] * 2)
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert "no public address" in outcomes[0].message
    assert receiver.connections == 0


def test_another_network_that_is_allowed_allows_no_more_than_itself(receiver, sender) -> None:
    (outcome,) = sender(receiver.url, allowed_networks=["10.0.0.0/8", "::1/128"]).deliver(
        "event", rows([event(1, "d")])
    )
    assert outcome.status == "failed"
    assert receiver.connections == 0


@pytest.mark.parametrize(
    ("url", "networks", "why"),
    [
        ("http://crm.example/hook", [], "not https"),
        ("ftp://crm.example/hook", [], "no http address"),
        ("https:///hook", [], "no http address"),
        ("https://user:canary@crm.example/hook", [], "TOKEN"),
        ("https://crm.example/hook", ["10.0.0.1/8"], "ALLOWED_NETWORKS"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_without_being_repeated(sender, url, networks, why) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        sender(url, allowed_networks=networks)
    assert "canary" not in str(caught.value)
    assert "/hook" not in str(caught.value)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the name crm.example have these addresses, another list at each look-up; return what is asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host, port, *args, **kwargs):
        if host != "crm.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        chosen = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in chosen]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def test_a_name_with_one_private_address_among_public_ones_is_refused(receiver, sender, monkeypatch) -> None:
    resolving(monkeypatch, ["1.1.1.1", "169.254.169.254"])
    (outcome,) = sender("https://crm.example/hook", allowed_networks=[]).deliver("event", rows([event(1, "d")]))
    assert "169.254.169.254" in outcome.message


def test_the_connection_goes_to_the_address_that_was_judged(sender, monkeypatch, receiver) -> None:
    """A second look-up would be answered with an address that nobody judged."""
    asked = resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    url = receiver.url.replace("127.0.0.1", "crm.example")
    assert sender(url).deliver("event", rows([event(1, "d")])) == [ACKNOWLEDGED]
    assert asked == ["crm.example"]
    assert receiver.attempts[0].headers["host"] == url.split("/")[2]


def test_where_one_address_does_not_answer_the_next_is_tried(sender, monkeypatch, receiver) -> None:
    """Nobody listens at 127.0.0.2."""
    resolving(monkeypatch, ["127.0.0.2", "127.0.0.2", "127.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "crm.example")
    assert sender(url, attempts=1).deliver("event", rows([event(1, "d")])) == [ACKNOWLEDGED]
    assert receiver.attempts[0].headers["host"] == url.split("/")[2]


class SecureReceiver(Receiver):
    """The same behind TLS."""

    context: ssl.SSLContext

    def _serve(self, line: socket.socket) -> None:
        try:
            super()._serve(self.context.wrap_socket(line, server_side=True))
        except OSError:
            line.close()


@pytest.mark.parametrize(("name", "is_right"), [("crm.example", True), ("other.example", False)])
def test_the_certificate_has_to_be_that_of_the_name(
    sender: Callable, monkeypatch, tmp_path: Path, name: str, is_right: bool
) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    authority, server = certificates.make(tmp_path, name)
    SecureReceiver.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SecureReceiver.context.load_cert_chain(server)
    with SecureReceiver() as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://crm.example")
        (outcome,) = sender(url, ca_file=authority, attempts=1, timeout_seconds=5).deliver(
            "event", rows([event(1, "d")])
        )
        assert (outcome == ACKNOWLEDGED) == is_right
        assert len(receiver.attempts) == is_right
