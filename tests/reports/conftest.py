"""The small company whose rows were worked out by hand, published, and a way to read a report as a reader sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
import yaml

from warehouse.publish import RunInfo, publish
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.store import open_store

MARTS = (
    "kpi", "pipeline_flow", "forecast", "mrr_month", "shop_week", "shop_month", "sla_bottleneck", "alert",
    "data_quality",
)  # fmt: skip


EXPECTED = Path(__file__).parents[1] / "one_company" / "expected"
TENANTS = ["default", "money", "pipeline", "revenue"]
AS_OF = datetime(2026, 3, 31, 12)
KINDS = {"string": "varchar", "timestamp": "timestamp"}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home in which the rows that were worked out by hand are published as marts."""
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("reports") / "home", reporting_currency="USD")
    settings.layout().root.mkdir()
    with open_store(settings.layout(), settings) as con:
        con.execute("create schema marts; create schema facts; create schema scores; create schema contacts")
        con.execute("create table facts.fact_deal as select 'd' as deal_id")
        for mart in MARTS:
            (model,) = yaml.safe_load((PROJECT_DIR / "models" / "marts" / f"{mart}.yml").read_text())["models"]
            kinds = {column["name"]: column["data_type"] for column in model["columns"]}
            con.execute(f"create table marts.{mart} ({', '.join(f'{n} {KINDS.get(k, k)}' for n, k in kinds.items())})")
            # What a file does not name was not worked out, and stays null.
            con.execute(
                f"insert into marts.{mart} by name select * from read_csv(?, all_varchar = true, header = true)",
                [str(EXPECTED / f"marts.{mart}.csv")],
            )
            con.execute(f"delete from marts.{mart} where not list_contains(?, tenant_id)", [TENANTS])
        con.execute(
            "update marts.kpi set kpi_unit = target.unit from read_csv(?, header = true) as target "
            "where target.kpi = kpi.kpi",
            [str(PROJECT_DIR / "seeds" / "kpi_target.csv")],
        )
    publish(settings.layout(), settings, RunInfo(run_id="r", batch_id=1, as_of=AS_OF))
    return settings


@pytest.fixture
def marts(company: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, opened by the test itself."""
    (path,) = list(company.layout().published.glob("2*.duckdb"))
    with duckdb.connect(str(path), read_only=True) as con:
        yield con


@dataclass
class Page(HTMLParser):
    """Headings, tables, images and links of a page."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    """Rows of the table under each heading of the second order, spaces made one."""
    text: str = ""
    images: list[dict[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    heading: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._is_heading = self._is_table = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "h2":
            self._is_heading, self.heading = True, ""
        elif tag == "table" and given.get("role") == "table":
            self._is_table = True
            self.tables[self.heading.strip()] = []
        elif tag == "tr" and self._is_table:
            self.tables[self.heading.strip()].append([])
        elif tag in ("td", "th") and self._is_table:
            self.tables[self.heading.strip()][-1].append("")
        elif tag == "span" and self._is_heading:
            self._is_heading = False
        elif tag == "img":
            self.images.append(given)
        elif tag == "a":
            self.links.append(given["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._is_heading = False
        elif tag == "table":
            self._is_table = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._is_heading:
            self.heading += data
        rows = self.tables.get(self.heading.strip())
        if self._is_table and rows and rows[-1]:
            rows[-1][-1] = " ".join(f"{rows[-1][-1]} {data}".split())


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page
