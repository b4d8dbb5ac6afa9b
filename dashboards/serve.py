"""The server of the dashboards: Streamlit as an ASGI application, warmed up, compressed, and silent to the outside."""

import gc
import importlib
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit import config

from dashboards import registry, session, text
from dashboards.theme import streamlit_options
from warehouse.errors import DealhouseError
from warehouse.publish.reader import NothingPublishedError

log = logging.getLogger(__name__)
APP = Path(__file__).resolve().parent / "app.py"


def options(host: str, port: int) -> dict[str, Any]:
    """Options of Streamlit: nothing is sent to anybody, nothing watched, errors told by number alone."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        # Streamlit collects garbage of all generations after every run of a script, which costs more than the run.
        "runner.postScriptGC": False,
        "runner.magicEnabled": False,
        **streamlit_options(),
    }


def warm_up() -> None:
    """Import what pages import, and open the published file, before the first visitor does."""
    for name in ("duckdb", "pandas", "polars", "pyarrow", "dashboards.frame", "dashboards.parts", "dashboards.cases"):
        importlib.import_module(name)
    registry.pages()
    text.catalogue()
    try:
        session.hub().current()
    except (NothingPublishedError, DealhouseError):
        log.info("Nothing is published yet; pages will say so.")
    # What is here now stays: no collection has to look at it again.
    gc.collect()
    gc.freeze()


def on_script_error(error: Exception) -> bool:
    """Tell the user a number, and the log everything."""
    number = secrets.token_hex(3)
    log.error("A page failed (%s)", number, exc_info=error)
    language = str(st.session_state.get("lang") or "EN")
    st.error(text.say("state.page_failed", language, number=number), icon=":material/error:")
    return True


async def health(_: Request) -> JSONResponse:
    """Answer whether this process serves, and which version it shows."""
    try:
        version = (await anyio.to_thread.run_sync(session.hub().current)).publication.version
    except NothingPublishedError:
        version = None
    return JSONResponse({"status": "ok", "version": version})


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Warm up before the first request."""
    await anyio.to_thread.run_sync(warm_up)
    yield {}


def make_app(*, is_local: bool = False) -> st.App:
    """Make the ASGI application; ``uvicorn --factory dashboards.serve:make_app`` serves it too.

    Parameters
    ----------
    is_local
        Whether the caller has seen to it that others cannot reach it, or have no choice of roles.

    Raises
    ------
    UsageError
        If it is not, and everybody could choose any role.
    """
    # By App.run they are set once more, with the address; another server knows nothing of them.
    for name, value in options("127.0.0.1", 8501).items():
        config.set_option(name, value)
    if not is_local:
        session.need_a_lock("by another server")
    return st.App(
        APP,
        lifespan=lifespan,
        routes=[Route("/healthz", health)],
        middleware=[Middleware(GZipMiddleware, minimum_size=1_000)],
        on_script_error=on_script_error,
    )
