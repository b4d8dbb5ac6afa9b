"""``dealhouse explain-change``: why a published number is another one than before."""

from __future__ import annotations

import csv
import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warehouse.cli.app import app, out, settings

if TYPE_CHECKING:
    from warehouse.explain import Change, ExplainedRow, Explanation
    from warehouse.explain.causes import CausingEvent


class ExplanationFormat(StrEnum):
    """How an explanation is written."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command("explain-change")
def explain_change(
    mart: Annotated[str, typer.Argument(help="A published table, such as marts.kpi or kpi.")],
    between: Annotated[
        tuple[str, str],
        typer.Option(
            help="The two states: a published version, current, previous, an instant (2026-03-31), an instant with "
            "what was known by another (2026-03-31@2026-04-05), or as the second: restated.",
            metavar="FIRST SECOND",
        ),
    ],
    form: Annotated[ExplanationFormat, typer.Option("--format", help="How to write it.")] = ExplanationFormat.table,
    limit: Annotated[int, typer.Option(min=1, help="Rows to explain; all are counted.")] = 20,
) -> None:
    """Show which rows of a table differ between two states, and the events that are behind each of them.

    Two published versions:  dealhouse explain-change kpi --between previous current

    Two dates:  dealhouse explain-change kpi --between 2026-03-01 2026-04-01

    As reported beside as restated:  dealhouse explain-change kpi --between 20260401T080000Z-000007 restated

    What was known of March a day later, and a week later:
    dealhouse explain-change kpi --between 2026-03-31@2026-04-01 2026-03-31@2026-04-07

    A state that is not a published version is rebuilt in a folder of its own; the warehouse and what is published
    stay as they are.
    """
    from warehouse.explain import explain_change as explain

    first, second = between
    explanation = explain(settings(), mart, first, second, limit)
    if form is ExplanationFormat.json:
        json.dump(as_json(explanation), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    elif form is ExplanationFormat.csv:
        write_csv(explanation)
    else:
        print_text(explanation)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Put the whole answer into values that JSON knows."""
    first, second = explanation.points
    return {
        "table": explanation.table,
        "grain": list(explanation.grain),
        "first": str(first),
        "second": str(second),
        "differing_rows": {kind: explanation.counts.get(kind, 0) for kind in ("appeared", "disappeared", "changed")},
        "events_seen_by_one_side_only": explanation.event_count,
        "columns_not_compared": list(explanation.not_compared),
        "rows": [_row_json(row) for row in explanation.rows],
    }


def _row_json(row: ExplainedRow) -> dict[str, Any]:
    return {
        **_change_json(row.change),
        "events": [_event_json(event) for event in row.cause.events],
        "event_count": row.cause.event_count,
        "rows_behind": [
            {
                "table": behind.table,
                **_change_json(behind.change),
                "events": [_event_json(event) for event in behind.events],
                "event_count": behind.event_count,
            }
            for behind in row.cause.upstream
        ],
        "rows_behind_count": row.cause.upstream_count,
        "note": row.note,
    }


def _change_json(change: Change) -> dict[str, Any]:
    from warehouse.explain.difference import changed_values
    from warehouse.publish.export import plain

    return {
        "change": change.kind,
        "key": plain(change.key),
        "values": {name: {"first": plain(old), "second": plain(new)} for name, old, new in changed_values(change)},
    }


def _event_json(event: CausingEvent) -> dict[str, Any]:
    from warehouse.publish.export import plain

    return {name: plain(value) for name, value in vars(event).items()}


def write_csv(explanation: Explanation) -> None:
    """Write a line for each value that differs; events are named by source and id."""
    from warehouse.explain.difference import changed_values
    from warehouse.publish.export import shown

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["change", *explanation.grain, "column", "first", "second", "events", "rows_behind", "note"])
    for row in explanation.rows:
        events = [f"{event.source}:{event.event_id}" for event in row.cause.events]
        events += [f"{event.source}:{event.event_id}" for behind in row.cause.upstream for event in behind.events]
        behind = [f"{one.table} {_key(one.change)}" for one in row.cause.upstream]
        for name, old, new in changed_values(row.change):
            key = [shown(value) for value in row.change.key.values()]
            causes = [" ".join(dict.fromkeys(events)), "; ".join(behind), row.note]
            writer.writerow([row.change.kind, *key, name, shown(old), shown(new), *causes])


def print_text(explanation: Explanation) -> None:
    """Print it for people, one row after the other."""
    first, second = explanation.points
    _say(f"{explanation.table}, compared along {', '.join(explanation.grain)}", style="bold")
    _say(f"  first:  {first}")
    _say(f"  second: {second}")
    if explanation.not_compared:
        _say(f"  not compared, since only one of the two has them: {', '.join(explanation.not_compared)}")
    if not explanation.total:
        events = f" ({explanation.event_count:,} events lie between them, none of which changed it)"
        _say("No row differs" + (events if explanation.event_count else "") + ".")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in explanation.counts.items())
    _say(f"Rows that differ: {explanation.total:,} ({kinds}).")
    _say(f"Events behind this table that only one of the two has seen: {explanation.event_count:,}.")
    for row in explanation.rows:
        _say("")
        _print_change(row.change, "")
        for event in row.cause.events:
            _print_event(event, "    ")
        _more(row.cause.event_count - len(row.cause.events), "event", "    ")
        for behind in row.cause.upstream:
            _print_change(behind.change, "    ", f"{behind.table} ")
            for event in behind.events:
                _print_event(event, "        ")
            _more(behind.event_count - len(behind.events), "event", "        ")
        _more(row.cause.upstream_count - len(row.cause.upstream), "row behind it", "    ")
        if row.note:
            _say(f"    because: {row.note}")
    hidden = explanation.total - len(explanation.rows)
    if hidden > 0:
        _say(f"\n{hidden:,} more {_plural('row', hidden)}; --limit shows them.")


def _print_change(change: Change, indent: str, table: str = "") -> None:
    from warehouse.explain.difference import CHANGED, changed_values
    from warehouse.publish.export import shown

    _say(f"{indent}{table}{change.kind}: {_key(change)}", style="" if table else "bold")
    if change.kind == CHANGED:
        for name, old, new in changed_values(change):
            _say(f"{indent}    {name}: {shown(old) or 'nothing'} → {shown(new) or 'nothing'}")
    else:
        sides = (change.before or change.after or {}).items()
        _say(f"{indent}    {', '.join(f'{name}={shown(value)}' for name, value in sides if value is not None)}")


def _print_event(event: CausingEvent, indent: str) -> None:
    told = ", ".join(f"{name}={value}" for name, value in event.fields.items())
    first = "" if event.seen_by == "second" else ", seen by the first alone"
    _say(f"{indent}because: {event.event_type} of {event.occurred_at:%Y-%m-%d %H:%M:%S} {event.why}{first}: {told}")
    received = f"received {event.received_at:%Y-%m-%d %H:%M:%S} in batch {event.batch_id}"
    _say(f"{indent}    {event.source}:{event.event_id}, {received}")


def _key(change: Change) -> str:
    from warehouse.publish.export import shown

    return ", ".join(f"{name}={shown(value)}" for name, value in change.key.items())


def _more(count: int, what: str, indent: str) -> None:
    if count > 0:
        _say(
            f"{indent}and {count:,} more {what if count == 1 else what.replace(what.split()[0], f'{what.split()[0]}s')}"
        )


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _say(text: str, style: str = "") -> None:
    out.print(text, style=style or None, markup=False, soft_wrap=True)
