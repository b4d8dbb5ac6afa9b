"""The HTTP application: ``POST /events``, the read API, and what operators look at."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warehouse import __version__
from warehouse.contracts import envelope
from warehouse.contracts import get as contract_of
from warehouse.contracts.envelope import DEFAULT_TENANT
from warehouse.intake.door import Answer, Door, Parcel
from warehouse.intake.recent import Recent
from warehouse.intake.split import Candidate, UnreadableBodyError, split_json, split_lines
from warehouse.intake.spool import SpoolFullError
from warehouse.serve import crm, page
from warehouse.serve.clients import ANYBODY, READ, SEND, Client, Clients, expect_fresh
from warehouse.serve.commits import Budget, Commits
from warehouse.serve.metrics import Metrics
from warehouse.serve.published import Publication
from warehouse.serve.refusal import Refusal
from warehouse.serve.settings import ServeSettings
from warehouse.settings import Settings

JSON_TYPES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")
LINE_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["reason", "message"],
    "properties": {"reason": {"type": "string"}, "message": {"type": "string"}},
}
_MEANINGS = {
    400: "The request cannot be read.",
    401: "No token or signature that is known, or one that is stale.",
    403: "Not for this client.",
    404: "Not there.",
    405: "Not with this method.",
    408: "The body did not arrive in time.",
    409: "This signed request was taken before.",
    413: "The body is too long.",
    415: "Not a content type that is taken.",
    422: "Every event was rejected, or a parameter is wrong.",
    429: "Too much is waiting; try again after Retry-After.",
    503: "The disk is full or the answer took too long; try again after Retry-After.",
}


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"description": _MEANINGS[status], "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
        for status in statuses
    }


class Server:
    """All that a running server holds."""

    def __init__(self, settings: Settings, serve: ServeSettings, clients: Clients | None) -> None:
        self.serve, self.clients = serve, clients
        # What is longer than ingestion takes would be accepted here and end up in quarantine.
        longest = min(serve.max_event_bytes, settings.max_event_bytes)
        self.settings = settings.model_copy(update={"max_event_bytes": longest})
        self.home = settings.layout()
        self.metrics = Metrics()
        self.budget = Budget(serve.max_waiting_bytes, serve.max_waiting_requests, self.metrics)
        self.publication = Publication(self.home)
        self.commits: Commits | None = None

    def start(self) -> None:
        """Begin to take events."""
        self.commits = Commits(Door(self.home, self.settings, Recent(self.serve.recent_events)), self.metrics)

    def stop(self) -> None:
        """Answer what waits, and end."""
        if self.commits is not None:
            self.commits.stop()
        self.publication.close()

    def identify(self, request: Request, need: str) -> Client:
        """Who asks, by a bearer token; anybody on this machine where there are no clients.

        Raises
        ------
        Refusal
            If nobody that is known (401), or one who may not (403).
        """
        if self.clients is None:
            _expect_local(request)
            return ANYBODY
        client = self.clients.by_token(request.headers.get("authorization", ""))
        if client is None:
            raise Refusal(401, "wrong_token", "Send the header Authorization: Bearer … with a token that is known.")
        return _allowed(client, need)

    async def take(self, request: Request) -> tuple[Client, list[Answer]]:
        """Answers to the events of a request, once they are on disk."""
        split = _splitter(request)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.serve.max_body_bytes:
            raise self._too_large()
        is_signed = self.clients is not None and "webhook-signature" in request.headers
        client = None if is_signed else self.identify(request, SEND)
        if is_signed:
            expect_fresh(request.headers)  # before somebody unknown makes us read and hash a long body
        self.budget.enter()
        body = bytearray()
        signed: bytes | None = None
        try:
            try:
                async with asyncio.timeout(self.serve.body_seconds):
                    await self._read(request, body)
            except TimeoutError as error:
                raise Refusal(408, "too_slow", "The body did not arrive in time. Send it again.") from error
            content = bytes(body)
            if self.clients is not None and client is None:
                client, signed = self.clients.by_signature(request.headers, content)
                _allowed(client, SEND)
            assert client is not None
            assert self.commits is not None
            one = next(iter(client.tenants)) if client.tenants and len(client.tenants) == 1 else DEFAULT_TENANT
            parcel = Parcel([], client.tenants, one)
            answers = await asyncio.wrap_future(self.commits.submit(content, split, parcel))
        except BaseException as error:
            if signed is not None and self.clients is not None:
                self.clients.forget(signed)
            if isinstance(error, UnreadableBodyError):
                raise Refusal(400, error.reason, error.message) from error
            if isinstance(error, SpoolFullError):
                raise Refusal(503, "disk_full", f"{error.what} Send them again later.", 30) from error
            raise
        else:
            return client, answers
        finally:
            self.budget.leave(len(body))

    async def _read(self, request: Request, body: bytearray) -> None:
        async for chunk in request.stream():
            if len(body) + len(chunk) > self.serve.max_body_bytes:
                raise self._too_large()
            self.budget.reserve(len(chunk))
            body += chunk

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too_large", f"The body is longer than {self.serve.max_body_bytes:,} bytes. Send fewer events at once."
        )


def make_app(server: Server) -> FastAPI:
    """The application of a server."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        server.start()
        try:
            yield
        finally:
            await asyncio.to_thread(server.stop)

    app = FastAPI(
        title="Dealhouse", version=__version__, lifespan=life, docs_url=None, redoc_url=None,
        description="Takes events in, and answers from what is published. Every answer that is an error has a reason, "
        "for programs, and a message, for people.",
    )  # fmt: skip

    app.add_middleware(_Measured, metrics=server.metrics)
    _handle_errors(app)
    _add_events(app, server)
    _add_operations(app, server)
    app.include_router(
        crm.router(
            server.publication, lambda request: server.identify(request, READ), _responses(400, 401, 403, 404, 422, 503)
        )
    )
    return app


class _Measured:
    """Counts and times requests, and sets the headers that every answer has."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = "none"

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - started)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> Response:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return _json({"reason": error.reason, "message": error.message}, error.status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = str(first["loc"][-1])[:100]
        return _json({"reason": "invalid_parameter", "message": f"{name}: {first['msg']}."}, 422)

    @app.exception_handler(HTTPException)
    async def missing(_: Request, error: HTTPException) -> Response:
        reason = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "refused")
        message = _MEANINGS.get(error.status_code, "The request cannot be answered.")
        return _json({"reason": reason, "message": message}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return _json({"reason": "broken_off", "message": "The body broke off."}, 400)


def _add_events(app: FastAPI, server: Server) -> None:
    contract = contract_of("crm.deal.won")
    assert contract is not None
    example = envelope.example(contract)
    event = {
        "type": "object",
        "required": ["id", "source", "type", "time", "data"],
        "properties": {spec.name: spec.json_schema() for spec in envelope.ATTRIBUTES} | {"data": {"type": "object"}},
    }
    batch = {"type": "array", "items": event}
    contents: dict[str, Any] = {
        "application/json": {"schema": {"anyOf": [event, batch]}, "example": example},
        "application/cloudevents+json": {"schema": event, "example": example},
        "application/cloudevents-batch+json": {"schema": batch, "example": [example]},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": json.dumps(example)},
    }

    @app.post(
        "/events",
        tags=["events"],
        summary="Send one event or many",
        description="Answers each event, in order, once what is accepted is on disk: accepted, duplicate, or rejected "
        "with a reason. 422 where every one was rejected. Sending an event again, with its id, is harmless.",
        openapi_extra={"requestBody": {"required": True, "content": contents}},
        responses=_responses(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    )
    async def events(request: Request) -> Response:
        client, answers = await server.take(request)
        counts = Counter(answer.status for answer in answers)
        for status, count in counts.items():
            server.metrics.events.labels(client.name, status).inc(count)
        for reason, count in Counter(answer.reason for answer in answers if answer.reason).items():
            server.metrics.rejections.labels(reason).inc(count)
        said = {
            "accepted": counts["accepted"],
            "duplicate": counts["duplicate"],
            "rejected": counts["rejected"],
            "events": [_said(number, answer) for number, answer in enumerate(answers)],
        }
        if answers and counts["rejected"] == len(answers):
            return _json({"reason": answers[0].reason, "message": answers[0].message, **said}, 422)
        return _json(said)


def _said(number: int, answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"index": number, "id": answer.event_id, "source": answer.source, "status": answer.status}
    if answer.status == "rejected":
        said |= {"reason": answer.reason, "message": answer.message, "is_kept": answer.is_kept}
    return said


def _add_operations(app: FastAPI, server: Server) -> None:
    @app.get("/health", tags=["operations"], summary="Whether events are taken", responses=_responses(503))
    async def health() -> Response:
        if server.commits is None or not server.commits.is_alive():
            return _json({"reason": "stopped", "message": "No events are taken. Start the server again."}, 503)
        return _json({"status": "ok"})

    @app.get("/metrics", tags=["operations"], summary="For Prometheus", responses=_responses(401, 403))
    async def metrics(request: Request) -> Response:
        server.identify(request, READ)
        return Response(server.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        policy = {"Content-Security-Policy": page.SECURITY_POLICY}
        return Response(page.html(app.openapi()), media_type="text/html", headers=policy)


def _splitter(request: Request) -> Callable[[bytes], list[Candidate]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in JSON_TYPES:
        return split_json
    if kind in LINE_TYPES:
        return split_lines
    raise Refusal(415, "wrong_content_type", f"Send one of {', '.join((*JSON_TYPES, *LINE_TYPES))}.")


def _allowed(client: Client, need: str) -> Client:
    if need not in client.may:
        raise Refusal(403, "not_allowed", f"This client may not {need}.")
    return client


def _expect_local(request: Request) -> None:
    """Refuse a page of the web that reaches this machine under another name (DNS rebinding)."""
    host = request.headers.get("host", "")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name.lower() not in LOCAL_NAMES:
        raise Refusal(403, "not_local", "Without clients, this server answers to 127.0.0.1 and localhost alone.")


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(errors="replace"), status, headers, media_type="application/json")
