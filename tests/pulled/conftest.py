"""A PostgreSQL server, a database for each test, and a warehouse that reads from it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from warehouse.settings import Settings

_numbers = itertools.count()

CRM = """
create table Account (id uuid primary key, name varchar not null, type varchar, industry varchar, size varchar,
    website varchar, billing_address jsonb, created_at timestamp, updated_at timestamp);
create table Contact (id uuid primary key, user_id uuid unique, account_id uuid references Account(id),
    first_name varchar, last_name varchar, email varchar, phone varchar, role varchar, lifecycle_stage varchar,
    created_at timestamp, updated_at timestamp);
create table Lead (id uuid primary key, first_name varchar, last_name varchar, email varchar unique not null,
    phone varchar, company varchar, job_title varchar, source varchar, status varchar, score int, assigned_to uuid,
    created_at timestamp, updated_at timestamp, metadata jsonb);
create table Deal (id uuid primary key, account_id uuid references Account(id), contact_id uuid references Contact(id),
    title varchar not null, amount decimal, currency varchar default 'USD', stage varchar not null, probability int,
    expected_close_date date, actual_close_date date, owner_id uuid, created_at timestamp, updated_at timestamp,
    lost_reason varchar, metadata jsonb);
create table outbox (id bigint generated always as identity primary key, xid xid8 not null default pg_current_xact_id(),
    event jsonb);
"""
"""The tables of the ecosystem CRM, and an outbox beside them."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres.server(*postgres.FAST) as dsn:
        yield dsn


@pytest.fixture
def dsn(server: str) -> Iterator[str]:
    name = f"pulled_{next(_numbers)}"
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as con:
        con.execute(f"create database {name}")
    own = f"{server} dbname={name}"
    with psycopg.connect(own, autocommit=True) as con:
        con.execute(CRM)
    yield own
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as con:
        con.execute(f"drop database {name} with (force)")


@pytest.fixture
def settings(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse whose source is the outbox of the database."""
    monkeypatch.setenv("CRM_DSN", dsn)
    settings = Settings(home=tmp_path / "home", pseudonym_key="a key for tests")
    sources = settings.layout().root / "sources"
    sources.mkdir(parents=True)
    (sources / "crm.toml").write_text('dsn_env = "CRM_DSN"\n[outbox]\ntable = "public.outbox"\n')
    return settings
