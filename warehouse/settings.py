"""Settings from the environment or ``.env``, and the layout of the home folder.

Every setting is documented in ``.env.example``. Nothing here opens a database or touches a file.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""Where dbt_project.yml, models, macros and seeds are."""


@dataclass(frozen=True)
class Home:
    """The folder that holds all state; each property is one part of it."""

    root: Path

    @cached_property
    def inbox(self) -> Path:
        """Files put here are taken in by the next run."""
        return self.root / "inbox"

    @cached_property
    def landing(self) -> Path:
        """What was received, immutable, with its manifest: the truth that all else is rebuilt from."""
        return self.root / "landing"

    @cached_property
    def warehouse(self) -> Path:
        """The work file. Disposable: it is rebuilt from landing."""
        return self.root / "warehouse.duckdb"

    @cached_property
    def published(self) -> Path:
        """Versioned read-only files and the pointer to the current one."""
        return self.root / "published"

    @cached_property
    def models(self) -> Path:
        """Fitted scoring models."""
        return self.root / "models"

    @cached_property
    def outbox(self) -> Path:
        """What is written for people and other systems."""
        return self.root / "outbox"

    @cached_property
    def erasure(self) -> Path:
        """What is left of erasures: tombstones and signed receipts, and what is sealed until it is done."""
        return self.root / "erasure"

    @cached_property
    def reports(self) -> Path:
        """Weekly and monthly reports, as pages and as mails, and the journal of those that were sent."""
        return self.root / "reports"

    @cached_property
    def dagster(self) -> Path:
        """Dagster's own storage."""
        return self.root / "dagster"

    @cached_property
    def dbt(self) -> Path:
        """Target and logs of dbt."""
        return self.root / "dbt"

    @cached_property
    def keys(self) -> Path:
        """Secrets made on first use, readable by the owner alone; never inside the warehouse."""
        return self.root / "keys"

    @cached_property
    def lock(self) -> Path:
        """The one-writer lock."""
        return self.root / "dealhouse.lock"


class Settings(BaseSettings):
    """All settings. Environment variables carry the prefix ``DEALHOUSE_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_", env_file=".env", extra="ignore")

    home: Path = Field(Path("home"), description="Folder that holds all state.")
    project_dir: Path = Field(PROJECT_DIR, description="Folder of the dbt project.")
    reporting_currency: str = Field(
        "USD", pattern="^[A-Z]{3}$", description="Currency of all *_base amounts (ISO 4217)."
    )
    stage_rule_set: Literal["adtech", "dsl"] = Field(
        "adtech", description="Rule set of the aggregated stage, see seeds/stage_rule.csv."
    )
    keep_published: int = Field(5, ge=1, description="Published versions that are kept.")
    threads: int = Field(2, ge=1, description="Threads of DuckDB and dbt.")
    memory_limit: str = Field("4GB", description="Memory limit of DuckDB; beyond it, it spills to disk.")
    max_event_bytes: int = Field(16 * 2**20, ge=1024, description="Longest event line that is accepted, in bytes.")
    lock_wait_seconds: float = Field(0.0, ge=0, description="How long a second writer waits for the first.")
    pseudonym_key: SecretStr | None = Field(
        None, description="Key of the pseudonyms; made in keys/ on first use where unset."
    )

    phone_region: str | None = Field(
        None, pattern="^[A-Z]{2}$", description="Country (ISO 3166) of phone numbers that are written without one."
    )

    def layout(self) -> Home:
        """Paths under :attr:`home`, absolute."""
        return Home(self.home.expanduser().resolve())
