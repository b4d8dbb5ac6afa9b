"""Timers and business calendars by plain loops, the second opinion on fact_sla.

A calendar is laid out as its list of open intervals; elapsed time is the sum of the overlaps with them, and the
due time is found by walking them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.laws.brute_force import GATE_ROWS, Deal, World, moment
from tests.laws.compiled import Row, seed_rows

ZERO = timedelta(0)
HOUR = timedelta(hours=1)
REACH = 240
"""Days beyond the log for which calendars are laid out; longer than any target in closed time."""
SLA_SEEDS = ("sla_policy", "calendar", "calendar_window", "calendar_holiday")
Seeds = dict[str, list[Row]]


@dataclass(frozen=True)
class Calendar:
    """Open intervals in UTC, in order; None for one that never closes."""

    intervals: list[tuple[datetime, datetime]] | None

    def elapsed(self, start: datetime, stop: datetime) -> timedelta:
        """Open time between two instants."""
        if self.intervals is None:
            return stop - start
        return sum((max(min(stop, b) - max(start, a), ZERO) for a, b in self.intervals), ZERO)

    def due(self, start: datetime, open_time: timedelta) -> datetime:
        """First instant by which this much open time has passed since the start."""
        if self.intervals is None:
            return start + open_time
        if open_time == ZERO:
            # None is left: it was used up at the last instant that was open.
            return max(min(start, closes) for opens, closes in self.intervals if opens < start)
        for opens, closes in self.intervals:
            usable = max(closes - max(start, opens), ZERO)
            if usable >= open_time:
                return max(start, opens) + open_time
            open_time -= usable
        raise AssertionError("the calendar is laid out too short")


def calendar(name: str, seeds: Seeds, first: date, last: date) -> Calendar:
    """Lay a calendar out between two dates."""
    row = next(row for row in seeds["calendar"] if row["calendar"] == name)
    if row["is_always_open"] == "true":
        return Calendar(None)
    zone = ZoneInfo(row["time_zone"])
    holidays = {
        date.fromisoformat(holiday["holiday_date"])
        for holiday in seeds["calendar_holiday"]
        if holiday["calendar"] == name
    }

    def at(day: date, clock: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC).replace(tzinfo=None)

    intervals = []
    day = first
    while day <= last:
        for window in seeds["calendar_window"]:
            if window["calendar"] == name and int(window["iso_weekday"]) == day.isoweekday() and day not in holidays:
                next_day = window["closes"] <= window["opens"]
                intervals.append((at(day, window["opens"]), at(day + timedelta(days=int(next_day)), window["closes"])))
        day += timedelta(days=1)
    return Calendar(sorted(intervals))


@dataclass
class Run:
    """One run of a timer, from what started it to what ended it."""

    started_at: datetime
    stopped_at: datetime | None = None
    is_void: bool = False
    is_reopened: bool = False


FOREVER = datetime.max
Period = tuple[datetime, datetime]


def periods_of(deal: Deal, event_type: str) -> list[Period]:
    """While an event holds: a gate until it is taken back, anything else from its first time on."""
    gates = [row["gate"] for row in GATE_ROWS if row["event_type"] == event_type and row["is_gate"] == "true"]
    if not gates:
        times = [moment(event) for event in deal.events if event["type"] == event_type]
        return [(min(times), FOREVER)] if times else []
    changes = [change for change in deal.gate_changes if change.gate == gates[0]]
    ends = [*(change.at for change in changes[1:]), FOREVER]
    return [(change.at, end) for change, end in zip(changes, ends, strict=False) if change.value]


def runs_of(deal: Deal, policy: Row) -> list[Run]:
    """Runs of one timer on one deal: one from each start, and one from each time the stop was taken back."""
    runs: list[Run] = []
    stops = periods_of(deal, policy["stop_event"])
    for start, taken_back in periods_of(deal, policy["start_event"]):
        reopenings = [end for _, end in stops if start < end < taken_back]
        for begin in [start, *reopenings]:
            run = Run(begin, is_reopened=begin != start)
            ending = [max(at, begin) for at, end in stops if end > begin and at < taken_back]
            if ending:
                # A stop that came before its start took no time.
                run.stopped_at = min(ending)
            elif taken_back != FOREVER:
                run.stopped_at, run.is_void = taken_back, True
            runs.append(run)
    return runs


def end_with_the_deal(deal: Deal, runs: list[Run]) -> list[Run]:
    """Losing or cancelling voids the timers that run; what starts with a revocation or after it runs on."""
    if deal.status not in ("lost", "cancelled") or deal.closed_at is None:
        return runs
    for run in runs:
        if deal.status == "cancelled" and run.started_at >= deal.closed_at:
            continue
        if run.stopped_at is None or run.stopped_at > deal.closed_at:
            run.stopped_at, run.is_void = max(deal.closed_at, run.started_at), True
    return runs


def fact_sla(seen: World, seeds: Seeds | None = None) -> list[Row]:
    """Rows of fact_sla; `seeds` stand in for the project's own policies and calendars."""
    tables = {name: seed_rows(name) for name in SLA_SEEDS} | (seeds or {})
    moments = [moment(event) for deal in seen.deals for event in deal.events]
    rows: list[Row] = []
    if not moments:
        return rows
    first = min(moments).date() - timedelta(days=10)
    last = seen.as_of.date() + timedelta(days=REACH)
    for policy in tables["sla_policy"]:
        hours = calendar(policy["calendar"], tables, first, last)
        target = timedelta(hours=float(policy["target_hours"]))
        for deal in seen.deals:
            if deal.pipeline != policy["pipeline"] and not deal.has_gate_events:
                continue
            carried, crossed_at = ZERO, None
            for number, run in enumerate(end_with_the_deal(deal, runs_of(deal, policy)), 1):
                if not run.is_reopened:
                    carried, crossed_at = ZERO, None
                used = carried + hours.elapsed(run.started_at, run.stopped_at or seen.as_of)
                due_at = crossed_at or hours.due(run.started_at, target - carried)
                status = status_of(run, used, target)
                if used > target and crossed_at is None:
                    crossed_at = due_at
                is_breached = status in ("breached", "overdue")
                rows.append(
                    {
                        "tenant_id": deal.tenant_id,
                        "deal_id": deal.deal_id,
                        "sla": policy["sla"],
                        "run_number": number,
                        "started_at": run.started_at,
                        "stopped_at": run.stopped_at,
                        "target_hours": float(policy["target_hours"]),
                        "due_at": due_at,
                        "carried_hours": carried / HOUR,
                        "elapsed_hours": used / HOUR,
                        "status": status,
                        "is_breached": is_breached,
                        "breached_at": crossed_at if is_breached else None,
                        "owner_domain": policy["owner_domain"],
                    }
                )
                carried = used
    return rows


def status_of(run: Run, used: timedelta, target: timedelta) -> str:
    if run.is_void:
        return "void"
    if run.stopped_at is not None:
        return "met" if used <= target else "breached"
    if used > target:
        return "overdue"
    return "at_risk" if used > 0.8 * target else "running"
