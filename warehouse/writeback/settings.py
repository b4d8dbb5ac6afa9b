"""Settings of the write-back that hold for every destination; those of one kind are in its own module."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SyncSettings(BaseSettings):
    """Brakes, limits and folders. Environment variables carry the prefix ``DEALHOUSE_SYNC_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_SYNC_", env_file=".env", extra="ignore")

    max_delete_share: float = Field(0.01, ge=0, le=1, description="More deletes than this share of keys need approval.")
    max_change_share: float = Field(0.2, ge=0, le=1, description="More updates than this share of keys need approval.")
    max_shrink_share: float = Field(
        0.1, ge=0, le=1, description="A source that is smaller than the usual one by more than this needs approval."
    )
    brake_from_rows: int = Field(20, ge=1, description="Fewer deletes or updates than this pass every brake.")
    max_failure_share: float = Field(
        0.2, ge=0, le=1, description="Share of rows refused or failed beyond which a destination is left alone."
    )
    failures_from_rows: int = Field(5, ge=1, description="Fewer refused or failed rows than this stop nothing.")
    segments: Path | None = Field(None, description="Folder of the segments' TOML files; default: segments/ in home.")
