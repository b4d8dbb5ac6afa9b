"""Finds the rows that spoil a batch, in as few attempts as halving allows, and delivers the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from warehouse.writeback.destination import Outcome

MOST_REFUSED = 200
"""Bad rows of one batch that are looked for: where there are more, something else is wrong than these rows."""


class PoisonedError(Exception):
    """A batch was refused as a whole because of some row in it; nothing of it has any effect."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def isolate(count: int, attempt: Callable[[Sequence[int]], Sequence[Outcome]]) -> list[Outcome]:
    """Deliver rows 0 to `count` - 1 and tell one outcome for each.

    Parameters
    ----------
    count
        Number of rows.
    attempt
        Delivers the rows at these places, all or none; raises :class:`PoisonedError` where it was none.

    Notes
    -----
    One bad row among n costs at most ceil(log2 n) + 1 further attempts. After a half was refused, the other half waits;
    after it was accepted, the other is known to be the bad one and is halved without being tried. What waits is tried
    together, or, after the second bad row, in pieces as long as the rows between two bad ones were so far: what is left
    is not sent once more for each of them. The last refusal is always about the row that is left: all others of that
    attempt were accepted since. After :data:`MOST_REFUSED` bad rows these and the rest have failed, and are left to the
    next sync: rows that are not to blame must not stay away for good.
    """
    outcomes: list[Outcome | None] = [None] * count
    waiting: list[int] = list(range(count))
    bad: list[int] = []
    while waiting:
        done = sum(one is not None for one in outcomes)
        piece = len(waiting) if len(bad) < 2 else max(1, done // len(bad))
        suspects, waiting = waiting[:piece], waiting[piece:]
        problem = _try(suspects, attempt, outcomes)
        while problem is not None:
            if len(suspects) == 1:
                outcomes[suspects[0]] = Outcome("rejected", problem.code, problem.message[:500], problem.field)
                bad.append(suspects[0])
                if len(bad) == MOST_REFUSED:
                    why = f"not tried: {len(bad)} rows of the batch were refused; the last: {problem.message}"
                    given_up = [one or Outcome("failed", problem.code, why[:500], attempts=0) for one in outcomes]
                    for place in bad:
                        given_up[place] = replace(given_up[place], status="failed")
                    return given_up
                break
            half = len(suspects) // 2
            refused = _try(suspects[:half], attempt, outcomes)
            if refused is None:
                suspects = suspects[half:]
            else:
                waiting += suspects[half:]
                suspects, problem = suspects[:half], refused
    return [one for one in outcomes if one is not None]


def _try(
    places: Sequence[int], attempt: Callable[[Sequence[int]], Sequence[Outcome]], outcomes: list[Outcome | None]
) -> PoisonedError | None:
    try:
        answers = attempt(places)
    except PoisonedError as refused:
        return refused
    for place, answer in zip(places, answers, strict=True):
        outcomes[place] = answer
    return None
