"""Secrets are in no log, no answer and no file but their own."""

from pathlib import Path

from tests.serve.running import SIGNING, TOKENS, running
from tests.serve.test_events import login

CANARIES = [*TOKENS.values(), SIGNING, SIGNING.removeprefix("whsec_"), "canary-secret-of-the-signer"]


def test_no_secret_leaves_its_file(tmp_path: Path) -> None:
    answers = []
    with running(tmp_path, clients=True) as server:
        with server.client() as client:
            for name in TOKENS:
                known = {"authorization": f"Bearer {TOKENS[name]}"}
                nearly = {"authorization": f"Bearer {TOKENS[name]}x"}
                for headers in (known, nearly, {"authorization": f"Basic {TOKENS[name]}"}):
                    answers.append(client.post("/events", json=login(f"s-{name}"), headers=headers))
                    answers.append(
                        client.post("/events", content=b"{", headers=headers | {"content-type": "application/json"})
                    )
                    answers.append(client.get("/metrics", headers=headers))
                    answers.append(client.get("/crm/deals/d1", headers=headers))
            signing = {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": f"v1,{SIGNING}"}
            answers.append(client.post("/events", json=login("s"), headers=signing))
            answers += [client.get("/docs"), client.get("/openapi.json"), client.get("/nowhere")]
        # A secret that is broken while the server runs is complained about, without being told.
        (tmp_path / "secrets" / "signer.secret").write_text(SIGNING[:-1] + "!\n")
        with server.client("crm") as client:
            for _ in range(3):
                answers.append(client.post("/events", json=login("s2")))
    assert {response.status_code for response in answers} >= {200, 400, 401, 404}
    told = "".join(response.text + str(response.headers) for response in answers)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert any("collector" in path.parts for path in files)
    kept = b"".join(path.read_bytes() for path in files)
    for canary in CANARIES:
        assert canary not in told
        assert canary.encode() not in kept
