"""Links from mails and events to the pages of the dashboards, made in one place."""

from urllib.parse import urlencode

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PAGE_OF_SUBJECT = {
    "deal": "deal",
    "timer": "stages",
    "campaign": "marketing",
    "conversation": "operations",
    "tenant": "marketing",
    "month": "sales",
    "source": "data",
    "batch": "data",
    "currency": "data",
    "ingestion": "data",
    "destination": "data",
    "score": "scores",
}
"""Page that shows what an alert is about, by its subject_type: a file of dashboards/app_pages, without its ending."""


class LinkSettings(BaseSettings):
    """Where the dashboards are found. Environment variables carry the prefix ``DEALHOUSE_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_", env_file=".env", extra="ignore")

    dashboards_url: str = Field("", description="Address of the dashboards as people reach it, for links in mails.")


def page_link(base: str, page: str, **query: str) -> str:
    """Address of a page with its filters; empty where the address of the dashboards is not set.

    Examples
    --------
    >>> page_link("https://bi.example.org/", "deal", deal="d 1")
    'https://bi.example.org/deal?deal=d+1'
    """
    if not base:
        return ""
    filters = urlencode({name: value for name, value in query.items() if value})
    return f"{base.rstrip('/')}/{page}" + (f"?{filters}" if filters else "")


def alert_link(base: str, subject_type: str, subject_id: str, tenant_id: str) -> str:
    """Address of the page that shows what an alert is about; of a deal, its own page."""
    page = PAGE_OF_SUBJECT.get(subject_type, "overview")
    return page_link(base, page, tenant=tenant_id, deal=subject_id if page == "deal" else "")
