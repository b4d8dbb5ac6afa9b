"""What the assets share: the settings of a home, and the right to write to it for as long as a run lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dagster import Config, ConfigurableResource, InitResourceContext
from pydantic import Field

from warehouse.build import Clocks
from warehouse.lock import writer_lock
from warehouse.settings import Settings


class Warehouse(ConfigurableResource):  # type: ignore[type-arg]
    """The home that a run writes to. Holds the one-writer lock from the first step of a run to its last."""

    home: str = Field(description="Folder that holds all state.")

    @property
    def settings(self) -> Settings:
        """Settings of this home."""
        return Settings(home=Path(self.home))

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator["Warehouse"]:
        """Wait for the lock as long as the settings say, then hold it."""
        settings = self.settings
        with writer_lock(settings.layout(), "run", wait_seconds=settings.lock_wait_seconds):
            yield self


class TakeIn(Config):
    """What to take in."""

    paths: list[str] = Field(default_factory=list, description="Files, folders or globs; the inbox where empty.")
    mapping: str = Field("", description="Mapping file for CSV and Parquet of another shape.")


class BuildOptions(Config):
    """For which instant to build, and how."""

    as_of: str = Field("", description="Build as the world stood then (ISO 8601); the latest event time where empty.")
    known_at: str = Field("", description="Build with what was known then (ISO 8601); with everything where empty.")
    full_refresh: bool = Field(False, description="Build every table anew.")

    def clocks(self) -> Clocks:
        """The clocks as naive UTC."""
        return Clocks(_instant(self.as_of), _instant(self.known_at))


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
