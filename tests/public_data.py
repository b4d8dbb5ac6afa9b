"""The public data sets; a test that needs one is skipped where it is absent."""

from pathlib import Path

import pytest

from benchmarks.public_data import place_of


def data_of(name: str) -> Path:
    folder = place_of(name)
    if not folder.is_dir():
        pytest.skip(f"the data set {name} is not at {folder}")
    return folder
