"""The periods, as settings, and which event types they are for."""

from datetime import datetime, timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DROPPED = "dropped"
DETACHED = "detached"
ACTIVITIES = ("crm.activity.", "chat.")
CAMPAIGN_DETAIL = ("crm.email.", "crm.unsubscribe", "crm.experiment.exposed")
HEALTH = ("crm.health.changed",)


class Policy(BaseSettings):
    """Periods in days. Environment variables carry the prefix ``DEALHOUSE_RETENTION_``; 0 keeps for ever."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_RETENTION_", env_file=".env", extra="ignore")

    lead_days: int = Field(730, ge=0, description="Leads that came to nothing, after their last activity.")
    activity_days: int = Field(1095, ge=0, description="Activities and messages, after they happened.")
    campaign_days: int = Field(365, ge=0, description="Whom a campaign reached; how many stays for ever.")
    health_days: int = Field(183, ge=0, description="Changes of health scores.")
    rejected_days: int = Field(30, ge=0, description="Originals of rejected rows, after they arrived.")
    published_days: int = Field(30, ge=0, description="Published versions besides the current one.")
    report_days: int = Field(90, ge=0, description="Reports, after they were written.")
    log_days: int = Field(30, ge=0, description="Logs, after the last line.")

    def rules(self, now: datetime) -> dict[tuple[str, ...], tuple[str, datetime]]:
        """Prefixes of event types, what becomes of their events, and of those older than when (naive UTC)."""
        wanted = {
            ACTIVITIES: (DROPPED, self.activity_days),
            HEALTH: (DROPPED, self.health_days),
            CAMPAIGN_DETAIL: (DETACHED, self.campaign_days),
        }
        return {types: (action, now - timedelta(days=days)) for types, (action, days) in wanted.items() if days}


def cutoff(now: datetime, days: int) -> datetime:
    """What is older is due; with 0 days nothing is."""
    return now - timedelta(days=days) if days else datetime.min
