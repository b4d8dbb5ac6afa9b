"""Phone numbers in one spelling: their digits with the country code, as E.164 has them.

What a number stands for, and who may see it, is not decided here; see :mod:`warehouse.pseudonym`.
"""

import re
from functools import cache

_SEPARATORS = re.compile(r"[\s().\-\u00a0\u2010-\u2015]+")
_INTERNATIONAL = re.compile(r"\+[1-9]\d{6,14}")


def e164_digits(value: str | None, region: str | None = None) -> str | None:
    """Digits of a phone number with its country code.

    Parameters
    ----------
    value
        A number as people write it: with or without separators, ``+`` or ``00`` before the country code, ``(0)``, an
        extension.
    region
        Country (ISO 3166, two letters) of numbers without a country code; without it, they keep their own digits.

    Returns
    -------
    str or None
        The digits of E.164, without ``+``; all digits of the text where it is no number that can be read; None where
        there are none.

    Examples
    --------
    >>> e164_digits("+44 (0)20 7946 0958")
    '442079460958'
    >>> e164_digits("0044 20 7946 0958") == e164_digits("020 7946 0958", "GB")
    True
    >>> e164_digits("ask at the desk")
    """
    if not value:
        return None
    text = value.strip()
    bare = _SEPARATORS.sub("", text)
    if bare.startswith("00"):
        bare, text = "+" + bare[2:], "+" + text[2:]
    # Reading a number in full takes 0.1 ms; what is plainly in the form already need not be.
    if "(0)" not in text and _INTERNATIONAL.fullmatch(bare) and not _may_have_trunk_prefix(bare[1:]):
        return bare[1:]
    return _parsed(text, region) or re.sub(r"\D", "", text) or None


def _parsed(text: str, region: str | None) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def _may_have_trunk_prefix(digits: str) -> bool:
    """Whether the digit that is dialled first inside of a country, such as 0, may stand after the country code."""
    known = _trunk_prefixes()
    for length in (1, 2, 3):
        prefixes = known.get(digits[:length])
        if prefixes is not None:
            return digits[length:].startswith(prefixes)
    return False


@cache
def _trunk_prefixes() -> dict[str, tuple[str, ...]]:
    """Per country code, the first digits of what may be dialled before a number inside of its countries."""
    import phonenumbers

    found = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        prefixes = {"0"}
        for region in regions:
            metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
            if metadata is not None and metadata.national_prefix_for_parsing is not None:
                # A pattern: every digit in it may be the first one. Too many only cost time.
                prefixes |= set(re.findall(r"\d", metadata.national_prefix_for_parsing))
        found[str(code)] = tuple(sorted(prefixes))
    return found
