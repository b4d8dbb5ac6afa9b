"""Settings of the server, from the environment or ``.env``, with the prefix ``DEALHOUSE_SERVE_``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServeSettings(BaseSettings):
    """What the server is bound to, whom it lets in, and how much it takes at once."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_SERVE_", env_file=".env", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on; another than this one needs clients.")
    port: int = Field(8321, ge=0, le=65535, description="Port to listen on; 0: any that is free.")
    clients: Path | None = Field(None, description="TOML file of who may send and read, see docs/collector.md.")
    max_body_bytes: int = Field(8 * 2**20, ge=1024, description="Longest body of a request.")
    max_event_bytes: int = Field(2**20, ge=1024, description="Longest event that is taken by HTTP.")
    max_waiting_bytes: int = Field(
        64 * 2**20, ge=1024, description="Bodies in hand; beyond it, requests are answered with 429."
    )
    max_waiting_requests: int = Field(1000, ge=1, description="Requests in hand; beyond it, 429.")
    body_seconds: float = Field(30.0, gt=0, description="How long a body may take to arrive.")
    recent_events: int = Field(200_000, ge=0, description="Events whose duplicates are told at once.")
