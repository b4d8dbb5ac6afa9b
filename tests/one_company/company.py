"""The log of the small company, put together from its parts."""

import json
from pathlib import Path

from tests.laws.compiled import Event

HERE = Path(__file__).parent


def company_log() -> list[Event]:
    """All parts of the company's life, in the order of their files."""
    return [json.loads(line) for path in sorted(HERE.glob("*.ndjson")) for line in path.read_text().splitlines()]
