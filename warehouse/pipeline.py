"""The steps of a run as plain functions: take in, build, publish.

Each step can be cut short at any instant and started again. When they run, and after what, is decided in
orchestration/; what they do is in the modules that they call.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from warehouse import dbt
from warehouse.build import Built, Clocks, build
from warehouse.erasure.pending import is_rebuild_marked, refuse_while_pending, unmark_rebuild
from warehouse.ingest import BatchResult, ingest_pending, rebuild
from warehouse.intake.spool import Spool
from warehouse.landing import Landing
from warehouse.lock import writer_lock
from warehouse.publish import Published, RunInfo, is_current, pointer, publish
from warehouse.recover import ensure_warehouse, is_corruption
from warehouse.settings import Settings
from warehouse.sources.postgres import pull_all
from warehouse.store import open_store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    batches: list[BatchResult]
    built: Built
    published: Published | None
    """None where the current publication already shows this build."""


def take_in(
    settings: Settings,
    paths: Sequence[Path] = (),
    mapping: Path | None = None,
    received_at: datetime | None = None,
    on_problem: Callable[[str], None] = _log.warning,
    on_known: Callable[[str], None] = _log.info,
) -> list[BatchResult]:
    """Land these files, and take in all that has landed.

    Where none are given: the inbox, what came in live, and what is new in the databases that are sources.

    The caller holds the writer lock. A work file that cannot be read is rebuilt from landing first, and so are all
    tables where a retention was cut off before they followed. `on_problem` is told, in words for the user, of files
    that were left in the inbox because they cannot be landed, and of copies in landing that its manifest has lost;
    `on_known` of files that had been taken in before, and as which batch.
    """
    home = settings.layout()
    refuse_while_pending(home, mends_tables=True)
    if is_rebuild_marked(home):
        _log.warning("All tables are built anew: a retention was cut off after it had taken rows out of landing.")
        publish_anew(settings, timedelta(0))
        unmark_rebuild(home)
    ensure_warehouse(home, settings)
    landing = Landing(home, settings)
    if paths:
        landed = landing.land_all(paths, mapping=mapping, received_at=received_at)
    else:
        Spool(home).close()
        landed = landing.land_inbox(received_at=received_at)
        landed += pull_all(landing, on_problem)
    for one in landed:
        if one.problem:
            on_problem(str(one))
        elif one.before is not None:
            on_known(str(one))
    for path in landing.unnamed():
        on_problem(f"{path} is kept, but not taken in: no line of landing's manifest names it. See dealhouse verify.")
    with open_store(home, settings) as con:
        return ingest_pending(con, home, settings)


def run_info(built: Built, clocks: Clocks) -> RunInfo:
    """What a publication says of the build that it shows."""
    return RunInfo(built.build_id, built.as_of, clocks.known_at, built.plan.batch_id)


def publish_build(settings: Settings, built: Built, clocks: Clocks) -> Published | None:
    """Publish a finished build, unless readers see it already."""
    home = settings.layout()
    run = run_info(built, clocks)
    return None if is_current(home, run) else publish(home, settings, run)


def run(
    settings: Settings,
    paths: Sequence[Path] = (),
    mapping: Path | None = None,
    clocks: Clocks | None = None,
    full_refresh: bool = False,
    received_at: datetime | None = None,
    on_node: dbt.OnNode | None = None,
) -> Outcome:
    """Do all of it, under the writer lock. Where the work file turns out to be damaged, rebuild it and do it again."""
    clocks = clocks or Clocks()
    home = settings.layout()
    with writer_lock(home, purpose="run", wait_seconds=settings.lock_wait_seconds):
        for attempt in (1, 2):
            try:
                batches = take_in(settings, paths, mapping, received_at)
                built = build(settings, clocks, full_refresh, on_node)
                return Outcome(batches, built, publish_build(settings, built, clocks))
            except Exception as error:
                if attempt == 2 or not is_corruption(error):
                    raise
            # Not before the error is gone: its traceback holds connections to the damaged file.
            ensure_warehouse(home, settings, rebuild=True)
    raise AssertionError


def publish_anew(settings: Settings, grace: timedelta) -> str:
    """Make the work file and the publication anew from landing, and remove all former ones; return the version.

    The caller holds the writer lock. `grace` is for how long a version stays that was current a moment ago.
    """
    home = settings.layout()
    ensure_warehouse(home, settings)
    rebuild(home, settings)
    built = build(settings, Clocks(), full_refresh=True)
    published = publish(home, settings, run_info(built, Clocks()))
    with pointer.swapping(home):
        pointer.retire(home, 1, grace)
        pointer.clean(home)
    return published.version
