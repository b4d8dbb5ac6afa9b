"""``dealhouse status``: what is published, what waits, who is writing, and whether there is room.

It opens no work file, so that it never stands in a run's way: what was taken in stands in the published file.
"""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from warehouse.cli.app import app, out, settings
from warehouse.clock import utc_now
from warehouse.settings import Home

LAST_BATCHES = 5


@app.command()
def status() -> None:
    """Show what is published, what waits, what was rejected, who is writing, and what is to be done."""
    home = settings().layout()
    table = Table(box=SIMPLE, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    parts: list[tuple[str, Callable[[Home], str]]] = [
        ("home", lambda home: str(home.root)),
        ("published", _published),
        ("as of", _as_of),
        ("waiting", _waiting),
        ("last batches", _batches),
        ("rejected", _rejected),
        ("writing now", _writer),
        ("disk", _disk),
        ("next", _next),
    ]
    for name, part in parts:
        try:
            text = part(home)
        except Exception as error:  # what can be told is told, whatever is the matter with the rest
            text = f"cannot be read: {error}"
        table.add_row(name, escape(text))
    out.print(table)


def _published(home: Home) -> str:
    from warehouse.publish import current, versions

    now = current(home)
    if now is None:
        return "nothing yet"
    age = utc_now() - now.published_at
    kept = len(versions(home))
    return (
        f"{now.version}, {_length(age)} ago: {len(now.rows)} tables, {sum(now.rows.values()):,} rows, "
        f"{now.bytes / 1e6:,.1f} MB ({kept} version{'' if kept == 1 else 's'} kept)"
    )


def _as_of(home: Home) -> str:
    from warehouse.publish import current

    now = current(home)
    if now is None or now.as_of is None:
        return "–"
    known = f", as known at {now.known_at:%Y-%m-%d %H:%M} UTC" if now.known_at else ""
    return f"{now.as_of:%Y-%m-%d %H:%M:%S} UTC{known}"


def _waiting(home: Home) -> str:
    from warehouse.intake.spool import Spool
    from warehouse.landing import waiting_files

    inbox = len(waiting_files(home))
    live = "events that came in live, " if Spool(home).open_file() is not None else ""
    return f"{inbox} file{'' if inbox == 1 else 's'} in the inbox, {live}{_unpublished(home)} landed and not published"


def _unpublished(home: Home) -> int:
    """Count what has landed since the batch that readers saw last."""
    from warehouse.landing import Landing
    from warehouse.publish import current

    now = current(home)
    last = (now.batch_id if now else None) or 0
    return sum(entry.seq > last for entry in Landing(home).entries())


def _batches(home: Home) -> str:
    from warehouse.publish import current, query

    if current(home) is None:
        return "–"
    rows = query(
        home,
        "select batch_id, file, rows, accepted, duplicate, rejected, received_at from meta.batch "
        "order by batch_id desc limit ?",
        [LAST_BATCHES],
    ).to_pylist()
    lines = [
        f"{row['batch_id']}: {row['file']}, {row['rows']:,} rows = {row['accepted']:,} accepted + "
        f"{row['duplicate']:,} duplicate + {row['rejected']:,} rejected, {row['received_at']:%Y-%m-%d %H:%M} UTC"
        for row in rows
    ]
    return "\n".join(lines) or "none"


def _rejected(home: Home) -> str:
    from warehouse.publish import current, query

    if current(home) is None:
        return "–"
    row = query(
        home, "select coalesce(sum(rejected), 0)::bigint as rejected, sum(rows)::bigint as rows from meta.batch"
    ).to_pylist()[0]
    if not row["rejected"]:
        return "no row"
    share = row["rejected"] / row["rows"]
    return f"{row['rejected']:,} of {row['rows']:,} rows ({share:.2%}); `dealhouse rejects` says why"


def _writer(home: Home) -> str:
    from warehouse.lock import holder

    return str(holder(home) or "nobody")


def _disk(home: Home) -> str:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    sizes = {
        "landing": _size(home.landing),
        "work file": _size(home.warehouse),
        "published": _size(home.published),
    }
    used = ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in sizes.items())
    return f"{used}; {free / 1e9:,.1f} GB free"


def _next(home: Home) -> str:
    from warehouse.landing import waiting_files
    from warehouse.lock import holder
    from warehouse.publish import current

    if holder(home) is not None:
        return "wait for the run to end; reading works meanwhile"
    if waiting_files(home) or _unpublished(home):
        return "`dealhouse run` takes in what waits, builds, and publishes"
    if current(home) is None:
        return (
            f"put event files into {home.inbox}, or make a sample with `dealhouse sample --out {home.inbox}`, "
            "then `dealhouse run`"
        )
    return "nothing: `dealhouse query 'show all tables'` shows what there is to read"


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file() and not each.is_symlink())


def _length(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"
