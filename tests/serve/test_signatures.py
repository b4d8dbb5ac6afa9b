"""Signed requests, by Standard Webhooks: the library of that name signs, the server judges."""

import base64
import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from tests.serve.running import SIGNING, TOKENS, Running, write_clients
from tests.serve.test_events import login, told
from warehouse.errors import UsageError
from warehouse.serve.clients import Clients, expect_fresh
from warehouse.serve.refusal import Refusal

JSON = {"content-type": "application/json"}
NEW = "whsec_" + base64.b64encode(b"another secret of 32 bytes, new!").decode()


def signed(message_id: str, body: bytes, at: datetime | None = None, secret: str = SIGNING) -> dict[str, str]:
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign(message_id, at, body.decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.replace(tzinfo=UTC).timestamp())),
        "webhook-signature": signature,
    }


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("TOKEN_OF_THE_READER", TOKENS["reader"])
    return Clients(write_clients(tmp_path))


def refusal(clients: Clients, headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(Refusal) as refused:
        clients.by_signature(headers, body)
    return refused.value.reason


def test_a_signed_request_is_taken_once(guarded: Running) -> None:
    body = json.dumps([login("signed-1"), login("signed-2", tenantid="other")]).encode()
    headers = signed("msg_1", body) | JSON
    with guarded.client() as client:
        first = client.post("/events", content=body, headers=headers)
        assert told(first) == [("accepted", ""), ("rejected", "wrong_tenant")]
        again = client.post("/events", content=body, headers=headers)
        assert (again.status_code, again.json()["reason"]) == (409, "replayed")
        other = client.post("/events", content=body + b" ", headers=headers)
        assert (other.status_code, other.json()["reason"]) == (401, "wrong_signature")
        late = signed("msg_2", body, datetime.now(UTC) - timedelta(seconds=301)) | JSON
        stale = client.post("/events", content=body, headers=late)
        assert (stale.status_code, stale.json()["reason"]) == (401, "stale_signature")


def test_what_was_not_taken_may_come_again(guarded: Running) -> None:
    """A body that no event could be read from has used nothing up."""
    headers = signed("msg_3", b"[") | JSON
    with guarded.client() as client:
        assert client.post("/events", content=b"[", headers=headers).status_code == 400
        assert client.post("/events", content=b"[", headers=headers).status_code == 400


def test_captured_requests_are_not_taken_again(clients: Clients) -> None:
    captured = [signed(f"msg_{number}", b"{}") for number in range(1000)]
    assert {clients.by_signature(headers, b"{}")[0].name for headers in captured} == {"signer"}
    assert {refusal(clients, headers, b"{}") for headers in captured} == {"replayed"}


def test_no_bit_of_a_request_can_be_changed(clients: Clients) -> None:
    """10,000 requests that differ in one bit of what is signed, of the signature, or of the headers."""
    rng = random.Random(1)
    body = json.dumps(login("mutated")).encode()
    right = signed("msg_mutated", body)
    for _ in range(10_000):
        part = rng.choice(["body", *right])
        changed = bytearray(body if part == "body" else right[part].encode())
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        if part == "body":
            assert refusal(clients, right, bytes(changed)) == "wrong_signature"
        else:
            headers = right | {part: changed.decode("latin-1")}
            assert refusal(clients, headers, body) in {"wrong_signature", "stale_signature"}
    assert clients.by_signature(right, body)[0].name == "signer"


def test_secrets_are_exchanged_without_a_restart(clients: Clients, tmp_path: Path) -> None:
    """Old alone, both, new alone: a sender that signs with both is never refused."""
    secret, token = tmp_path / "signer.secret", tmp_path / "crm.token"
    number = 0

    def both() -> dict[str, str]:
        nonlocal number
        number += 1
        at = datetime.now(UTC)
        old, new = signed(f"m{number}", b"", at), signed(f"m{number}", b"", at, NEW)
        return old | {"webhook-signature": f"v1a,ignored {old['webhook-signature']} {new['webhook-signature']}"}

    for text in (f"{SIGNING}\n", f"{SIGNING}\n{NEW}\n", f"{NEW}\n"):
        secret.write_text(text)
        until = time.monotonic() + 2.2
        while time.monotonic() < until:
            assert clients.by_signature(both(), b"")[0].name == "signer"
    assert refusal(clients, signed("old", b""), b"") == "wrong_signature"
    token.write_text("another token of the crm, new one\n")
    time.sleep(1.1)
    assert clients.by_token(f"Bearer {TOKENS['crm']}") is None
    found = clients.by_token("Bearer another token of the crm, new one")
    assert found is not None
    assert found.name == "crm"
    # A file that is broken while it is written changes nothing.
    token.write_text("short\n")
    time.sleep(1.1)
    assert clients.by_token("Bearer another token of the crm, new one") == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no client"),
        ("[[client]]", "has no name"),
        ('[[client]]\nname = "a"', "speaks for no tenant"),
        ('[[client]]\nname = "a"\ntenants = ["t"]', "has no secret"),
        ('[[client]]\nname = "a"\ntenants = ["t"]\ntoken = "written here, which is not safe"', "token is not known"),
        ('[[client]]\nname = "a"\ntenants = ["t"]\ntoken_file = "missing"', "could not be read"),
        ('[[client]]\nname = "a"\ntenants = ["t"]\ntoken_file = "short"', "too short"),
        ('[[client]]\nname = "a"\ntenants = ["t"]\nsigning_secret_file = "short"', "not fit for use"),
        ('[[client]]\nname = "a"\ntenants = ["t"]\nmay = ["delete"]\ntoken_file = "short"', "something unknown"),
        ("[[client", "no TOML"),
    ],
)
def test_a_file_of_clients_that_is_wrong_says_why(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "short").write_text("short-secret")
    path = tmp_path / "clients.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as wrong:
        Clients(path)
    assert why in str(wrong.value)
    assert "short-secret" not in str(wrong.value)


def test_headers_that_cannot_be_right_are_refused_without_the_body(clients: Clients) -> None:
    headers = signed("m-1", b"{}")
    expect_fresh(headers)
    stale = signed("m-1", b"{}", datetime.now(UTC) - timedelta(hours=1))
    for wrong in ({**headers, "webhook-timestamp": "soon"}, {**headers, "webhook-id": ""}, stale):
        with pytest.raises(Refusal) as refused:
            expect_fresh(wrong)
        assert refused.value.status == 401


@pytest.mark.parametrize("text", ["client = ['x']", '[[client]]\nname = "a"\ntenants = ["t"]\nmay = [["send"]]'])
def test_a_file_of_other_types_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clients.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        Clients(path)


def test_what_is_said_twice_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t" * 40)
    path = tmp_path / "clients.toml"
    path.write_text('[[client]]\nname = "a"\ntenants = ["t"]\nmay = ["send", "send"]\ntoken_file = "token"')
    client = Clients(path).by_token("Bearer " + "t" * 40)
    assert client is not None
    assert client.may == {"send"}
