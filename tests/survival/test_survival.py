"""The survival macros give what lifelines gives, and what the definitions give on paper.

The macros are rendered by Jinja alone: they call no adapter, so that no project has to be compiled. Where models use
them is tested with the models.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter

from tests.laws.compiled import Row
from warehouse.settings import PROJECT_DIR

Subject = tuple[str, float, str]
"""Group, duration, and what ended it: event, competing or censored."""
CODES = {"censored": 0, "event": 1, "competing": 2}


def render(call: str) -> str:
    macros = [(PROJECT_DIR / "macros" / f"{name}.sql").read_text() for name in ("numbers", "survival")]
    return jinja2.Environment(autoescape=False).from_string("".join(macros) + call).render()


CURVE = render("with {{ survival_curve('curve', 'spell', ['team'], 'duration', 'outcome') }} ")


def connection(subjects: Sequence[Subject]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create table spell (team varchar, duration double, outcome varchar)")
    con.executemany("insert into spell values (?, ?, ?)", [list(subject) for subject in subjects])
    return con


def curve(subjects: Sequence[Subject]) -> list[Row]:
    cursor = connection(subjects).execute(CURVE + "select * from curve order by team, duration")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_off(macro: str, subjects: Sequence[Subject], within: float) -> float | None:
    sql = render("{{ " + macro + "('curve', 'asked.within') }}")
    row = (
        connection(subjects)
        .execute(
            f"{CURVE} select {sql} from curve cross join (select {within}::double as within) as asked "
            "group by asked.within"
        )
        .fetchone()
    )
    assert row is not None
    value: float | None = row[0]
    return value


PAPER: list[Subject] = [
    ("a", 1, "event"),
    ("a", 2, "competing"),
    ("a", 2, "event"),
    ("a", 3, "censored"),
    ("a", 4, "event"),
]
"""Of five: S = 4/5, then 4/5 × 3/4 = 3/5 (the other leaves unseen), then 0 of one. Undecided: 4/5, 2/5, 2/5, 0.
Incidence: 1/5, + 4/5 × 1/4 = 2/5, the same, + 2/5 × 1/1 = 4/5."""


def test_five_subjects_on_paper() -> None:
    found = curve(PAPER)
    assert [row["at_risk_count"] for row in found] == [5, 4, 2, 1]
    assert [row["kaplan_meier"] for row in found] == pytest.approx([0.8, 0.6, 0.6, 0])
    assert [row["undecided"] for row in found] == pytest.approx([0.8, 0.4, 0.4, 0])
    assert [row["aalen_johansen"] for row in found] == pytest.approx([0.2, 0.4, 0.4, 0.8])


@pytest.mark.parametrize(
    ("within", "incidence", "survival"),
    [(0.5, 0, 1), (1, 0.2, 0.8), (2.5, 0.4, 0.6), (4, 0.8, 0), (100, 0.8, 0)],
    ids=["before the first", "at the first", "between two", "at the last", "after all are decided"],
)
def test_values_are_read_off_the_curve(within: float, incidence: float, survival: float) -> None:
    assert read_off("incidence_within", PAPER, within) == pytest.approx(incidence)
    assert read_off("survival_beyond", PAPER, within) == pytest.approx(survival)


def test_nothing_is_said_beyond_the_last_observation() -> None:
    watched: list[Subject] = [("a", 1, "event"), ("a", 3, "censored")]
    assert read_off("incidence_within", watched, 3) == pytest.approx(0.5)
    assert read_off("incidence_within", watched, 3.1) is None
    assert read_off("survival_beyond", watched, 3.1) is None


def test_what_competes_is_never_reached() -> None:
    """All are decided, though not by the event: half of them never have it."""
    decided: list[Subject] = [("a", 1, "event"), ("a", 2, "competing")]
    assert read_off("incidence_within", decided, 9) == pytest.approx(0.5)


def samples(seed: int, n: int, digits: int) -> list[Subject]:
    rng = np.random.default_rng(seed)
    durations = np.round(rng.exponential(10, n), digits)
    outcomes = rng.choice(["event", "competing", "censored"], n, p=[0.5, 0.2, 0.3])
    teams = rng.choice(["a", "b"], n)
    return [(str(t), float(d), str(o)) for t, d, o in zip(teams, durations, outcomes, strict=True)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [0, 6], ids=["many ties", "no ties"])
def test_kaplan_meier_equals_lifelines(seed: int, digits: int) -> None:
    subjects = samples(seed, 300, digits)
    rows = curve(subjects)
    for team in ("a", "b"):
        own = [subject for subject in subjects if subject[0] == team]
        fitted = KaplanMeierFitter().fit([s[1] for s in own], [s[2] == "event" for s in own])
        mine = [row for row in rows if row["team"] == team]
        expected = fitted.survival_function_at_times([row["duration"] for row in mine]).to_numpy()
        np.testing.assert_allclose([row["kaplan_meier"] for row in mine], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_aalen_johansen_equals_lifelines(seed: int) -> None:
    """Durations are unique: lifelines shifts equal ones at random, which the next test does not."""
    subjects = samples(seed, 300, 12)
    rows = curve(subjects)
    for team in ("a", "b"):
        own = [subject for subject in subjects if subject[0] == team]
        fitter = AalenJohansenFitter(calculate_variance=False)
        fitted: Any = fitter.fit([s[1] for s in own], [CODES[s[2]] for s in own], event_of_interest=1)
        expected = fitted.cumulative_density_.iloc[:, 0]
        mine = [row for row in rows if row["team"] == team]
        np.testing.assert_allclose(
            [row["aalen_johansen"] for row in mine],
            expected.loc[[row["duration"] for row in mine]].to_numpy(),
            rtol=0,
            atol=1e-12,
        )


def by_definition(subjects: Sequence[Subject]) -> list[tuple[float, float]]:
    """Kaplan–Meier and Aalen–Johansen at each duration, as the books have them."""
    found, survival, undecided, incidence = [], 1.0, 1.0, 0.0
    for duration in sorted({subject[1] for subject in subjects}):
        at_risk = sum(subject[1] >= duration for subject in subjects)
        here = [subject[2] for subject in subjects if subject[1] == duration]
        incidence += undecided * here.count("event") / at_risk
        survival *= 1 - here.count("event") / at_risk
        undecided *= 1 - (here.count("event") + here.count("competing")) / at_risk
        found.append((survival, incidence))
    return found


subject = st.tuples(st.just("a"), st.integers(0, 8).map(float), st.sampled_from(sorted(CODES)))


@given(st.lists(subject, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_equals_the_definition_with_ties(subjects: list[Subject]) -> None:
    rows = curve(subjects)
    np.testing.assert_allclose(
        [(row["kaplan_meier"], row["aalen_johansen"]) for row in rows], by_definition(subjects), rtol=0, atol=1e-12
    )
    assert all(left["aalen_johansen"] <= right["aalen_johansen"] for left, right in pairwise(rows))


@given(st.lists(subject, min_size=1, max_size=40), st.integers(0, 9).map(float))
@settings(max_examples=60, deadline=None)
def test_without_censoring_it_is_the_plain_share(subjects: list[Subject], within: float) -> None:
    """What a matured cohort must give: the share that got there within the time."""
    decided = [one for one in subjects if one[2] != "censored"]
    if decided:
        share = sum(one[1] <= within and one[2] == "event" for one in decided) / len(decided)
        assert read_off("incidence_within", decided, within) == pytest.approx(share, abs=1e-12)
