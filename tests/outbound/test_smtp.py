"""Alerts by mail, to a real server: who gets which, what a refusal becomes, and that the password stays where it is."""

import ast
import csv
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dashboards.registry import pages
from tests.outbound import certificates
from tests.outbound.mailbox import PASSWORD, USER, Mailbox
from warehouse.errors import DealhouseError, UsageError
from warehouse.links import PAGE_OF_SUBJECT, alert_link
from warehouse.mail import Mail, MailError, SmtpSettings, compose, send
from warehouse.reports.notices import notice
from warehouse.settings import PROJECT_DIR
from warehouse.writeback.destination import ACKNOWLEDGED, Outcome, Row
from warehouse.writeback.destinations.smtp import AlertMail

MAIL = Mail("Subject", "text", "<p>text</p>", {"chart": b"\x89PNG"}, "report.1")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


def smtp(mailbox: Mailbox, **own: Any) -> SmtpSettings:
    return SmtpSettings(_env_file=None, **mailbox.settings(**own))


def alert(number: int, kind: str = "raised", tenant_id: str = "acme", **data: Any) -> Row:
    stated = {
        "since": "2026-03-01T09:30:00Z",
        "severity": "warning",
        "subject_type": "deal",
        "subject_id": f"d-{number}",
    }
    payload = {
        "specversion": "1.0", "id": f"{number:064x}", "source": "dealhouse", "type": f"ops.alert.{kind}",
        "subject": f"d-{number}", "time": "2026-03-01T09:30:00Z", "tenantid": tenant_id,
        "data": {"alert_id": f"a-{number}", "rule": "deal_slipping"}
        | (stated if kind == "raised" else {"resolved_at": "2026-03-02T10:00:00Z"}) | data,
    }  # fmt: skip
    return Row(tenant_id, f"ops.alert/{number}", "insert", payload, None, payload["id"])


def sender(mailbox: Mailbox, **own: Any) -> AlertMail:
    recipients = own.pop("alert_recipients", {"*": ["ops@example.org"]})
    return AlertMail(smtp(mailbox, alert_recipients=recipients, **own), "https://bi.example.org", lambda _: None)


def text_of(message: Any, kind: str = "plain") -> str:
    return str(message.get_body((kind,)).get_content())


def test_a_sync_is_one_mail_that_groups_what_was_raised_and_resolved(mailbox) -> None:
    rows = [
        alert(1), alert(2, rule="sla_overdue", severity="error", subject_type="timer"), alert(3), alert(4, "resolved"),
    ]  # fmt: skip
    assert sender(mailbox).deliver("event", rows) == [ACKNOWLEDGED] * 4
    ((recipients, message),) = mailbox.messages
    assert recipients == ["ops@example.org"]
    assert message["Subject"] == "Alerts of acme: 3 raised, 1 resolved (1 critical)"
    text = text_of(message)
    # The serious ones first, then by rule, then what is over.
    headings = ["SLA overdue raised (1)", "Deal slipping raised (2)", "Deal slipping resolved (1)"]
    assert [text.index(each) for each in headings] == sorted(text.index(each) for each in headings)
    assert "1 Mar 2026, 09:30" in text.replace("\N{NO-BREAK SPACE}", " ")
    page = text_of(message, "html")
    assert 'href="https://bi.example.org/deal?tenant=acme&amp;deal=d-1"' in page
    assert 'href="https://bi.example.org/overview?tenant=acme"' in page


def test_nobody_reads_of_the_alerts_of_another_tenant(mailbox) -> None:
    recipients = {"acme": ["acme@example.org"], "umbra": ["umbra@example.org", "second@example.org"]}
    rows = [alert(1, tenant_id="acme"), alert(2, tenant_id="umbra")]
    own = sender(mailbox, alert_recipients=recipients)
    assert own.deliver("event", rows) == [ACKNOWLEDGED] * 2
    assert [own.takes(tenant_id) for tenant_id in ("acme", "umbra", "nobody")] == [True, True, False]
    assert {tuple(to): "d-1" in text_of(message) for to, message in mailbox.messages} == {
        ("acme@example.org",): True,
        ("umbra@example.org", "second@example.org"): False,
    }


def test_what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not(mailbox) -> None:
    mailbox.script[:] = ["451 4.7.1 Greylisted", "421 4.3.2 Busy"]
    (outcome,) = sender(mailbox).deliver("event", [alert(1)])
    assert (outcome.status, outcome.attempts) == ("acknowledged", 3)
    mailbox.script[:] = ["554 5.6.0 This is no mail"]
    (outcome,) = sender(mailbox).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code, outcome.message) == ("rejected", "554", "5.6.0 This is no mail")
    mailbox.script[:] = ["452 4.2.2 Full"] * 9
    (outcome,) = sender(mailbox).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code, outcome.attempts) == ("failed", "452", 4)
    ids = {message["Message-ID"] for _, message in mailbox.messages}
    assert len(ids) == 1


def test_one_address_that_is_refused_does_not_keep_it_from_the_others(mailbox) -> None:
    mailbox.refused["gone@example.org"] = "550 5.1.1 <gone@example.org>: no such user"
    both = {"*": ["gone@example.org", "ops@example.org"]}
    (outcome,) = sender(mailbox, alert_recipients=both).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code) == ("acknowledged", "550")
    assert outcome.message == "Not to 1 of 2 recipients: 5.1.1 <[address]>: no such user"
    assert [to for to, _ in mailbox.messages] == [["ops@example.org"]]
    (outcome,) = sender(mailbox, alert_recipients={"*": ["gone@example.org"]}).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code) == ("rejected", "550")
    assert "example.org" not in outcome.message


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("5.1.1 <gone@example.org>: no such user", "5.1.1 <[address]>: no such user"),
        ('to "ann b"@example.org, cc=x@y.example; done', "to [address], [address]; done"),
        # The square of its length, a million million steps, would outlast every time limit.
        ("x" * 1_000_000 + " @ a@b", "x" * 1_000_000 + " @ [address]"),
    ],
)
def test_addresses_are_cut_from_words_of_any_length(told: str, kept: str) -> None:
    assert Outcome("failed", message=told).message == kept


@pytest.mark.parametrize(
    "answer",
    [
        "530 5.7.0 Authentication required",
        "550 5.7.1 not your address: <a@example.org>",
        "554 5.7.1 Relay access denied",
    ],
)
def test_what_is_refused_whatever_the_mail_is_loses_no_alert(mailbox, answer: str) -> None:
    mailbox.refused_sender = answer
    (outcome,) = sender(mailbox).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code, outcome.attempts) == ("failed", answer[:3], 1)
    assert "example.org" not in outcome.message
    mailbox.refused_sender = ""
    mailbox.refused.update({"gone@example.org": "550 5.1.1 No such user", "ops@example.org": answer})
    (outcome,) = sender(mailbox, alert_recipients={"*": list(mailbox.refused)}).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code, outcome.attempts) == ("failed", answer[:3], 1)
    mailbox.refused.clear()
    mailbox.script[:] = [answer]
    assert sender(mailbox).deliver("event", [alert(1)])[0].status == "failed"


def test_a_mail_that_one_address_may_get_later_is_not_given_up(mailbox) -> None:
    mailbox.refused.update({"gone@example.org": "550 5.1.1 No such user", "full@example.org": "452 4.2.2 Full"})
    (outcome,) = sender(mailbox, alert_recipients={"*": list(mailbox.refused)}).deliver("event", [alert(1)])
    assert (outcome.status, outcome.code) == ("failed", "452")


def test_a_server_that_is_not_there_is_a_failure_of_all_rows() -> None:
    with Mailbox() as mailbox:
        own = sender(mailbox)
    outcomes = own.deliver("event", [alert(1), alert(2)])
    assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("failed", 4)] * 2


def test_a_long_list_is_cut_and_says_how_much_it_leaves_out() -> None:
    mail = notice("acme", [alert(number).payload for number in range(50)], "", "m")
    assert "… and 30 more" in mail.text
    assert "Alerts of acme: 50 raised" in mail.html
    assert "href" not in mail.html


def test_what_a_producer_wrote_is_text_in_the_mail_and_no_header() -> None:
    tenant_id = "acme\r\nBcc: everybody@example.org"
    event = alert(1, message="<script>alert(1)</script> & more", tenant_id=tenant_id).payload
    mail = notice(tenant_id, [event], "", "m")
    assert "<script>" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in mail.html
    message = compose(mail, "dealhouse@example.org", ["ops@example.org"])
    assert message["Bcc"] is None
    assert "\nBcc:" not in message.as_string().split("\r\n\r\n")[0]


def test_the_password_goes_over_a_line_that_is_encrypted_and_to_the_right_server(tmp_path: Path) -> None:
    authority, server = certificates.make(tmp_path, "127.0.0.1")
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    with Mailbox(server, is_password_needed=True) as mailbox:
        own = {"security": "starttls", "user": USER, "password_file": secret}
        assert send(smtp(mailbox, ca_file=authority, **own), MAIL, ["ops@example.org"]) == {}
        assert mailbox.log_ins == [True]
        # Without the authority, the certificate is nobody's, and nothing is said to the server.
        with pytest.raises(MailError, match="certificate"):
            send(smtp(mailbox, **own), MAIL, ["ops@example.org"])
        assert mailbox.log_ins == [True]


def test_a_server_without_encryption_is_not_spoken_to_where_it_was_asked_for(mailbox) -> None:
    with pytest.raises(MailError):
        send(smtp(mailbox, security="starttls"), MAIL, ["ops@example.org"])
    assert mailbox.attempts == 0


def test_a_password_that_the_server_repeats_is_not_told_on(caplog) -> None:
    wrong = "canary-wrong-5b1d"
    with Mailbox(is_password_needed=True) as mailbox, caplog.at_level(logging.DEBUG):
        own = smtp(mailbox, user=USER, password=SecretStr(wrong))
        with pytest.raises(MailError) as caught:
            send(own, MAIL, ["ops@example.org"])
        outcomes = AlertMail(
            own.model_copy(update={"alert_recipients": {"*": ["ops@example.org"]}}), "", lambda _: None
        ).deliver("event", [alert(1)])
    assert (outcomes[0].status, outcomes[0].code) == ("failed", "535"), "the settings are wrong, and no alert is"
    # But for what the server of this test writes of itself.
    log = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")
    for text in (str(caught.value), repr(caught.value), repr(own), repr(outcomes), log):
        assert wrong not in text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("own", "why"),
    [({"host": ""}, "No mail server"), ({"sender": ""}, "comes from"), ({"sender": "no address"}, "no mail address")],
)
def test_settings_that_cannot_be_used_say_so(mailbox, own, why) -> None:
    with pytest.raises(UsageError, match=why):
        send(SmtpSettings(_env_file=None, **{**mailbox.settings(), **own}), MAIL, ["ops@example.org"])


def test_a_password_file_that_is_not_there_is_named(mailbox, tmp_path: Path) -> None:
    with pytest.raises(DealhouseError, match="absent"):
        send(smtp(mailbox, user=USER, password_file=tmp_path / "absent"), MAIL, ["ops@example.org"])


def test_the_same_mail_is_the_same_bytes() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    first, second = (compose(MAIL, "a@example.org", ["b@example.org"], moment).as_bytes() for _ in range(2))
    assert first == second


def test_links_lead_to_the_page_of_the_subject() -> None:
    base = "https://bi.example.org/"
    assert alert_link(base, "deal", "d 1", "acme") == "https://bi.example.org/deal?tenant=acme&deal=d+1"
    assert alert_link(base, "timer", "d/sla/1", "acme") == "https://bi.example.org/stages?tenant=acme"
    assert alert_link("", "deal", "d", "acme") == ""


def test_every_subject_of_the_rules_has_a_page_and_every_page_that_is_named_exists() -> None:
    known = {page.name for page in pages()}
    with (PROJECT_DIR / "seeds" / "alert_rule.csv").open() as seed:
        assert {rule["subject_type"] for rule in csv.DictReader(seed)} == PAGE_OF_SUBJECT.keys()
    assert set(PAGE_OF_SUBJECT.values()) <= known
    tree = ast.parse((PROJECT_DIR / "warehouse" / "reports" / "content.py").read_text())
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call) and ast.unparse(each.func) == "Section"]
    assert calls
    assert {ast.literal_eval(each.args[1]) for each in calls} <= known
