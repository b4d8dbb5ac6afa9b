"""Settings of the dashboards alone; the home and all else is in :mod:`warehouse.settings`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DashboardSettings(BaseSettings):
    """Environment variables carry the prefix ``DEALHOUSE_DASHBOARD_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_DASHBOARD_", env_file=".env", extra="ignore")

    roles: Path | None = Field(None, description="TOML file of roles; unset: the built-in ones.")
    role: str = Field("", description="The role of everybody where nobody signs in; empty: each chooses one.")
    trusts_unverified_email: bool = Field(
        False,
        description="Whether an address counts of which the provider of identities does not say that it is verified.",
    )
    stale_hours: float = Field(26.0, gt=0, description="Age of a publication from which pages warn.")
