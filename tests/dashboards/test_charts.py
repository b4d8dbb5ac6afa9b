"""Charts are functions: what is drawn where, in which words, with which colour."""

import json

import pytest

from dashboards import theme
from dashboards.charts.bars import MOST_SHARE, bars, bullets, funnel, whiskers
from dashboards.charts.base import scale
from dashboards.charts.flow import waterfall
from dashboards.charts.heat import heat
from dashboards.charts.lines import columns, lines

EVERY = [
    lambda t: lines(t, ["a", "b"], {"x": [1.0, None]}, target=2, target_label="goal", is_last_open=True, area=True),
    lambda t: columns(t, ["a", "b"], {"x": [1, 2], "y": [-3, None]}, kind="amount", currency="USD", line=("z", [1, 2])),
    lambda t: bars(t, ["a", "b"], [3, None], notes=["n"]),
    lambda t: funnel(t, ["a", "b"], [10, 5], [0.5, None]),
    lambda t: bullets(t, ["a", "b", "c"], [1, 9, None], [2, 3, 0], "days"),
    lambda t: whiskers(t, ["a"], [5], [-1], [9], "score"),
    lambda t: heat(t, ["x"], ["y", "z"], [[0.4], [None]], is_risk=True, notes=[["n = 3"], [""]]),
    lambda t: waterfall(t, ["start", "new", "lost", "end"], [10, 5, -3, 12]),
]


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK])
@pytest.mark.parametrize("make", EVERY)
def test_a_chart_is_json_without_motion(make, look):
    spec = make(look)
    assert spec["animation"] is False
    json.dumps(spec, allow_nan=False)


NOTHING = [
    lambda t: lines(t, [], {}, area=True, is_last_open=True),
    lambda t: columns(t, [], {"x": []}, line=("z", [])),
    lambda t: bars(t, [], []),
    lambda t: funnel(t, [], [], []),
    lambda t: bullets(t, [], [], [], "days"),
    lambda t: whiskers(t, [], [], [], [], "score"),
    lambda t: heat(t, [], [], []),
    lambda t: waterfall(t, [], []),
]


@pytest.mark.parametrize("make", NOTHING)
def test_a_chart_of_nothing_has_axes_and_no_point(make):
    spec = make(theme.LIGHT)
    assert [point for series in spec["series"] for point in series["data"]] == []
    json.dumps(spec, allow_nan=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda name: bars(theme.LIGHT, [name], [1]),
        lambda name: funnel(theme.LIGHT, [name], [1], [None]),
        lambda name: bullets(theme.LIGHT, [name], [1], [2], "days"),
        lambda name: heat(theme.LIGHT, ["x"], [name], [[0.4]]),
        lambda name: waterfall(theme.LIGHT, [name, "end"], [1, 1]),
    ],
)
def test_names_of_users_are_no_html_in_tooltips(make):
    told = [
        point["tooltip"]["formatter"]
        for series in make("<img src=x onerror=alert(1)> {b}")["series"]
        for point in series["data"]
        if isinstance(point, dict) and "tooltip" in point
    ]
    assert "&lt;img src=x onerror=alert(1)&gt; &#123;b&#125;" in told[0]
    assert "<" not in "".join(told)


def test_a_waterfall_hangs_each_change_on_the_level_before():
    ground, height = (series["data"] for series in waterfall(theme.LIGHT, list("abcd"), [10, 5, -3, 12])["series"])
    # 10; from 10 up to 15; from 15 down to 12; 12.
    assert ground == [0.0, 10.0, 12.0, 0.0]
    assert [bar["value"] for bar in height] == [10, 5, 3, 12]
    assert [bar["itemStyle"]["color"] for bar in height[1:3]] == [theme.LIGHT.good, theme.LIGHT.bad]


def test_the_step_with_the_lowest_conversion_is_marked():
    first, second, third = funnel(theme.LIGHT, ["a", "b", "c"], [100, 80, 20], [0.8, 0.25, None])["series"][0]["data"]
    assert [one["itemStyle"]["color"] for one in (first, second, third)] == [
        theme.LIGHT.data,
        theme.LIGHT.data,
        theme.LIGHT.bad,
    ]
    assert third["label"]["formatter"] == "20 · 20%"


def test_a_bullet_over_its_limit_is_red_and_cut_where_it_is_far_over():
    in_time, late, far = bullets(theme.LIGHT, list("abc"), [1, 3, 300], [2, 2, 2], "days")["series"][0]["data"]
    assert (in_time["value"], late["value"], far["value"]) == (0.5, 1.5, MOST_SHARE)
    assert [one["itemStyle"]["color"] for one in (in_time, late)] == [theme.LIGHT.data, theme.LIGHT.bad]


def test_colours_of_a_heat_map_do_not_follow_the_filter():
    alone = heat(theme.LIGHT, ["x"], ["y"], [[0.2]])["series"][0]["data"][0]
    beside = heat(theme.LIGHT, ["x", "z"], ["y"], [[0.2, 0.9]])["series"][0]["data"][0]
    assert alone["itemStyle"] == beside["itemStyle"]
    assert alone["name"] == "20%"


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0.5, None], "rate", (0.01, "{value}%")),
        ([250_000], "amount", (1e3, "${value}K")),
        ([2_500_000], "amount", (1e6, "${value}M")),
        ([-250_000, 3], "amount", (1e3, "{value}K")),
        ([900], "count", (1.0, "{value}")),
        ([], "days", (1.0, "{value} d")),
    ],
)
def test_an_axis_is_scaled_to_its_largest_value(values, kind, expected):
    assert scale(values, kind, "USD")[:2] == expected


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK])
def test_text_can_be_read_on_every_colour(look):
    """At least 4.5:1 for text (WCAG 2, AA), 3:1 for what carries data, against the background of its appearance."""

    def contrast(a: str, b: str) -> float:
        light, dark = sorted((theme.luminance(a), theme.luminance(b)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for colour in (look.text, look.muted, look.good, look.bad, look.warn):
        assert contrast(colour, look.background) >= 4.5, colour
    assert contrast(look.data, look.background) >= 3
    for colour in (*look.sequential, *look.risk):
        assert contrast(theme.ink(colour), colour) >= 4.5, colour


def test_luminance_is_that_of_wcag():
    assert theme.luminance("#FFFFFF") == pytest.approx(1)
    assert theme.luminance("#000000") == 0
    # The grey of equal contrast to black and white is that of luminance 0.179.
    assert theme.luminance("#757575") == pytest.approx(0.179, abs=0.002)
