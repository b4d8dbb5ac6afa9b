"""Events of the example mappings, made from the public data sets; skipped where these are not there."""

import duckdb
import pytest

from tests.public_data import data_of
from warehouse.settings import PROJECT_DIR
from warehouse.sources.mapping import MappingResult, load

EXAMPLES = PROJECT_DIR / "examples"


class Mapped:
    """The events of one data set in a table `incoming`, with data also as columns where asked for."""

    def __init__(self, name: str) -> None:
        mapping = load(EXAMPLES / name / "mapping.toml")
        self.con = duckdb.connect()
        self.result: MappingResult = mapping.read(self.con, mapping.files(data_of(name)), "incoming")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.con.execute(sql).fetchall()

    def one(self, sql: str) -> object:
        ((value,),) = self.rows(sql)
        return value

    def types(self) -> dict[object, object]:
        return dict(self.rows("select type, count(*) from incoming group by all"))

    def refused(self) -> int:
        return int(str(self.one("select count(*) from incoming_unmapped")))


@pytest.fixture(scope="module")
def maven() -> Mapped:
    return Mapped("maven_crm")


@pytest.fixture(scope="module")
def olist() -> Mapped:
    return Mapped("olist_funnel")


@pytest.fixture(scope="module")
def bpi() -> Mapped:
    return Mapped("bpi2012")
