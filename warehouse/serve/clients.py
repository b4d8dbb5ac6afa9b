"""Who may send and read, for which tenants: by a bearer token, or by a signature of the body.

Clients stand in a TOML file that names where their secrets are (files or environment variables), never the secrets
themselves. A file that changes is read again, so that a secret is changed without a restart: old and new stand in it,
a line each, until all senders have the new one. Nothing here writes a secret anywhere.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import re
import threading
import time
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import UsageError
from warehouse.serve.refusal import Refusal

_log = logging.getLogger(__name__)

SEND, READ = "send", "read"
TOLERANCE_SECONDS = 300
"""How far the time of a signed request may be from ours (Standard Webhooks 1.0.0)."""

MOST_SIGNED_REQUESTS = 500_000
"""Signed requests that are remembered within that time, so that none is taken twice."""

_LEAST_TOKEN_CHARACTERS = 24
_SIGNING_PREFIX = "whsec_"
_LOOK_SECONDS = 1.0
_ANY = "*"
_KEYS = {"name", "tenants", "may", "token_file", "token_env", "signing_secret_file", "signing_secret_env"}


@dataclass(frozen=True)
class Client:
    """One who may come in.

    Parameters
    ----------
    name
        Its name in logs and metrics.
    tenants
        For which it speaks; None: any.
    may
        ``send`` events, ``read`` what is published.
    """

    name: str
    tenants: frozenset[str] | None
    may: frozenset[str] = frozenset({SEND, READ})

    def tenant(self, asked: str | None, default: str) -> str:
        """The tenant that a request is about.

        Raises
        ------
        Refusal
            If it asks for one that it does not speak for, or names none and speaks for several.
        """
        if asked is None:
            if self.tenants is None:
                return default
            if len(self.tenants) == 1:
                return next(iter(self.tenants))
            raise Refusal(400, "tenant_needed", "This client speaks for several tenants. Name one: ?tenant=…")
        if self.tenants is not None and asked not in self.tenants:
            raise Refusal(403, "wrong_tenant", "This client does not speak for that tenant.")
        return asked


ANYBODY = Client("local", None)
"""Who comes from this machine where no clients are configured."""


@dataclass(frozen=True)
class _Secrets:
    client: Client
    tokens: tuple[bytes, ...]
    """SHA-256 of each."""
    signing_keys: tuple[bytes, ...]


class Clients:
    """The clients of a TOML file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    UsageError
        If it, or a secret that it names, cannot be read or is not fit for use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen: dict[bytes, float] = {}
        self._state = self._look()
        self._secrets = _load(path)
        self._looked_at = time.monotonic()

    def by_token(self, authorization: str) -> Client | None:
        """The client that a header ``Authorization: Bearer …`` belongs to."""
        scheme, _, token = authorization.partition(" ")
        given = hashlib.sha256(token.strip().encode()).digest()
        found = None
        # All are compared, each in constant time: how long it takes tells nothing.
        for one in self._present():
            for known in one.tokens:
                if hmac.compare_digest(given, known):
                    found = one.client
        return found if scheme.lower() == "bearer" else None

    def by_signature(self, headers: Mapping[str, str], body: bytes, now: float | None = None) -> tuple[Client, bytes]:
        """The client that has signed a body by Standard Webhooks, and what identifies this very request.

        Raises
        ------
        Refusal
            If no signature is its own (401), its time is too far from ours (401), or the same request came before
            (409).
        """
        now = time.time() if now is None else now
        message_id, stamp, given = _signature(headers)
        signed = f"{message_id}.{stamp}.".encode() + body
        found = None
        for one in self._present():
            for key in one.signing_keys:
                right = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
                for signature in given:
                    # As texts: one signature has several spellings in base64.
                    if hmac.compare_digest(signature.encode(), right):
                        found = one.client
        if found is None:
            raise _unsigned("No signature is that of a client over webhook-id, webhook-timestamp and body.")
        expect_fresh(headers, now)
        request = hashlib.sha256(f"{found.name}\0{message_id}\0{stamp}".encode()).digest()
        self._remember(request, now, float(stamp) + TOLERANCE_SECONDS)
        return found, request

    def forget(self, request: bytes) -> None:
        """Let a signed request be sent again: nothing of it was taken."""
        with self._lock:
            self._seen.pop(request, None)

    def _remember(self, request: bytes, now: float, until: float) -> None:
        with self._lock:
            if request in self._seen:
                raise Refusal(
                    409, "replayed", "This signed request was taken before. Sign each attempt anew, with its own time."
                )
            if len(self._seen) >= MOST_SIGNED_REQUESTS:
                self._seen = {one: end for one, end in self._seen.items() if end >= now}
                if len(self._seen) >= MOST_SIGNED_REQUESTS:
                    raise Refusal(429, "too_busy", "Too many signed requests. Send more events in each.", 60)
            self._seen[request] = until

    def _present(self) -> list[_Secrets]:
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            with self._lock:
                self._looked_at = time.monotonic()
                state = self._look()
                if state != self._state:
                    self._state = state
                    try:
                        self._secrets = _load(self.path)
                    except UsageError as error:
                        _log.warning("The clients stay as they were: %s", error)
        return self._secrets

    def _look(self) -> list[tuple[str, int, int]]:
        """What the files look like from outside; one that is missing looks like none."""
        files = [self.path]
        with suppress(UsageError):
            files += [file for entry in _entries(self.path) for file in _secret_files(self.path, entry)]
        states = []
        for file in files:
            try:
                status = file.stat()
            except OSError:
                continue
            states.append((str(file), status.st_mtime_ns, status.st_size))
        return states


def expect_fresh(headers: Mapping[str, str], now: float | None = None) -> None:
    """Look at the headers of a signed request alone, for which its body is not needed.

    Raises
    ------
    Refusal
        If they are incomplete, or their time is too far from ours (401).
    """
    _, stamp, _ = _signature(headers)
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
        raise Refusal(
            401, "stale_signature",
            f"The request was signed more than {TOLERANCE_SECONDS} seconds from now. Sign each attempt anew, and "
            "check the clock.",
        )  # fmt: skip


def _signature(headers: Mapping[str, str]) -> tuple[str, str, list[str]]:
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split(" ")
    if not message_id or not re.fullmatch("[0-9]{1,12}", stamp) or len(given) > 20:
        raise _unsigned("The headers webhook-id, webhook-timestamp and webhook-signature must be there.")
    return message_id, stamp, given


def _unsigned(message: str) -> Refusal:
    return Refusal(401, "wrong_signature", message)


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            entries = tomllib.load(file).get("client", [])
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is no TOML: {error}"
        raise UsageError("The clients could not be read.", where=str(path), why=str(why)) from error
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise UsageError("The file names no client.", where=str(path), todo="Give each a [[client]] of its own.")
    return entries


def _secret_files(path: Path, entry: Mapping[str, Any]) -> list[Path]:
    return [path.parent / str(entry[key]) for key in ("token_file", "signing_secret_file") if key in entry]


def _load(path: Path) -> list[_Secrets]:
    found = [_one(path, entry) for entry in _entries(path)]
    names = [one.client.name for one in found]
    if len(set(names)) < len(names):
        raise UsageError("Two clients have one name.", where=str(path), todo="Give each a name of its own.")
    return found


def _one(path: Path, entry: Mapping[str, Any]) -> _Secrets:
    name = str(entry.get("name", ""))
    where = f"{path}, client {name or '?'}"
    unknown = sorted(set(entry) - _KEYS)
    if unknown or not name:
        why = f"{', '.join(unknown)} is not known" if unknown else "it has no name"
        raise UsageError("A client could not be read.", where=where, why=why, todo=f"Keys are {', '.join(_KEYS)}.")
    tenants = entry.get("tenants")
    if not isinstance(tenants, list) or not tenants or not all(isinstance(one, str) and one for one in tenants):
        raise UsageError(
            "A client speaks for no tenant.", where=where, todo='Name them: tenants = ["acme"]; "*" is any.'
        )
    given = entry.get("may", [SEND, READ])
    is_listed = isinstance(given, list) and all(isinstance(one, str) for one in given)
    may = frozenset(given) if is_listed else frozenset()
    if not may or not may <= {SEND, READ}:
        raise UsageError("A client may do something unknown.", where=where, todo=f'may = ["{SEND}", "{READ}"]')
    tokens = [line.encode() for line in _secret(path, entry, "token", where)]
    if any(len(token) < _LEAST_TOKEN_CHARACTERS for token in tokens):
        raise UsageError(
            "A token is too short to be safe.", where=where,
            todo=f"Make one of {_LEAST_TOKEN_CHARACTERS} characters at least: openssl rand -hex 32",
        )  # fmt: skip
    keys = [_signing_key(line, where) for line in _secret(path, entry, "signing_secret", where)]
    if not tokens and not keys:
        raise UsageError("A client has no secret.", where=where, todo="Name a token_file or a signing_secret_file.")
    client = Client(name, None if _ANY in tenants else frozenset(tenants), may)
    return _Secrets(client, tuple(hashlib.sha256(token).digest() for token in tokens), tuple(keys))


def _secret(path: Path, entry: Mapping[str, Any], kind: str, where: str) -> list[str]:
    """Secrets of a kind, a line each; empty where none is named."""
    lines: Iterable[str] = []
    if f"{kind}_file" in entry:
        file = path.parent / str(entry[f"{kind}_file"])
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The {kind} could not be read.", where=f"{where}, {file}") from error
    elif f"{kind}_env" in entry:
        lines = os.environ.get(str(entry[f"{kind}_env"]), "").splitlines()
    else:
        return []
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise UsageError(f"The {kind} is empty.", where=where, todo="Write it there, one a line.")
    return found


def _signing_key(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_SIGNING_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_SIGNING_PREFIX) or not 24 <= len(key) <= 64:
        raise UsageError(
            "A signing secret is not fit for use.", where=where,
            why="Standard Webhooks asks for whsec_ and the base64 of 24 to 64 bytes.",
            todo='echo "whsec_$(openssl rand -base64 32)"',
        )  # fmt: skip
    return key
