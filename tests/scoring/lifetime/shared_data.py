"""Where the public data sets are; a test that needs one is skipped where it is absent."""

import os
from pathlib import Path

import pytest

from warehouse.settings import PROJECT_DIR


def data_of(name: str) -> Path:
    root = os.environ.get("DEALHOUSE_SHARED_DATA")
    folder = (Path(root) if root else PROJECT_DIR.parent / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"the data set {name} is not at {folder}")
    return folder
