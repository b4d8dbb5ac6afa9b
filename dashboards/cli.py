"""``dealhouse dashboards``: the pages, in a browser."""

import os
from typing import Annotated

import typer

from warehouse.cli.app import app, err, settings
from warehouse.errors import UsageError


@app.command()
def dashboards(
    host: Annotated[str, typer.Option(help="Address to listen on. Others can reach it only if you say so.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501,
    role: Annotated[str, typer.Option(help="Show the pages of this role alone. Default: each visitor chooses.")] = "",
) -> None:
    """Show the published file as pages: the business, its pipeline, customers, money, and the data itself.

    Pages read what was published; what people do there is taken in as events. They follow a new publication by
    themselves, and never stand in a run's way.
    """
    current = settings()
    os.environ["DEALHOUSE_HOME"] = str(current.layout().root)
    from dashboards.roles import load
    from dashboards.settings import DashboardSettings

    own = DashboardSettings()
    known = load(own.roles)
    if role and role not in known:
        raise UsageError(f"There is no role {role}.", todo=f"Choose one of: {', '.join(known)}.")
    if role:
        os.environ["DEALHOUSE_DASHBOARD_ROLE"] = role
    from dashboards.serve import make_app, options
    from dashboards.session import must_sign_in, need_a_lock
    from warehouse.serve.app import LOCAL_NAMES

    must_sign_in()  # a file of secrets that cannot be read is told here, not to the first visitor
    if host not in LOCAL_NAMES:
        need_a_lock(f"on {host}")
    err.print(f"Dashboards of {current.layout().root}: [bold]http://{host}:{port}[/bold] (stop with Ctrl-C)")
    make_app(is_local=True).run(config=options(host, port))
