"""A small work file with every kind of layer, and a way to publish it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse.publish import Published, RunInfo, publish
from warehouse.settings import Home, Settings
from warehouse.store import open_store

E_MAIL = "quentin.quarantine@example.org"

WORK = """
create schema if not exists staging;
create schema if not exists facts;
create schema if not exists marts;
create schema if not exists scores;
create schema if not exists contacts;
create or replace table staging.stg_deal_event as select 'not for readers' as note;
create or replace table facts.fact_deal as
    select 'acme' as tenant_id, 'deal-' || i as deal_id, i * 1.5 as amount, {number} as run
    from range({rows}) as deals(i);
create or replace table facts."odd ""name" as select {number} as run;
create or replace view marts.deal_count as select count(*) as deals, min(run) as run from facts.fact_deal;
create or replace table scores.deal_win as select 'deal-1' as deal_id, 0.25 as probability, {number} as run;
create or replace table contacts.contact_detail as select 'contact-1' as contact_id, '{e_mail}' as email;
comment on table facts.fact_deal is 'One row per deal; it''s "the" fact.';
comment on column facts.fact_deal.amount is 'What it is worth.';
comment on view marts.deal_count is 'One row: how many deals.';
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", keep_published=3)


@pytest.fixture
def home(settings: Settings) -> Home:
    home = settings.layout()
    home.root.mkdir()
    return home


@pytest.fixture
def build(home: Home, settings: Settings) -> Callable[..., None]:
    """Fill the work file with tables that all carry the number of the run."""

    def build(number: int, rows: int = 10) -> None:
        with open_store(home, settings) as con:
            con.execute(WORK.format(number=number, rows=rows, e_mail=E_MAIL))

    return build


@pytest.fixture
def publish_run(home: Home, settings: Settings, build: Callable[..., None]) -> Callable[..., Published]:
    """Build a numbered run and publish it."""

    def publish_run(number: int, rows: int = 10, **details: object) -> Published:
        build(number, rows)
        return publish(home, settings, RunInfo(run_id=f"run-{number}", batch_id=number, **details))

    return publish_run
