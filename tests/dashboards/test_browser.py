"""The app as its users meet it: a real server, a real browser, and nothing that leaves the machine."""

import csv
import io
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards import registry, text
from warehouse.publish import query
from warehouse.settings import Home

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
START = "import dashboards.cli; from warehouse.cli.app import main; main()"
PROBED = re.compile(r"/\w+/_stcore/(health|host-config)$")
"""Streamlit's client asks for its server at the page's own path first, and gets a 404 that means nothing."""

QUICK = ("overview", "sales", "churn_list")
NAMES = [page.name for page in registry.pages()]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(full_home: Home) -> Iterator[str]:
    yield from serve(full_home)


def serve(home: Home, *arguments: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", START, "--home", str(home.root), "dashboards", "--port", str(port), *arguments],
        env={**os.environ, "DEALHOUSE_DASHBOARD_ROLE": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, server.stderr and server.stderr.read().decode()
            time.sleep(0.2)
    yield address
    server.terminate()
    server.wait(30)


class Visit:
    """A page in a browser that writes down where requests go and what the console complains of."""

    def __init__(self, browser: Browser, address: str, **options: object) -> None:
        self.address = address
        self.context = browser.new_context(
            viewport={"width": 1440, "height": 900}, timezone_id="UTC", locale="en-GB", accept_downloads=True, **options
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.elsewhere: list[str] = []
        self.failed: list[str] = []
        self.page.on("request", lambda one: self._note(one.url))
        self.page.on("response", lambda one: self._answer(one.status, one.url))
        self.page.on("pageerror", lambda error: self.failed.append(str(error)))

    def open(self, name: str, params: str = "") -> Page:
        self.page.goto(f"{self.address}/{name}{params}")
        return self.settled(name)

    def settled(self, name: str) -> Page:
        self.page.wait_for_selector(f"#done-{name}", state="attached")
        self.page.wait_for_selector('[data-test-script-state="notRunning"]', state="attached")
        return self.page

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(url)

    def _answer(self, status: int, url: str) -> None:
        if status >= 400 and not PROBED.search(url):
            self.failed.append(f"{status} {url}")

    def clean(self) -> None:
        assert self.elsewhere == []
        assert self.failed == []
        assert self.page.get_by_test_id("stException").count() == 0
        self.context.close()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    one = Visit(browser, address)
    yield one
    one.clean()


def cards(page: Page) -> dict[str, str]:
    """Values by label, of the cards of numbers."""
    found = {}
    for card in page.get_by_test_id("stMetric").all():
        label = card.get_by_test_id("stMetricLabel").inner_text().strip()
        found[label] = card.get_by_test_id("stMetricValue").inner_text().strip()
    return found


def test_numbers_are_those_of_the_marts_and_nothing_leaves_the_machine(visit, full_home):
    page = visit.open("churn_list")
    counted = query(
        full_home, "select risk_level, count(*) as n from marts.churn_list where tenant_id = 'acme' group by 1"
    )
    shown = cards(page)
    for row in counted.to_pylist():
        assert shown[text.say(f"val.{row['risk_level']}")] == str(row["n"])


def test_a_filter_stands_in_the_url_and_survives_a_reload(visit, full_home):
    page = visit.open("sales")
    before = cards(page)[text.say("sales.open")]
    page.get_by_label(text.say("filter.industry")).first.click()
    page.get_by_role("option", name="retail").click()
    page.wait_for_url("**industry=retail**")
    expected = query(
        full_home,
        "select sum(deal_count)::bigint as n from marts.pipeline_stage "
        "where tenant_id = 'acme' and pipeline = 'b2b' and industry = 'retail'",
    ).column("n")[0]
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(expected))
    assert before != str(expected)
    page.reload()
    visit.settled("sales")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(expected))
    page.get_by_role("button", name=text.say("filter.reset")).click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(before)
    page.wait_for_function("!location.search.includes('industry')")


def test_what_is_exported_is_what_the_mart_holds(visit, full_home, tmp_path):
    page = visit.open("churn_list")
    rows = query(
        full_home,
        "select customer_id, score from marts.churn_list where tenant_id = 'acme' "
        "and coalesce(case_status, 'open') in ('open', 'taken') order by call_order nulls last, customer_id",
    ).to_pylist()
    expected = sorted((row["customer_id"], row["score"]) for row in rows)
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").filter(has_text="CSV").first.click()
    assert re.fullmatch(r"churn_list-calls_acme_.*\.csv", waiting.value.suggested_filename)
    told = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text())))
    assert sorted((row["customer_id"], int(row["score"])) for row in told) == expected
    with page.expect_download() as waiting:
        page.get_by_test_id("stDownloadButton").filter(has_text="Excel").first.click()
    target = tmp_path / "rows.xlsx"
    waiting.value.save_as(target)
    head, *body = openpyxl.load_workbook(target).active.iter_rows(values_only=True)
    places = [head.index("customer_id"), head.index("score")]
    assert sorted(tuple(row[place] for place in places) for row in body) == expected


def test_a_row_leads_to_its_subject_under_the_same_filters(visit):
    page = visit.open("deal", "?lang=UK")
    page.wait_for_timeout(1000)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    with visit.context.expect_page() as waiting:
        page.mouse.move(box["x"] + 25, box["y"] + 35 + 17)
        page.wait_for_timeout(500)
        page.mouse.down()
        page.wait_for_timeout(100)
        page.mouse.up()
    subject = waiting.value
    subject.wait_for_selector("#done-deal", state="attached")
    chosen = re.search(r"deal=(deal-\d+)", subject.url)
    assert chosen
    assert "lang=UK" in subject.url
    expect(subject.get_by_role("heading", name=f"title-{chosen.group(1)[-2:]}")).to_be_visible()


def test_the_first_page_keeps_what_the_address_says(visit):
    page = visit.page
    page.goto(f"{visit.address}/?lang=RU")
    visit.settled("overview")
    expect(page.get_by_role("heading", name=text.say("page.overview", "RU"))).to_be_visible()


def test_a_page_out_of_bounds_says_so(visit):
    page = visit.open("overview", "?lang=UK")
    assert page.get_by_role("heading", name=text.say("page.overview", "UK")).is_visible()
    page.get_by_role("combobox", name=re.compile(text.say("frame.role", "UK"))).click()
    page.get_by_role("option", name=text.say("role.marketing", "UK")).click()
    expect(page.get_by_role("link", name=text.say("page.finance", "UK"))).to_have_count(0)
    page.wait_for_url("**role=marketing**")
    # In a new tab, by its address: who may open it is asked there, too, and in the role that the address keeps.
    page.goto(page.url.replace("/overview", "/finance"))
    expect(page.get_by_text(text.say("state.not_allowed", "UK"))).to_be_visible()
    assert page.get_by_test_id("stMetricValue").count() == 0


@pytest.mark.parametrize(
    "told", ["**bold** _x_ `z` $y$ <b>", "1. :red[x] :material/delete: :smile:", "http://x.example -> a@b.example"]
)
def test_texts_of_users_are_shown_as_they_are(visit, told):
    page = visit.open("deal", "?" + urlencode({"deal": told}))
    (shown,) = page.get_by_test_id("stAlert").all()
    assert shown.inner_text().replace("\u200b", "").strip().endswith(text.say("deal.unknown", deal=told))
    assert shown.locator("a, strong, em, code, .katex").count() == 0


def faults(page: Page) -> list[str]:
    """Serious faults that axe finds, but those of Streamlit's own frame."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical") and one["id"] not in FRAMEWORK_RULES
        for node in one["nodes"]
        if not any(mark in node["html"] for mark in FRAMEWORK)
    ]


# Items of the navigation's list, signs of sparklines: Streamlit gives them no role and no title.
FRAMEWORK_RULES = ("listitem", "svg-img-alt")
FRAMEWORK = (
    "stSidebarNav",
    "stMetricChart",
    "<svg",
    "<canvas",
    "data-baseweb",
    "react-aria",
    "stDateInput",
    "dvn-",
)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(
    "name", [name if name in QUICK[:1] else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_pages_are_accessible_and_draw_without_a_complaint(browser, address, name, colours):
    one = Visit(browser, address, color_scheme=colours)
    page = one.open(name)
    page.wait_for_timeout(500)
    assert faults(page) == []
    one.clean()


@pytest.mark.slow
def test_a_narrow_screen_needs_no_sideways_scrolling(browser, address):
    one = Visit(browser, address)
    one.page.set_viewport_size({"width": 390, "height": 844})
    for name in NAMES:
        page = one.open(name)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    one.clean()
