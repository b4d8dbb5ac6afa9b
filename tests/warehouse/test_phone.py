"""Phone numbers that are written in different ways are one number, as the phonenumbers library reads them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.phone import e164_digits
from warehouse.pseudonym import Pseudonymiser

FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


@pytest.mark.parametrize(
    ("written", "region", "digits"),
    [
        ("+380 (67) 123-45-67", None, "380671234567"),
        ("00380 67 123 45 67", None, "380671234567"),
        ("067 123 45 67", "UA", "380671234567"),
        ("067 123 45 67", None, "0671234567"),
        ("+44 (0)20 7946 0958", None, "442079460958"),
        ("+4402079460958", None, "442079460958"),
        ("+1 415 555 0100 ext. 5", None, "14155550100"),
        ("8 (701) 123-45-67", "KZ", "77011234567"),
        ("+39 06 698 1234", None, "39066981234"),
        ("+999 10 1234567", "UA", "999101234567"),
        ("12345", None, "12345"),
        ("no phone", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_one_spelling(written: str | None, region: str | None, digits: str | None) -> None:
    assert e164_digits(written, region) == digits


@given(
    st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
    st.sampled_from(range(11)),
    st.text("0123456789", max_size=2),
)
def test_the_short_way_gives_what_the_library_does(region: str, kind: int, trunk: str) -> None:
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None:
        return
    national = phonenumbers.national_significant_number(example)
    for written in [
        *(phonenumbers.format_number(example, style) for style in FORMATS),
        f"+{example.country_code}{trunk}{national}",
    ]:
        try:
            number = phonenumbers.parse(written)
        except phonenumbers.NumberParseException:
            continue
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert e164_digits(written) == expected[1:], written


def test_pseudonyms_follow_the_number_and_not_its_spelling() -> None:
    maker = Pseudonymiser(b"key", "UA")
    assert maker.phone("+380 67 123-45-67") == maker.phone("0671234567") == maker.phone("00380671234567")
    assert maker.phone("0671234567") != maker.phone("0671234568")
    assert maker.phone("-") is None
