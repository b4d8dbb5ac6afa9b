"""Dates and timestamps: formats, zones, daylight saving. The answers are the calendar's."""

import pytest


def times(outcome):
    return [event["time"].replace(".000000Z", "Z") for event in outcome.events]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-06", "2024-05-06T00:00:00Z"),
        ("2024-05-06 07:08", "2024-05-06T07:08:00Z"),
        ("2024-05-06T07:08:09", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09z", "2024-05-06T07:08:09Z"),
        ("2024-05-06 07:08:09.5 Z", "2024-05-06T07:08:09.500000Z"),
        ("2024-05-06T07:08:09.123456+02:00", "2024-05-06T05:08:09.123456Z"),
        ("2024-05-06T01:08:09-0530", "2024-05-06T06:38:09Z"),
        ("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
    ],
)
def test_iso(deals, written, expected):
    assert times(deals(f"id,at\n1,{written}\n", time='{ column = "at" }')) == [expected]


@pytest.mark.parametrize(
    "written",
    [
        "2023-02-29",
        "2024-13-01",
        "2024-05-06T25:00:00Z",
        "06.05.2024",
        "2024-5-6",
        "yesterday",
        "2024-05-06T07",
    ],
)
def test_what_is_no_timestamp_is_refused(deals, written):
    outcome = deals(f"id,at\n1,{written}\n", time='{ column = "at" }')
    assert outcome.events == []
    assert f"time: '{written}' (column at) is not a timestamp" in outcome.unmapped[0]["message"]


@pytest.mark.parametrize(
    ("written", "form", "expected"),
    [
        ("06.05.2024", '"%d.%m.%Y"', "2024-05-06T00:00:00Z"),
        ("5/6/24 3:04 PM", '"%m/%d/%y %I:%M %p"', "2024-05-06T15:04:00Z"),
        ("06 May 2024 10:00:00 +0300", '"%d %b %Y %H:%M:%S %z"', "2024-05-06T07:00:00Z"),
        ("06/May/2024:10:00:00 +03:00", '"%d/%b/%Y:%H:%M:%S %:z"', "2024-05-06T07:00:00Z"),
        ("2024.127", '"%Y.%j"', "2024-05-06T00:00:00Z"),
        ("1714978800", '"unix_seconds"', "2024-05-06T07:00:00Z"),
        ("1714978800.25", '"unix_seconds"', "2024-05-06T07:00:00.250000Z"),
        ("1714978800123", '"unix_milliseconds"', "2024-05-06T07:00:00.123000Z"),
    ],
)
def test_formats(deals, written, form, expected):
    assert times(deals(f"id,at\n1,{written}\n", time=f'{{ column = "at", format = {form} }}')) == [expected]


def test_several_formats_are_tried_in_order(deals):
    outcome = deals(
        "id,at\n1,2024-05-06\n2,06.05.2024\n3,01/02/2024\n4,2024/05/06\n",
        time='{ column = "at", format = ["iso", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"] }',
    )
    assert times(outcome) == ["2024-05-06T00:00:00Z", "2024-05-06T00:00:00Z", "2024-02-01T00:00:00Z"]
    assert [row["line"] for row in outcome.unmapped] == [5]


def test_local_time_is_converted_with_daylight_saving(deals):
    # Amsterdam is at +01:00 in winter and at +02:00 in summer; an offset in the text wins over the zone.
    outcome = deals(
        "id,at\n1,2024-01-15 12:00\n2,2024-07-15 12:00\n3,2024-07-15T12:00:00Z\n4,2024-07-15\n",
        time='{ column = "at" }',
        top='time_zone = "Europe/Amsterdam"\ntime_of_day = "09:30:00"',
    )
    assert times(outcome) == [
        "2024-01-15T11:00:00Z",
        "2024-07-15T10:00:00Z",
        "2024-07-15T12:00:00Z",
        "2024-07-15T07:30:00Z",
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("earliest", ["2024-10-27T00:30:00Z"]), ("latest", ["2024-10-27T01:30:00Z"]), ("reject", [])],
)
def test_the_hour_that_occurs_twice(deals, rule, expected):
    outcome = deals(
        "id,at\n1,2024-10-27 02:30:00\n",
        time=f'{{ column = "at", time_zone = "Europe/Amsterdam", ambiguous = "{rule}" }}',
    )
    assert times(outcome) == expected
    assert len(outcome.unmapped) == 1 - len(expected)


def test_the_hour_that_does_not_exist_is_refused(deals):
    outcome = deals("id,at\n1,2024-03-31 02:30:00\n", time='{ column = "at", time_zone = "Europe/Amsterdam" }')
    assert outcome.events == []
    assert "that exists in Europe/Amsterdam" in outcome.unmapped[0]["message"]


def test_constants_are_taken_in_the_zone_of_the_file(deals):
    outcome = deals("id\n1\n", time="2024-07-15", top='time_zone = "Europe/Amsterdam"')
    assert times(outcome) == ["2024-07-14T22:00:00Z"]
    outcome = deals("id\n1\n", time="2024-07-15T10:00:00+03:00", top='time_zone = "Europe/Amsterdam"')
    assert times(outcome) == ["2024-07-15T07:00:00Z"]


def test_dates_stay_dates(deals):
    outcome = deals(
        "id,d\n1,2024-05-06\n2,2024-05-06 00:00:00\n3,06.05.24\n4,2024-05-06 10:00:00\n",
        'expected_close_date = { column = "d", format = ["iso", "%d.%m.%y"] }',
        top='time_zone = "America/New_York"',
    )
    assert [data["expected_close_date"] for data in outcome.data()] == ["2024-05-06"] * 3
    assert [row["line"] for row in outcome.unmapped] == [5]


def test_date_and_time_in_two_columns(deals):
    outcome = deals("id,d,t\n1,06.05.2024,7:08\n", time='{ template = "{d} {t}", format = "%d.%m.%Y %H:%M" }')
    assert times(outcome) == ["2024-05-06T07:08:00Z"]
