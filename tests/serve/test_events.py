"""``POST /events`` on a real socket: what is taken, what is refused and why."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ingest.depot import event
from tests.serve.running import Running, running
from warehouse.pipeline import take_in
from warehouse.settings import Settings

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/x-ndjson"}
DEEP = json.loads("[" * 200 + "]" * 200)


def login(event_id: str, **changes: Any) -> dict[str, Any]:
    return event(event_id, source="app", type="app.login", data={"user_id": "u1"}, **changes)


def told(response: httpx.Response) -> list[tuple[str, str]]:
    return [(one["status"], one.get("reason", "")) for one in response.json()["events"]]


def test_one_event_a_list_and_lines(local: Running) -> None:
    with local.client() as client:
        for kind, content, count in [
            ("application/cloudevents+json", json.dumps(login("f1")), 1),
            ("application/json; charset=utf-8", json.dumps(login("f2"), indent=2), 1),
            ("application/cloudevents-batch+json", json.dumps([login("f3"), login("f4")]), 2),
            ("application/cloudevents-batch+json", "[]", 0),
            ("application/x-ndjson", "\n".join(json.dumps(login(one)) for one in ("f5", "f6")), 2),
        ]:
            response = client.post("/events", content=content, headers={"content-type": kind})
            assert response.status_code == 200, response.text
            assert response.json()["accepted"] == count
        again = client.post("/events", json=[login("f1"), login("f7"), login("f7"), login("f6")])
        assert told(again) == [("duplicate", ""), ("accepted", ""), ("duplicate", ""), ("duplicate", "")]
        assert [one["id"] for one in again.json()["events"]] == ["f1", "f7", "f7", "f6"]


def test_each_event_has_an_answer_of_its_own(local: Running) -> None:
    wrong = login("m2")
    wrong["data"] = {}
    with local.client() as client:
        mixed = client.post("/events", json=[login("m1"), wrong, 7, login("m3", time="yesterday")])
        assert mixed.status_code == 200
        assert told(mixed) == [
            ("accepted", ""),
            ("rejected", "missing_field"),
            ("rejected", "not_an_object"),
            ("rejected", "invalid_attribute"),
        ]
        assert "user_id" in mixed.json()["events"][1]["message"]
        alone = client.post("/events", json=wrong)
        assert alone.status_code == 422
        assert alone.json()["reason"] == "missing_field"
        lines = client.post("/events", content=b'{"id": 1\n' + json.dumps(login("m4")).encode(), headers=LINES)
        assert told(lines) == [("rejected", "malformed_json"), ("accepted", "")]


@pytest.mark.parametrize(
    ("content", "headers", "status", "reason"),
    [
        (b"", JSON, 400, "empty_body"),
        (b"{", JSON, 400, "malformed_json"),
        (b"\xff\xfe", JSON, 400, "not_utf8"),
        (b"[" * 50_000, JSON, 400, "nested_too_deeply"),
        (b'{"a":' * 20_000, JSON, 400, "nested_too_deeply"),
        (b"{}", {"content-type": "text/plain"}, 415, "wrong_content_type"),
        (b"{}", {}, 415, "wrong_content_type"),
        (b" " * 300_000, JSON, 413, "too_large"),
        (json.dumps(login("l1", subject="x" * 30_000)).encode(), JSON, 422, "too_large"),
        (json.dumps(login("l2") | {"data": {"user_id": DEEP}}).encode(), JSON, 422, "invalid_attribute"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_answered_with_a_reason(
    guarded: Running, content: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    with guarded.client("crm") as client:
        response = client.post("/events", content=content, headers=headers)
    assert (response.status_code, response.json()["reason"]) == (status, reason)
    assert len(response.json()["message"]) > 20


def test_a_body_without_a_length_is_bounded_too(guarded: Running) -> None:
    def endless() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    with guarded.client("crm") as client:
        response = client.post("/events", content=endless(), headers=JSON)
    assert response.status_code == 413


def test_who_is_not_known_is_not_let_in(guarded: Running) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic Y3JtOmNybQ=="}):
        response = httpx.post(f"{guarded.url}/events", json=login("w1"), headers=headers, trust_env=False)
        assert (response.status_code, response.json()["reason"]) == (401, "wrong_token")
        assert response.headers["www-authenticate"] == "Bearer"
    with guarded.client("reader") as client:
        response = client.post("/events", json=login("w1"))
        assert (response.status_code, response.json()["reason"]) == (403, "not_allowed")


def test_a_token_is_good_for_its_tenants_alone(guarded: Running) -> None:
    with guarded.client("crm") as client:
        response = client.post(
            "/events", json=[login("t1"), login("t2", tenantid="acme"), login("t3", tenantid="other")]
        )
        assert told(response) == [("accepted", ""), ("accepted", ""), ("rejected", "wrong_tenant")]
    with guarded.client("anywhere") as client:
        assert told(client.post("/events", json=[login("t4", tenantid="other")])) == [("accepted", "")]


def test_without_clients_other_names_of_this_machine_are_refused(local: Running) -> None:
    """A page of the web can have its name point here, but not send another one."""
    with local.client() as client:
        response = client.post("/events", json=login("n1"), headers={"host": "evil.example:80"})
    assert (response.status_code, response.json()["reason"]) == (403, "not_local")


def test_other_addresses_need_clients(tmp_path: Path) -> None:
    worker = Path(__file__).with_name("worker.py")
    code = "import runpy, sys; sys.argv = sys.argv[1:]; from warehouse.cli import serve, main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(worker), "--home", str(tmp_path), "serve", "--host", "0.0.0.0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "anybody who reaches it" in done.stderr


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """Bodies that have begun to arrive fill the server: one more is told to come again; they still come through."""
    content = json.dumps([login(f"b{number}") for number in range(200)]).encode()
    head = "POST /events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    begun = f"{head}content-length: {len(content)}\r\n\r\n".encode() + content[:100]
    with running(tmp_path, max_waiting_requests=4) as server, server.client() as client:
        slow = [socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0)) for _ in range(4)]
        for one in slow:
            one.sendall(begun)
        while (response := client.post("/events", json=login("b-last"))).status_code == 200:
            pass
        assert (response.status_code, response.json()["reason"]) == (429, "too_busy")
        assert int(response.headers["retry-after"]) > 0
        for one in slow[:3]:
            one.sendall(content[100:])
        assert [one.recv(100)[:12] for one in slow[:3]] == [b"HTTP/1.1 200"] * 3
        slow[3].close()
        while client.post("/events", json=login("b-last")).status_code != 200:
            pass
    (batch,) = take_in(Settings(home=tmp_path / "home"))
    assert (batch.accepted, batch.rejected) == (201, 0)


def test_more_bytes_than_may_wait_are_refused(tmp_path: Path) -> None:
    with running(tmp_path, max_waiting_bytes=2000) as server, server.client() as client:
        response = client.post("/events", json=[login(f"b{number}") for number in range(100)])
        assert (response.status_code, response.json()["reason"]) == (429, "too_busy")
        assert client.post("/events", json=login("small")).status_code == 200


def test_a_stop_answers_what_it_has_taken(tmp_path: Path) -> None:
    answers: list[tuple[str, str]] = []
    with running(tmp_path) as server:

        def send() -> None:
            with server.client() as client:
                for number in range(10_000):
                    try:
                        answers.extend(told(client.post("/events", json=[login(f"s{number}")])))
                    except httpx.TransportError:
                        return

        sender = threading.Thread(target=send)
        sender.start()
        while len(answers) < 5:
            pass
        assert server.stop() in (0, -15)
        sender.join()
    (batch,) = take_in(Settings(home=tmp_path / "home"))
    assert batch.accepted >= len(answers) >= 5
    assert batch.rejected == 0


def test_health_metrics_and_the_page_need_nothing_from_elsewhere(guarded: Running) -> None:
    with guarded.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/metrics").status_code == 401
        page = client.get("/docs")
        document = client.get("/openapi.json").json()
    assert "http" not in page.text.replace("https://github.com/cloudevents/spec", "")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert set(document["paths"]) == {
        "/events", "/health", "/metrics", "/crm/metrics/funnel", "/crm/metrics/cohorts", "/crm/metrics/attribution",
        "/crm/metrics/health", "/crm/leads/{lead_id}/score", "/crm/deals/{deal_id}",
    }  # fmt: skip
    with guarded.client("crm") as client:
        client.post("/events", json=login("h1"))
        text = client.get("/metrics").text
    assert 'dealhouse_events_total{client="crm",status="accepted"}' in text
    assert 'dealhouse_requests_total{route="/health",status="200"}' in text
