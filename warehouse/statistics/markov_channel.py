"""What conversions would be lost without a channel: an absorbing Markov chain of the first order, solved exactly.

States are the channels, with ``(start)`` before the first touch, and ``(conversion)`` and ``(null)`` after the last.
Transitions are counted in SQL, over converting and other paths. With *N* the expected visits (the inverse of *I − Q*)
and *h* the chance to convert from a channel, removing channel *k* (whoever comes to it is lost) takes away
P(a path ever comes to *k*) · *h(k)* = *N(start, k)* ÷ *N(k, k)* · *h(k)*; the removal effect is that, as a share of the
chance to convert. One inverse serves all channels, and nothing is drawn at random.

How a touch is credited from this is in models/marts/attribution.sql.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

READS = ("marts.attribution_transition",)
COLUMNS = {
    "tenant_id": "string",
    "conversion_kind": "string",
    "channel": "string",
    "removal_effect": "double",
    "removal_share": "double",
    "conversion_probability": "double",
}
START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
TOLERANCE = 1e-9


def compute(tables: Mapping[str, "pl.DataFrame"]) -> "pl.DataFrame":
    """Removal effects of each channel, for each tenant and kind of conversion.

    Parameters
    ----------
    tables
        ``marts.attribution_transition``: counts of steps from one state to the next.

    Returns
    -------
    polars.DataFrame
        A row per tenant, kind and channel. Effects are 0 where nothing converts; shares are null there.

    Raises
    ------
    ArithmeticError
        If the chain does not convert as often as the paths it was counted from.
    """
    import polars as pl

    rows: list[tuple[str, str, str, float, float | None, float]] = []
    steps = tables["marts.attribution_transition"]
    for (tenant, kind), group in steps.group_by("tenant_id", "conversion_kind", maintain_order=True):
        counts = {
            (before, after): int(count)
            for before, after, count in group.select("from_channel", "to_channel", "transition_count").iter_rows()
        }
        probability, effects = removal_effects(counts)
        total = sum(effects.values())
        rows += [
            (str(tenant), str(kind), channel, effect, effect / total if total else None, probability)
            for channel, effect in effects.items()
        ]
    types = {"string": pl.String(), "double": pl.Float64()}
    return pl.DataFrame(rows, {name: types[kind] for name, kind in COLUMNS.items()}, orient="row")


def removal_effects(counts: Mapping[tuple[str, str], int]) -> tuple[float, dict[str, float]]:
    """Solve one chain.

    Parameters
    ----------
    counts
        Number of steps by (state, next state). Every path begins in ``(start)`` and ends in ``(conversion)`` or
        ``(null)``, so that the chain is always left.

    Returns
    -------
    tuple of float and dict
        The chance that a path converts, and the removal effect of each channel, sorted by its name.

    Raises
    ------
    ArithmeticError
        If that chance is not the share of paths that convert, as it is for any set of whole paths.

    Examples
    --------
    Of A > B > A > B > B > A, A > B > B > A > A and A > A, all converting, none converts without A, and half without B.

    >>> steps = {("A", "A"): 2, ("A", "B"): 3, ("B", "A"): 3, ("B", "B"): 2}
    >>> probability, effects = removal_effects(steps | {("(start)", "A"): 3, ("A", "(conversion)"): 3})
    >>> round(probability, 12), {channel: round(effect, 12) for channel, effect in effects.items()}
    (1.0, {'A': 1.0, 'B': 0.5})
    """
    import numpy as np

    channels = sorted({state for step in counts for state in step} - {START, CONVERSION, NULL})
    if not channels:
        return 0.0, {}
    place = {channel: number for number, channel in enumerate(channels)}
    started = np.zeros(len(channels))
    moved = np.zeros((len(channels), len(channels)))
    converted = np.zeros(len(channels))
    left = np.zeros(len(channels))
    lost = 0
    for (before, after), count in counts.items():
        if before == START:
            started[place[after]] += count
            continue
        left[place[before]] += count
        if after == CONVERSION:
            converted[place[before]] += count
        elif after == NULL:
            lost += count
        else:
            moved[place[before], place[after]] += count
    visits = np.linalg.inv(np.eye(len(channels)) - moved / left[:, None])
    chance = visits @ (converted / left)
    expected = started / started.sum() @ visits
    probability = float(started / started.sum() @ chance)
    share = float(converted.sum() / (converted.sum() + lost))
    if abs(probability - share) > TOLERANCE:
        raise ArithmeticError(f"the chain converts with {probability}, the paths it was counted from with {share}")
    if not share:
        return 0.0, dict.fromkeys(channels, 0.0)
    effects = expected / np.diag(visits) * chance / probability
    return probability, {channel: float(effect) for channel, effect in zip(channels, effects, strict=True)}
