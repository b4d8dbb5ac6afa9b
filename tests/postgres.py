"""A real PostgreSQL server for tests and benchmarks: started on a folder of its own, reached over a Unix socket."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from warehouse.settings import PROJECT_DIR

TABLES = PROJECT_DIR / "docs" / "postgres_destination.sql"
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
"""What tests leave out: nobody cuts the power of their server."""


def programs() -> Path | None:
    """Folder of initdb, postgres and pg_ctl; the newest where there are several."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    return next(
        (path for path in [*folders, *([Path(found).parent] if found else [])] if (path / "pg_ctl").exists()), None
    )


def _user() -> str | None:
    """Who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Run a server with these settings; yields a connection string without a database.

    Raises
    ------
    FileNotFoundError
        If PostgreSQL is not installed; ``tests.suite`` installs it where it may.
    """
    bin_dir, user = programs(), _user()
    if bin_dir is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    # Short, because the path of a socket has at most 107 characters; private folders of pytest are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="dh-pg-", dir="/tmp"))
    data = folder / "data"

    def run(*command: object) -> None:
        words = [*(["runuser", "-u", user, "--"] if user else []), *map(str, command)]
        subprocess.run(words, check=True, capture_output=True, cwd=folder)

    try:
        if user:
            shutil.chown(folder, user)
        run(bin_dir / "initdb", "-D", data, "-U", "crm", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = [f"unix_socket_directories={folder}", "listen_addresses=", "max_connections=30", *options]
        with (data / "postgresql.auto.conf").open("a") as sink:
            for name, _, value in (setting.partition("=") for setting in settings):
                sink.write(f"{name} = '{value}'\n")
        run(bin_dir / "pg_ctl", "-D", data, "-w", "-t", "120", "-l", folder / "log", "start")
        try:
            yield f"host={folder} user=crm"
        finally:
            run(bin_dir / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(dsn: str, name: str) -> Iterator[str]:
    """A new database with the tables of the destination; yields its connection string."""
    with psycopg.connect(f"{dsn} dbname=postgres", autocommit=True) as con:
        con.execute(f"create database {name}")
    own = f"{dsn} dbname={name}"
    try:
        with psycopg.connect(own, autocommit=True) as con:
            con.execute(TABLES.read_text())
        yield own
    finally:
        with psycopg.connect(f"{dsn} dbname=postgres", autocommit=True) as con:
            con.execute(f"drop database {name} with (force)")
