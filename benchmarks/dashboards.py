"""What a page costs: processor time of a run of each page, and of each of its queries, beside an empty Streamlit page.

Processor time, not the clock, since a run of a page is a few dozen milliseconds of it. Work files are not opened.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

RUNS = 7


def measure_pages(home: str) -> dict[str, Any]:
    """Processor milliseconds by page: of a warm run, of the slowest query without memory; and of an empty page."""
    os.environ["DEALHOUSE_HOME"] = home
    os.environ["DEALHOUSE_DASHBOARD_ROLE"] = "leadership"
    from streamlit.testing.v1 import AppTest

    from dashboards import registry, session
    from dashboards.snapshot import Snapshot

    asked: list[tuple[str, list[object]]] = []
    answer = Snapshot.answer

    def listening(snapshot: Snapshot, sql: str, values: Sequence[object]) -> Any:
        asked.append((sql, list(values)))
        return answer(snapshot, sql, values)

    Snapshot.answer = listening  # type: ignore[method-assign, assignment]
    empty = AppTest.from_string("import streamlit as st\nst.title('nothing')", default_timeout=120).run()
    result: dict[str, Any] = {"empty": _milliseconds(empty.run), "pages": {}}
    for page in registry.pages():
        app = AppTest.from_file(str(Path(registry.FOLDER).parent / "app.py"), default_timeout=120)
        app = app.switch_page(f"app_pages/{page.name}.py").run()
        asked.clear()
        took = _milliseconds(app.run)
        connection = session.hub().current().connection
        once = dict.fromkeys((sql, tuple(values)) for sql, values in asked)
        queries = [_milliseconds(partial(_ask, connection, sql, list(values))) for sql, values in once]
        result["pages"][page.name] = {
            "run": took,
            "queries": len(queries),
            "slowest_query": max(queries, default=0.0),
            "errors": len(app.exception) + len(app.error),
        }
    return result


def _ask(connection: Any, sql: str, values: list[object]) -> None:
    with connection.cursor() as cursor:
        cursor.sql(sql, params=values).to_arrow_table()


def _milliseconds(work: Callable[[], Any]) -> float:
    work()
    measured = []
    for _ in range(RUNS):
        before = time.process_time()
        work()
        measured.append((time.process_time() - before) * 1000)
    return statistics.median(measured)


def report(measured: dict[str, Any]) -> None:
    """Print a line per page."""
    empty = measured["empty"]
    print(f"an empty page: {empty:.1f} ms of processor time per run, in the test runner of Streamlit")
    for name, one in measured["pages"].items():
        print(
            f"{name:<12} {one['run']:6.1f} ms per warm run (target 60), {one['run'] / empty:4.1f} times empty; "
            f"{one['queries']:2d} queries, the slowest {one['slowest_query']:5.1f} ms (target 25), "
            f"{one['errors']} errors"
        )
