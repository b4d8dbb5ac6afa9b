"""The weekly and the monthly report: its numbers are those of the marts, and it reads as a mail and as a page."""

import email
from dataclasses import replace
from datetime import date, datetime
from email.policy import default
from io import BytesIO
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from tests.outbound.mailbox import Mailbox
from tests.reports.conftest import MARTS, Page, read
from warehouse.chain import read as read_chain
from warehouse.cli.app import app, load_commands
from warehouse.errors import UsageError
from warehouse.lock import writer_lock
from warehouse.mail import MailError, SmtpSettings, compose
from warehouse.numbers import fmt
from warehouse.publish import RunInfo, publish
from warehouse.publish.reader import NothingPublishedError
from warehouse.reports import charts
from warehouse.reports.content import compile_report, name_of
from warehouse.reports.parts import Cell, Figure, Report, Section, Table, tenants
from warehouse.reports.period import Period, last_complete, period_of
from warehouse.reports.render import render_report, standalone
from warehouse.reports.sending import _keep, write_reports
from warehouse.settings import PROJECT_DIR, Settings
from warehouse.store import open_store

AS_OF = datetime(2026, 3, 31, 12)
WEEK, FEBRUARY, MARCH = (
    Period("week", date(2026, 3, 16)),
    Period("month", date(2026, 2, 1)),
    Period("month", date(2026, 3, 1)),
)
BASE = "https://bi.example.org"


def page_of(marts: duckdb.DuckDBPyConnection, tenant_id: str, period: Period) -> Page:
    return read(render_report(compile_report(marts, tenant_id, period, AS_OF, "v1", "USD"), BASE).html)


def money(value: object) -> str:
    return fmt(value, "amount", currency="USD").replace("\N{NO-BREAK SPACE}", " ")


def shown(value: object, kind: str) -> str:
    return fmt(value, kind, currency="USD").replace("\N{NO-BREAK SPACE}", " ")


def test_the_week_that_was_worked_out_by_hand(marts) -> None:
    """Of the small company, in the week of 16 March: 14,400 won in adtech and 3,000 in studio."""
    report = compile_report(marts, "default", WEEK, AS_OF, "v1", "USD")
    page = read(render_report(report, BASE).html)
    assert page.tables["Pipeline studio"][0] == ["", "Deals", "This week", "Deals", "Before"]
    assert ["Won", "1", "$3,000"] in [row[:3] for row in page.tables["Pipeline studio"]]
    assert "$14.4K" in [row[2] for row in page.tables["Pipeline adtech"] if row[0] == "Won"]
    assert report.subject.startswith("Week 12: won (")


@pytest.mark.parametrize("period", [WEEK, FEBRUARY, MARCH], ids=lambda period: period.slug)
def test_every_number_is_that_of_the_mart(marts, period: Period) -> None:
    """By statements of the test's own, for each tenant."""
    seen = set()
    for tenant_id in tenants(marts):
        page = page_of(marts, tenant_id, period)
        for row in marts.execute(
            "select pipeline, opening_count, opening_base, won_count, won_base, lost_count, lost_base, closing_count, "
            "closing_base, count(*) over () from marts.pipeline_flow where tenant_id = ? and dimension = 'total' and "
            "period_kind = ? and period_start_date = ?",
            [tenant_id, period.kind, period.first],
        ).fetchall():
            lines = {line[0]: line[1:3] for line in page.tables[f"Pipeline {row[0]}" if row[-1] > 1 else "Pipeline"]}
            for label, start in (("Open at the start", 1), ("Won", 3), ("Lost", 5), ("Open at the end", 7)):
                count, amount = row[start : start + 2]
                # A line of zeros in both periods is left out.
                assert lines.get(label, ["0", "$0"]) == [fmt(count, "count"), money(amount)], (tenant_id, label)
            seen.add("pipeline")
        kpis = {line[0]: line[1:] for line in page.tables.get("KPIs of the month", [[""]])[1:]}
        for kpi, value, unit, target, status, basis in marts.execute(
            "select kpi, kpi_value, kpi_unit, target, target_status, basis_count from marts.kpi "
            "where tenant_id = ? and kpi_month = ? and kpi_value is not null",
            [tenant_id, period.month],
        ).fetchall():
            text = shown(value, unit) + (f" n = {basis}" if unit == "share" and basis < 100 else "")
            line = kpis.pop(name_of(kpi))
            assert [line[0], line[2], line[3]] == [text, shown(target, unit), status], (tenant_id, kpi)
            seen.add("kpi")
        assert kpis == {}
        for start, new, churn, end, nrr in marts.execute(
            "select start_base, new_base, churn_base, end_base, nrr from marts.mrr_month "
            "where tenant_id = ? and segment_kind = 'total' and mrr_month = ?",
            [tenant_id, period.month],
        ).fetchall():
            lines = {line[0]: line[1] for line in page.tables["Recurring revenue"]}
            assert lines.get("At the start", "$0") == money(start)
            assert lines.get("New", "$0") == money(new)
            assert lines.get("Churn", "$0") == money(churn)
            assert lines["At the end"] == money(end)
            assert lines["Net revenue retention"] == shown(nrr, "rate")
            seen.add("mrr")
        day = "week_start_date" if period.kind == "week" else "calendar_month"
        for revenue, sold in marts.execute(
            f"select revenue_base, sold_count from marts.shop_{period.kind} where tenant_id = ? and {day} = ?",
            [tenant_id, period.first],
        ).fetchall():
            lines = {line[0]: line[1] for line in page.tables["Shop"]}
            assert (lines["Revenue"], lines["Orders sold"]) == (money(revenue), fmt(sold, "count"))
            seen.add("shop")
        delays = [
            [str(overdue), str(late), str(timers), shown(rate, "rate_whole")]
            for overdue, late, timers, rate in marts.execute(
                "select overdue_count, breached_count, timer_count, breach_rate from marts.sla_bottleneck "
                "where tenant_id = ? and started_month = ? and breached_count + overdue_count > 0",
                [tenant_id, period.month],
            ).fetchall()
        ]
        assert sorted(row[1:5] for row in page.tables.get("Where deals wait too long", [[]])[1:]) == sorted(delays)
        alerts = marts.execute(
            "select count(*) from marts.alert where tenant_id = ? and is_open and raised_at <= ?",
            [tenant_id, datetime.combine(period.last, datetime.max.time())],
        ).fetchone()
        assert len(page.tables.get("Open alerts", [[]])) - 1 == min(alerts[0], 8)
    assert seen >= {"pipeline", "kpi", "mrr"}


def test_every_unit_of_an_alert_and_every_kind_of_check_can_be_written() -> None:
    """A rule of each unit of the seed and one of money; the share of a batch that was rejected as a whole is 100 %."""
    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute(
            "create table marts.alert as select 't' as tenant_id, min(rule) as alert_rule, '' as subject_id, unit as "
            "alert_unit, 'warning' as severity, true as is_open, timestamp '2026-03-01' as raised_at, "
            "2::double as alert_value, 1::double as alert_threshold from read_csv(?, header = true) group by unit",
            [str(PROJECT_DIR / "seeds" / "alert_rule.csv")],
        )
        con.execute("insert into marts.alert select * replace ('money' as alert_unit) from marts.alert limit 1")
        con.execute(
            "create table marts.data_quality as select 't' as tenant_id, 'warn' as check_status, null as since_at, "
            "checks.* from (values ('quarantine_share', '7', 1::double), ('quarantine_share', '8', 0.5), "
            "('rejected_rows', 'a', 1), ('source_silent', 'crm', 14)) as checks (check_name, subject_id, check_value)"
        )
        page = page_of(con, "t", MARCH)
    alerts = sorted(row[3] for row in page.tables["Open alerts"][1:])
    assert alerts == sorted(["2 d", "2 h", "200.0%", "2.0×", "2", "$2"])
    checks = [(row[0].split()[-1], row[1]) for row in page.tables["Data that needs a look"][1:]]
    assert sorted(checks) == [("7", "100.0%"), ("8", "50.0%"), ("a", "1"), ("crm", "14 d")]


def test_a_report_of_one_tenant_knows_nothing_of_another(marts) -> None:
    ids = {
        name
        for (name,) in marts.execute(
            "select distinct subject_id from marts.alert where tenant_id = 'default'"
        ).fetchall()
    }
    text = page_of(marts, "pipeline", MARCH).text
    assert "default" not in text
    own = {
        name
        for (name,) in marts.execute(
            "select distinct subject_id from marts.alert where tenant_id = 'pipeline'"
        ).fetchall()
    }
    assert not any(subject in text for subject in ids - own if len(subject) > 3)


def test_what_is_not_over_says_so(marts) -> None:
    report = compile_report(marts, "default", MARCH, AS_OF, "v1", "USD")
    assert report.subject.startswith("Mar\N{NO-BREAK SPACE}2026 so far: ")
    assert "The month is not over yet" in read(render_report(report).html).text


def test_links_lead_to_the_pages_and_there_are_none_without_an_address(marts) -> None:
    report = compile_report(marts, "default", MARCH, AS_OF, "v1", "USD")
    assert f"{BASE}/stages?tenant=default" in read(render_report(report, BASE).html).links
    assert read(render_report(report).html).links == []


def made(text: str) -> Report:
    section = Section(text, "sales", text, table=Table(["a", text], [[Cell(text, text), Cell(text)]]))
    return Report(text, WEEK, AS_OF, "v1", "USD", text, [Figure(text, Cell(text, text))], [section])


def test_names_of_customers_are_text_and_neither_markup_nor_headers() -> None:
    text = '<img src=x onerror=alert(1)> & "quoted"\r\nBcc: all@example.org'
    mail = render_report(made(text), "https://bi.example.org/?q=<&")
    assert "<img" not in mail.html
    assert "&lt;img src=x onerror=alert(1)&gt; &amp;" in mail.html
    message = compose(mail, "dealhouse@example.org", ["a@example.org"])
    assert message["Bcc"] is None
    assert text.split("\r\n")[0] in read(mail.html).text


def test_the_mail_has_a_text_a_page_and_the_images_that_the_page_names(marts) -> None:
    mail = render_report(compile_report(marts, "default", MARCH, AS_OF, "v1", "USD"), BASE)
    written = compose(mail, "dealhouse@example.org", ["a@example.org"], AS_OF).as_bytes()
    message = email.message_from_bytes(written, policy=default)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "multipart/related"]
    page = read(message.get_body(("html",)).get_content())
    images = {
        part["Content-ID"].strip("<>"): part.get_content()
        for part in message.walk()
        if part.get_content_type() == "image/png"
    }
    assert {image["src"] for image in page.images} == {f"cid:{name}" for name in images}
    assert len(images) >= 2
    assert all(image["alt"] for image in page.images)
    for png in images.values():
        assert Image.open(BytesIO(png)).size[0] == pytest.approx(2 * charts.WIDTH, rel=0.1)
    # Longest line of a mail, RFC 5322.
    assert max(map(len, written.split(b"\r\n"))) <= 998


def test_charts_have_their_words(marts) -> None:
    """The renderer draws no text at all where it does not know the font; titles are where nothing else is dark."""
    assert charts.font()
    report = compile_report(marts, "default", MARCH, AS_OF, "v1", "USD")
    chart = next(section.chart for section in report.sections if section.chart)
    picture = np.asarray(Image.open(BytesIO(charts.draw(chart, "USD"))).convert("L"))
    assert (picture[: picture.shape[0] // 8] < 160).any()


def test_the_page_stands_alone_and_fits_a_phone_and_a_desk(marts, tmp_path: Path) -> None:
    """In a real browser, without a network: images are shown, and nothing runs out of the page."""
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "report.html"
    page_file.write_text(standalone(render_report(compile_report(marts, "default", MARCH, AS_OF, "v1", "USD"), BASE)))
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for width in (390, 1280):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("request", lambda request: asked.append(request.url))
            page.goto(page_file.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("[...document.images].every(each => each.naturalWidth > 500)")
            assert page.evaluate("document.images.length") >= 2
        browser.close()
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(["week", "month"]))
def test_periods_follow_each_other_without_a_gap(day: date, kind) -> None:
    period = period_of(kind, day)
    assert period.first <= day <= period.last
    assert (period.first - period.before.last).days == 1
    assert period.before.starts(1) == period.before.first == period.starts(2)
    before_midnight = datetime.combine(period.last, datetime.max.time())
    assert last_complete(kind, before_midnight) == period.before
    assert not period.is_over(before_midnight)
    after = datetime.combine(date.fromordinal(period.last.toordinal() + 1), datetime.min.time())
    assert last_complete(kind, after) == period
    assert period.is_over(after)
    assert period.first.weekday() == 0 if kind == "week" else period.first.day == 1


def test_weeks_are_named_by_the_year_that_most_of_them_is_in() -> None:
    assert period_of("week", date(2027, 1, 1)).slug == "2026-W53"
    assert period_of("week", date(2025, 12, 30)).slug == "2026-W01"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with Mailbox() as made:
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "HOST": "127.0.0.1",
            "PORT": str(made.port),
            "SECURITY": "none",
            "SENDER": "dealhouse@example.org",
            "REPORT_RECIPIENTS": '{"default": ["lead@example.org"], "pipeline": ["other@example.org"]}',
        }.items():
            monkeypatch.setenv(f"DEALHOUSE_SMTP_{name}", value)
        yield made


def copy_of(company: Settings, folder: Path) -> Settings:
    """The same publication in a home of its own, which has sent nothing yet."""
    import shutil

    shutil.copytree(company.layout().published, folder / "published", symlinks=True)
    return Settings(_env_file=None, home=folder)


def test_a_report_is_kept_and_sent_once_to_those_of_its_tenant(company, mailbox, tmp_path: Path) -> None:
    own = copy_of(company, tmp_path / "home")
    sent = write_reports(own, "month", is_sent=True)
    assert {one.report.tenant_id: one.sent_to for one in sent if one.sent_to} == {
        "default": ("lead@example.org",),
        "pipeline": ("other@example.org",),
    }
    assert all(one.page.exists() and one.mail.exists() for one in sent)
    assert all(one.why_not_sent for one in sent if not one.sent_to)
    for recipients, message in mailbox.messages:
        tenant_id = "default" if recipients == ["lead@example.org"] else "pipeline"
        kept = email.message_from_bytes(
            (own.layout().reports / f"{tenant_id}-2026-02.eml").read_bytes(), policy=default
        )
        assert message["Subject"] == kept["Subject"]
        assert message.get_body(("html",)).get_content() == kept.get_body(("html",)).get_content()
    # Again, by the schedule or by hand: nothing goes out, unless it is asked for.
    again = write_reports(own, "month", is_sent=True)
    assert {one.why_not_sent for one in again if one.report.tenant_id == "default"} == {"it was sent before"}
    assert len(mailbox.messages) == 2
    write_reports(own, "month", tenant_id="default", is_sent=True, is_sent_again=True)
    assert len(mailbox.messages) == 3
    assert len(read_chain(own.layout().reports / "sent.ndjson")) == 3


def test_a_report_that_one_tenant_cannot_get_does_not_keep_the_others_from_theirs(company, mailbox, tmp_path) -> None:
    own = copy_of(company, tmp_path / "home")
    mailbox.refused["lead@example.org"] = "550 5.1.1 No such user"
    with pytest.raises(Exception, match="No such user"):
        write_reports(own, "month", is_sent=True)
    assert [recipients for recipients, _ in mailbox.messages] == [["other@example.org"]]
    mailbox.refused.clear()
    write_reports(own, "month", is_sent=True)
    assert [recipients for recipients, _ in mailbox.messages] == [["other@example.org"], ["lead@example.org"]]


def test_a_publication_that_comes_late_delays_its_report_by_days_and_what_was_sent_is_kept(
    company, mailbox, tmp_path
) -> None:
    """On the first of April what is published ends in March; on the second, April has begun, and March goes out."""
    from orchestration.reports import report_schedules

    own = copy_of(company, tmp_path / "home")
    assert {schedule.cron_schedule for schedule in report_schedules(SmtpSettings())} == {"0 6 * * *"}
    write_reports(own, "month", is_sent=True)
    kept = {
        path.name: path.read_bytes()
        for name in ("default", "pipeline")
        for path in own.layout().reports.glob(f"{name}*")
    }
    write_reports(own, "month", is_sent=True)
    assert len(mailbox.messages) == 2
    with writer_lock(own.layout(), "test", 1), open_store(own.layout(), own) as con:
        (path,) = own.layout().published.glob("2*.duckdb")
        for schema in ("marts", "facts", "scores", "contacts"):
            con.execute(f"create schema {schema}")
        con.execute("create table facts.fact_deal as select 'd' as deal_id")
        con.execute(f"attach '{path}' as former (read_only)")
        for mart in MARTS:
            con.execute(f"create table marts.{mart} as select * from former.marts.{mart}")
        con.execute("detach former")
    publish(own.layout(), own, RunInfo(run_id="s", batch_id=2, as_of=datetime(2026, 4, 2)))
    sent = write_reports(own, "month", is_sent=True)
    assert {one.report.period.slug for one in sent if one.sent_to} == {"2026-03"}
    assert len(mailbox.messages) == 4

    def is_as_it_was_sent() -> bool:
        return {name: (own.layout().reports / name).read_bytes() for name in kept} == kept

    february = {"day": date(2026, 2, 1), "tenant_id": "default"}
    write_reports(own, "month", **february, is_sent=True)
    assert is_as_it_was_sent()
    for folder, name in [(None, "default-2026-02-fresh"), (tmp_path / "out", "default-2026-02")]:
        (fresh,) = write_reports(own, "month", **february, folder=folder)
        assert (fresh.page.name, fresh.mail.name) == (f"{name}.html", f"{name}.eml")
        assert fresh.mail.read_bytes() != kept["default-2026-02.eml"]
        assert is_as_it_was_sent()
    assert len(mailbox.messages) == 4
    mailbox.refused["lead@example.org"] = "550 5.1.1 No such user"
    with pytest.raises(MailError):
        write_reports(own, "month", **february, is_sent=True, is_sent_again=True)
    assert is_as_it_was_sent()
    mailbox.refused.clear()
    (again,) = write_reports(own, "month", **february, is_sent=True, is_sent_again=True)
    assert again.mail.name == "default-2026-02.eml"
    assert again.mail.read_bytes() == fresh.mail.read_bytes()
    assert len(mailbox.messages) == 5


def test_no_two_tenants_have_one_file(company, tmp_path) -> None:
    (one,) = write_reports(company, "month", tenant_id="default", folder=tmp_path)
    names = ["a/b", "a_b", "a b", "../a", "ä"]
    pages = [
        _keep(company.layout(), replace(one.report, tenant_id=name), tmp_path, "", SmtpSettings(), False).page
        for name in names
    ]
    assert len(set(pages)) == len(names)
    assert {page.parent for page in pages} == {tmp_path}
    assert all(page.exists() for page in pages)


def test_a_month_that_is_not_over_is_not_sent(company, mailbox, tmp_path) -> None:
    own = copy_of(company, tmp_path / "home")
    (one,) = write_reports(own, "month", day=date(2026, 3, 5), tenant_id="default", is_sent=True)
    assert one.why_not_sent == "the month is not over yet"
    assert mailbox.messages == []


def test_the_same_publication_gives_the_same_files(company, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (
        [
            (one.page.read_bytes(), one.mail.read_bytes())
            for one in write_reports(company, "week", tenant_id="default", folder=tmp_path / name)
        ]
        for name in ("a", "b")
    )
    assert first == second


def test_the_command_says_what_it_wrote(company, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    load_commands()
    arguments = ["--home", str(company.layout().root), "report", "--period", "month", "--of", "2026-03-09"]
    result = CliRunner().invoke(app, [*arguments, "--tenant", "default", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "so far: won" in " ".join(result.output.split())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["default-2026-03.eml", "default-2026-03.html"]


def test_what_there_is_nothing_of_is_said(company, tmp_path) -> None:
    with pytest.raises(UsageError, match="Known are: "):
        write_reports(company, "week", tenant_id="nobody")
    with pytest.raises(NothingPublishedError):
        write_reports(Settings(_env_file=None, home=tmp_path / "empty"), "week")


def test_the_job_sends_and_its_schedules_run_only_where_mail_is_set_up(company, mailbox, tmp_path, monkeypatch) -> None:
    from dagster import DagsterInstance, DefaultScheduleStatus

    from orchestration.reports import monthly_report, report_schedules

    own = copy_of(company, tmp_path / "home")
    monkeypatch.setenv("DEALHOUSE_HOME", str(own.home))
    with DagsterInstance.ephemeral() as instance:
        assert monthly_report.execute_in_process(instance=instance).success
    assert len(mailbox.messages) == 2
    assert {each.default_status for each in report_schedules(SmtpSettings())} == {DefaultScheduleStatus.RUNNING}
    monkeypatch.delenv("DEALHOUSE_SMTP_HOST")
    assert {each.default_status for each in report_schedules(SmtpSettings())} == {DefaultScheduleStatus.STOPPED}
