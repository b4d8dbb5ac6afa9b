"""Takes in a folder of files, importing nothing that this does not need: benchmarks tell imports from work."""

from pathlib import Path

from warehouse.ingest import ingest_pending
from warehouse.landing import Landing
from warehouse.settings import Settings
from warehouse.store import open_store


def take_in_folder(home: str, folder: str) -> int:
    """Land and take in all files of a folder; return how many events were accepted."""
    settings = Settings(home=Path(home))
    layout = settings.layout()
    Landing(layout).land_all(sorted(Path(folder).iterdir()))
    with open_store(layout, settings) as con:
        return sum(batch.accepted for batch in ingest_pending(con, layout, settings))
