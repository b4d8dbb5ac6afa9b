"""``dealhouse serve``: the HTTP server that takes events and answers from what is published."""

from pathlib import Path
from typing import Annotated

import typer

from warehouse.cli.app import app, out, settings
from warehouse.errors import DealhouseError, UsageError


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (also DEALHOUSE_SERVE_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one (also DEALHOUSE_SERVE_PORT).")
    ] = None,
    clients: Annotated[
        Path | None,
        typer.Option(help="Who may send and read, a TOML file, see docs/collector.md (also DEALHOUSE_SERVE_CLIENTS)."),
    ] = None,
) -> None:
    """Take events by HTTP, and answer from what is published. The next run takes in what was accepted.

    Without clients it listens on 127.0.0.1 alone. The API is described at /docs.
    """
    import socket

    import uvicorn

    from warehouse.serve.app import LOCAL_NAMES, Server, make_app
    from warehouse.serve.clients import Clients
    from warehouse.serve.settings import ServeSettings

    given = {name: value for name, value in (("host", host), ("port", port), ("clients", clients)) if value is not None}
    serving = ServeSettings(**given)
    known = Clients(serving.clients) if serving.clients is not None else None
    if known is None and serving.host not in LOCAL_NAMES:
        raise UsageError(
            f"The server was not started on {serving.host}: anybody who reaches it could send and read.",
            todo="Name the clients that may, with --clients FILE (docs/collector.md), or listen on 127.0.0.1.",
        )
    server = Server(settings(), serving, known)
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((serving.host, serving.port))
    except OSError as error:
        raise DealhouseError(
            "The server could not be started.",
            where=f"{serving.host}:{serving.port}",
            why=error.strerror or str(error),
            todo="Choose another --port, or stop what listens there.",
        ) from error
    address = listening.getsockname()
    out.print(f"Listening on http://{serving.host}:{address[1]} (API: /docs). Home: {server.home.root}", soft_wrap=True)
    out.file.flush()
    config = uvicorn.Config(
        make_app(server), log_level="warning", access_log=False, server_header=False, timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])
