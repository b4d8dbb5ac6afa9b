"""Starts a server on a socket of this machine, and stops it, by a signal of choice."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from warehouse.settings import PROJECT_DIR

TOKENS = {
    "crm": "canary-token-of-the-crm-b3c1e7a0",
    "reader": "canary-token-of-the-reader-77d2f9",
    "anywhere": "canary-token-of-anywhere-5a90c1e2",
}
SIGNING = "whsec_Y2FuYXJ5LXNlY3JldC1vZi10aGUtc2lnbmVyLTEyMw=="
CLIENTS = """
[[client]]
name = "crm"
tenants = ["acme"]
token_file = "crm.token"

[[client]]
name = "reader"
tenants = ["acme", "other"]
may = ["read"]
token_env = "TOKEN_OF_THE_READER"

[[client]]
name = "anywhere"
tenants = ["*"]
token_file = "anywhere.token"

[[client]]
name = "signer"
tenants = ["acme"]
may = ["send"]
signing_secret_file = "signer.secret"
"""


def write_clients(folder: Path) -> Path:
    """The clients above, with their secrets beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crm.token").write_text(TOKENS["crm"] + "\n")
    (folder / "anywhere.token").write_text(TOKENS["anywhere"] + "\n")
    (folder / "signer.secret").write_text(SIGNING + "\n")
    path = folder / "clients.toml"
    path.write_text(CLIENTS)
    return path


class Running:
    """A server process."""

    def __init__(self, home: Path, log: Path, clients: Path | None, settings: Mapping[str, Any]) -> None:
        self.home, self.log = home, log
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "TOKEN_OF_THE_READER": TOKENS["reader"],
            **{f"DEALHOUSE_SERVE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), "--home", str(home), "serve"]
        command += ["--port", "0", *(["--clients", str(clients)] if clients else [])]
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=sink, text=True, env=environment, cwd=log.parent
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"Listening on (http://\S+)", line)
        assert found, (line, log.read_text())
        self.url = found.group(1)
        self._wait()

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {TOKENS[token]}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **options)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(how)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(60)

    def _wait(self) -> None:
        # The socket listens before the process serves: a connection waits.
        with self.client() as client:
            assert client.get("/health").json() == {"status": "ok"}


@contextmanager
def running(folder: Path, clients: bool = False, **settings: Any) -> Iterator[Running]:
    """A server on ``<folder>/home`` for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    path = write_clients(folder / "secrets") if clients else None
    server = Running(folder / "home", folder / "server.log", path, settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
