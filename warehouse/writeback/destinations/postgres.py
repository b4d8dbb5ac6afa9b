"""A PostgreSQL database with the tables of the CRM: see docs/postgres_destination.sql.

What was last written stands in the very row that it was written to (the key ``dealhouse`` of a jsonb column, or the
whole row where the table is ours), so that effect and state are one transaction and cannot part. Only columns that are
declared as owned are touched, and only while they hold what was last written: what somebody has edited there stays.
"""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pc
from psycopg import sql
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from warehouse.errors import UsageError
from warehouse.settings import Settings
from warehouse.writeback.destination import (
    ACKNOWLEDGED,
    Acknowledged,
    Capabilities,
    Destination,
    Outcome,
    Row,
    StatefulDestination,
)
from warehouse.writeback.isolate import PoisonedError, isolate
from warehouse.writeback.rows import as_rows

if TYPE_CHECKING:
    from warehouse.erasure.pending import Erased

CRM_TABLES = {"lead": "lead", "deal": "deal"}
"""Tables of the CRM that get fields, by the object; their rows are made by the CRM alone."""
OWN_TABLES = {"segment_member": "segment_member", "duplicate": "duplicate_proposal"}
"""Tables whose rows are ours, by the object."""
HEALTH = "healthscore"
OBJECTS = frozenset({*CRM_TABLES, *OWN_TABLES, "customer"})


class PostgresSettings(BaseSettings):
    """Where the database is and what it takes. Environment variables carry the prefix ``DEALHOUSE_POSTGRES_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_POSTGRES_", env_file=".env", extra="ignore")

    dsn: SecretStr | None = Field(None, description="Connection string (libpq) of the CRM's database.")
    dsn_file: Path | None = Field(None, description="File that holds the connection string instead.")
    name: str = Field("postgres", pattern="^[a-z][a-z0-9_]*$", description="Name of the destination.")
    crm_schema: str = Field("public", description="Schema of the CRM's tables.")
    tenant: str = Field("default", description="Tenant whose rows it gets.")
    objects: frozenset[str] = Field(OBJECTS, description="Objects that it takes, as a JSON list.")
    owned: dict[str, dict[str, str]] = Field(
        {"lead": {"score": "score"}}, description="Columns that are ours, by table: the column and the field it gets."
    )
    batch_rows: int = Field(50_000, ge=1, description="Most rows of one transaction.")
    rows_per_second: float | None = Field(None, gt=0, description="Rate limit; none where unset.")
    timeout_seconds: float = Field(60, gt=0, description="Longest that a statement may take.")


def configured(settings: Settings) -> Iterable[Destination]:  # noqa: ARG001 - all are asked alike
    """The database that the settings name, or none."""
    own = PostgresSettings()
    dsn = own.dsn.get_secret_value() if own.dsn else own.dsn_file.read_text().strip() if own.dsn_file else None
    return [] if dsn is None else [Postgres(own, dsn)]


class Postgres(StatefulDestination):
    """The CRM's database, over one connection that is made when it is needed."""

    def __init__(self, settings: PostgresSettings, dsn: str) -> None:
        unknown = settings.objects - OBJECTS
        if unknown:
            raise UsageError(
                f"PostgreSQL takes no {', '.join(sorted(unknown))}.",
                where="DEALHOUSE_POSTGRES_OBJECTS",
                todo=f"Choose among {', '.join(sorted(OBJECTS))}.",
            )
        self.name = settings.name
        self.capabilities = Capabilities(
            objects=settings.objects,
            tenant_id=settings.tenant,
            batch_rows=settings.batch_rows,
            rows_per_second=settings.rows_per_second,
        )
        self._settings, self._dsn = settings, dsn
        self._con: psycopg.Connection[tuple[Any, ...]] | None = None
        self._columns: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._con is not None:
            with contextlib.suppress(psycopg.Error):
                self._con.close()
            self._con = None

    def acknowledged(self, object_name: str) -> Iterator[Acknowledged]:
        """What stands in the tables, as it was last written from here."""
        for key, payload in self._retried(lambda con: con.execute(self._held(con, object_name)).fetchall()):
            yield Acknowledged(self._settings.tenant, key, payload)

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Write rows in one transaction; a row that spoils it is found, told and left out."""
        table = as_rows(rows).table
        try:
            return isolate(
                len(rows),
                lambda places: self._retried(
                    lambda con: self._write(con, object_name, table.take(pa.array(places, pa.int64())))
                ),
            )
        except psycopg.Error as error:
            self.close()
            return [Outcome("failed", error.sqlstate or "", _words(error))] * len(rows)

    def forget(self, erased: "Sequence[Erased]") -> list[Outcome]:
        """Take our fields from the leads of these persons, and the health scores of these users."""
        own = [one for one in erased if one.tenant_id == self._settings.tenant]
        leads = [one.subject_id for one in own if one.subject_type == "lead"]
        users = [f"user:{one.subject_id}" for one in own if one.subject_type == "user"]

        def work(con: psycopg.Connection[tuple[Any, ...]]) -> None:
            if leads and "lead" in self.capabilities.objects:
                table = CRM_TABLES["lead"]
                self._types(con, table)
                columns = [sql.Identifier(name) for name in self._settings.owned.get("lead", {})]
                sets = sql.Composed([sql.SQL(", {} = null").format(column) for column in columns])
                con.execute(
                    sql.SQL("update {} set metadata = metadata - 'dealhouse'{} where id::text = any(%s)").format(
                        self._table(table), sets
                    ),
                    [leads],
                )
            if users and "customer" in self.capabilities.objects:
                self._types(con, HEALTH)
                con.execute(
                    sql.SQL("delete from {} where factors ->> 'customer_id' = any(%s)").format(self._table(HEALTH)),
                    [users],
                )

        try:
            self._retried(work)
        except psycopg.Error as error:
            self.close()
            return [Outcome("failed", error.sqlstate or "", _words(error))] * len(erased)
        return [ACKNOWLEDGED] * len(erased)

    def _retried(self, work: Any) -> Any:
        """Do it in a transaction; again where the connection was lost or the server asks for it."""
        passing = (psycopg.OperationalError, psycopg.errors.TransactionRollback)
        for attempt in Retrying(
            retry=retry_if_exception_type(passing),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(0.2, max=5),
            reraise=True,
        ):
            with attempt:
                con = self._connected()
                try:
                    with con.transaction():
                        return work(con)
                except passing:
                    self.close()
                    raise
        raise AssertionError

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._con is None or self._con.closed:
            self._con = psycopg.connect(self._dsn, autocommit=True, connect_timeout=10, application_name="dealhouse")
            self._con.execute(sql.SQL("set statement_timeout = {}").format(int(self._settings.timeout_seconds * 1000)))
            self._con.execute("set work_mem = '64MB'")
            self._columns = {}
        return self._con

    def _table(self, name: str) -> sql.Composable:
        return sql.Identifier(self._settings.crm_schema, name)

    def _types(self, con: psycopg.Connection[tuple[Any, ...]], table: str) -> dict[str, str]:
        """Columns of a table with their types, as the database has them."""
        if table not in self._columns:
            found = con.execute(
                "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a "
                "join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace "
                "where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped order by a.attnum",
                [self._settings.crm_schema, table],
            ).fetchall()
            if not found:
                raise UsageError(
                    f"The destination {self.name} has no table {self._settings.crm_schema}.{table}.",
                    why="it is missing, or may not be seen by this user",
                    todo="Make the tables of docs/postgres_destination.sql, or leave the object out of "
                    "DEALHOUSE_POSTGRES_OBJECTS.",
                )
            self._columns[table] = dict(found)
        return self._columns[table]

    def _held(self, con: psycopg.Connection[tuple[Any, ...]], object_name: str) -> sql.Composed:
        """A query for key and payload of all that was written from here."""
        if object_name in CRM_TABLES:
            self._types(con, CRM_TABLES[object_name])
            return sql.SQL(
                "select id::text, metadata -> 'dealhouse' from {} where metadata -> 'dealhouse' is not null"
            ).format(self._table(CRM_TABLES[object_name]))
        if object_name == "customer":
            self._types(con, HEALTH)
            return sql.SQL(
                "select distinct on (factors ->> 'customer_id') factors ->> 'customer_id', factors from {} "
                "where factors ? 'customer_id' order by factors ->> 'customer_id', computed_at desc"
            ).format(self._table(HEALTH))
        table = OWN_TABLES[object_name]
        self._types(con, table)
        return sql.SQL(
            "select sync_key, to_jsonb(there) - 'tenant_id' - 'sync_key' from {} as there where tenant_id = {}"
        ).format(self._table(table), self._settings.tenant)

    def _write(self, con: psycopg.Connection[tuple[Any, ...]], object_name: str, rows: pa.Table) -> list[Outcome]:
        try:
            self._stage(con, rows)
            if object_name in CRM_TABLES:
                return self._update(con, object_name, rows.num_rows)
            if object_name == "customer":
                return self._insert_healths(con, rows.num_rows)
            return self._replace(con, OWN_TABLES[object_name], rows.num_rows)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
            field = error.diag.column_name or error.diag.constraint_name or ""
            raise PoisonedError(error.sqlstate or "", _words(error), field) from error

    def _stage(self, con: psycopg.Connection[tuple[Any, ...]], rows: pa.Table) -> None:
        con.execute(
            "create temporary table if not exists dealhouse_rows (row_number integer, tenant_id text, sync_key text, "
            "operation text, payload jsonb, expected jsonb, message_id text) on commit delete rows"
        )
        numbered = rows.add_column(0, "row_number", pa.array(range(rows.num_rows), pa.int32()))
        buffer = io.BytesIO()
        pc.write_csv(numbered, buffer, pc.WriteOptions(include_header=False, quoting_style="needed"))
        with con.cursor() as cursor, cursor.copy("copy dealhouse_rows from stdin (format csv)") as copy:
            copy.write(buffer.getvalue())
        # Without it, the server would build its hash tables on the CRM's table, once for each batch.
        con.execute("analyze dealhouse_rows")

    def _update(self, con: psycopg.Connection[tuple[Any, ...]], object_name: str, count: int) -> list[Outcome]:
        """Give the CRM's rows our fields, where they still hold what was last written."""
        table = CRM_TABLES[object_name]
        types = self._types(con, table)
        owned = self._settings.owned.get(object_name, {})
        missing = sorted({"id", "metadata", *owned} - types.keys())
        if missing:
            raise UsageError(
                f"The table {table} of {self.name} has no column {', '.join(missing)}.",
                todo="Mend DEALHOUSE_POSTGRES_OWNED, or add the column.",
            )
        field = sql.SQL("(staged.{} ->> {})::{}")
        sets, guards = [], []
        for column, name in owned.items():
            kind = _type(types[column])  # as the database writes it
            here = sql.Identifier(column)
            sets.append(sql.SQL(", {} = ").format(here) + field.format(sql.Identifier("payload"), name, kind))
            guards.append(
                sql.SQL(" and there.{} is not distinct from ").format(here)
                + field.format(sql.Identifier("expected"), name, kind)
            )
        join = sql.SQL("there.id = staged.sync_key::{}").format(_type(types["id"]))
        written = con.execute(
            sql.SQL(
                "update {table} as there set metadata = coalesce(there.metadata, '{{}}') || "
                "jsonb_build_object('dealhouse', staged.payload){sets} from dealhouse_rows as staged "
                "where {join} and there.metadata -> 'dealhouse' is not distinct from staged.expected{guards} "
                "returning staged.row_number"
            ).format(table=self._table(table), sets=sql.Composed(sets), join=join, guards=sql.Composed(guards))
        ).fetchall()
        if len(written) == count:
            return [ACKNOWLEDGED] * count
        outcomes = [ACKNOWLEDGED] * count
        left = sorted(set(range(count)) - {number for (number,) in written})
        for number, is_there, is_same in con.execute(
            sql.SQL(
                "select staged.row_number, there.id is not null, there.metadata -> 'dealhouse' = staged.payload "
                "from dealhouse_rows as staged left join {table} as there on {join} where staged.row_number = any(%s)"
            ).format(table=self._table(table), join=join),
            [left],
        ).fetchall():
            if not is_there:
                outcomes[number] = Outcome("rejected", "not_found", f"{table} has no row with this id", "id")
            elif not is_same:
                outcomes[number] = Outcome("kept", "edited", f"{table} was edited there meanwhile; the edit stays")
        return outcomes

    def _insert_healths(self, con: psycopg.Connection[tuple[Any, ...]], count: int) -> list[Outcome]:
        """Add a row to the history of each customer's health."""
        types = self._types(con, HEALTH)
        targets = {"user": "user_id", "account": "account_id"}
        outcomes = [ACKNOWLEDGED] * count
        for kind, column in targets.items():
            if column not in types:
                for (number,) in con.execute(
                    "select row_number from dealhouse_rows where split_part(sync_key, ':', 1) = %s", [kind]
                ).fetchall():
                    outcomes[number] = Outcome("rejected", "no_column", f"{HEALTH} has no column {column}", column)
                continue
            con.execute(
                sql.SQL(
                    "insert into {table} (id, {column}, score, risk_level, factors, computed_at) "
                    "select staged.message_id::uuid, "
                    "substr(staged.sync_key, strpos(staged.sync_key, ':') + 1)::{kind}, "
                    "(staged.payload ->> 'score')::integer, staged.payload ->> 'risk_level', staged.payload, "
                    "clock_timestamp() at time zone 'utc' from dealhouse_rows as staged "
                    "where split_part(staged.sync_key, ':', 1) = {which} on conflict (id) do nothing"
                ).format(
                    table=self._table(HEALTH),
                    column=sql.Identifier(column),
                    kind=_type(types[column]),
                    which=kind,
                )
            )
        return outcomes

    def _replace(self, con: psycopg.Connection[tuple[Any, ...]], table: str, count: int) -> list[Outcome]:
        """Make rows of a table of ours what they should be; one that should not be goes."""
        columns = [sql.Identifier(name) for name in self._types(con, table) if name not in ("tenant_id", "sync_key")]
        con.execute(
            sql.SQL(
                "insert into {table} (tenant_id, sync_key, {columns}) "
                "select staged.tenant_id, staged.sync_key, {values} "
                "from dealhouse_rows as staged, jsonb_populate_record(null::{table}, staged.payload) as made "
                "where staged.operation <> 'delete' on conflict (tenant_id, sync_key) do update set {sets}"
            ).format(
                table=self._table(table),
                columns=sql.SQL(", ").join(columns),
                values=sql.SQL(", ").join(sql.SQL("made.{}").format(one) for one in columns),
                sets=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(one) for one in columns),
            )
        )
        con.execute(
            sql.SQL(
                "delete from {table} as there using dealhouse_rows as staged where staged.operation = 'delete' "
                "and there.tenant_id = staged.tenant_id and there.sync_key = staged.sync_key"
            ).format(table=self._table(table))
        )
        return [ACKNOWLEDGED] * count


def _words(error: psycopg.Error) -> str:
    """What the server said, without its details and whatever else it quotes of a row."""
    said, about = error.diag.message_primary, error.diag
    if (error.sqlstate or "").startswith("P0"):  # words of the CRM's own functions, which may put any field into them
        of = f" of {about.constraint_name}" if about.constraint_name else ""
        return f"refused by a function of the database: SQLSTATE {error.sqlstate}{of}"
    if said is None or (error.sqlstate or "").startswith("42"):
        return (said or str(error).splitlines()[0])[:500]  # of the connection, or of tables and rights: no row is in it
    names = [about.schema_name, about.table_name, about.column_name, about.datatype_name, about.constraint_name]
    for name in names:
        if name:
            said = said.replace(f'"{name}"', f"`{name}`")
    # From the first quote to the last: a value may have quotes of its own.
    return _QUOTED.sub('"…"', said)[:500]


_QUOTED = re.compile(r"""["«„“].*["»“”]|["«„“].*""", re.DOTALL)
"""What a server quotes, also one that speaks another language."""


def _type(name: Any) -> sql.SQL:
    """A type, in the words in which the database itself has given it."""
    return sql.SQL(name)
