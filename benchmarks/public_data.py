"""Where the public data sets are: in ``DEALHOUSE_SHARED_DATA``, else in ``shared/data`` beside the project."""

import os
import sys
from pathlib import Path

from warehouse.settings import PROJECT_DIR


def place_of(name: str) -> Path:
    """Folder of a data set, whether it is there or not."""
    return Path(os.environ.get("DEALHOUSE_SHARED_DATA", PROJECT_DIR.parent / "shared" / "data")) / name


def folder_of(name: str) -> Path:
    """Folder of a data set; the program ends with a sentence where it is absent."""
    folder = place_of(name)
    if not folder.is_dir():
        sys.exit(f"The data set {name} is not at {folder.resolve()}. Set DEALHOUSE_SHARED_DATA to where it is.")
    return folder
