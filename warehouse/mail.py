"""Mail: how a message is put together, and how it is handed to an SMTP server.

What a mail says belongs to the reports and to the notices of alerts. Nobody is written to here whom the settings do not
name.
"""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.clock import utc_now
from warehouse.errors import DealhouseError, UsageError

ANYBODY = "*"
"""Stands for every tenant that has no recipients of its own."""

OF_THE_LOG_IN = {530, 534, 535, 538}
"""Says at whatever command that nobody who is known has logged in (RFC 4954): no mail is to blame."""

OF_POLICY = re.compile(r"5\.7\.\d")
"""Begins an answer of security or policy (RFC 3463), such as that this sender may not relay: no mail is to blame."""


class SmtpSettings(BaseSettings):
    """Where mail is handed in, from whom, and to whom. Environment variables carry the prefix ``DEALHOUSE_SMTP_``."""

    model_config = SettingsConfigDict(env_prefix="DEALHOUSE_SMTP_", env_file=".env", extra="ignore")

    host: str = Field("", description="SMTP server; no mail is sent where it is unset.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls (from the first byte), or none, which hands in no password."
    )
    ca_file: Path | None = Field(None, description="Certificates of a private authority that signed the server's.")
    user: str = Field("", description="User name; no log-in where it is unset.")
    password: SecretStr | None = Field(None, description="Password of the user.")
    password_file: Path | None = Field(None, description="File that holds the password instead; read for every mail.")
    sender: str = Field("", description="Address that mail comes from.")
    timeout_seconds: float = Field(30.0, gt=0, description="How long an answer of the server is waited for.")
    report_recipients: dict[str, list[str]] = Field(
        default_factory=dict, description="Addresses by tenant that reports go to; * for tenants that are not named."
    )
    alert_recipients: dict[str, list[str]] = Field(
        default_factory=dict, description="Addresses by tenant that alerts go to; * for tenants that are not named."
    )

    def secret(self) -> str:
        """Return the password as it is now, so that it can be changed without a restart; empty where there is none."""
        if self.password_file is not None:
            try:
                return self.password_file.read_text().strip()
            except OSError as error:
                raise UsageError(
                    "The password of the mail server cannot be read.",
                    where=str(self.password_file),
                    why=error.strerror or type(error).__name__,
                    todo="Correct DEALHOUSE_SMTP_PASSWORD_FILE.",
                ) from None
        return self.password.get_secret_value() if self.password else ""


class MailError(DealhouseError):
    """A mail was not taken by the server.

    Parameters
    ----------
    is_lasting
        Whether to send the same again is of no use now.
    is_of_the_mail
        Whether it is this mail or its recipients that the server will not have, and not all that comes from here.
    """

    def __init__(self, code: str, answer: str, *, is_lasting: bool, where: str, is_of_the_mail: bool = False) -> None:
        self.code, self.answer, self.is_lasting, self.is_of_the_mail = code, answer, is_lasting, is_of_the_mail
        super().__init__(
            "The mail was not sent.",
            where=where,
            why=f"{code} {answer}".strip(),
            todo="Correct the address or the DEALHOUSE_SMTP_… settings." if is_lasting else "Try again later.",
        )


@dataclass(frozen=True)
class Mail:
    """A message before it has a sender: a text, the same as HTML, and the images that the HTML names by ``cid:``."""

    subject: str
    text: str
    html: str
    images: Mapping[str, bytes] = field(default_factory=dict)
    """PNG by the name that the HTML has after ``cid:``."""
    message_id: str = ""
    """Left part of the Message-ID: the same for the same statement, so that a repeated one can be told."""


def recipients_of(tenant_id: str, recipients: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the addresses for a tenant: its own, else those for anybody."""
    return list(recipients.get(tenant_id, recipients.get(ANYBODY, ())))


def compose(mail: Mail, sender: str, recipients: Sequence[str], at: datetime | None = None) -> EmailMessage:
    """Put a message together: text and HTML as alternatives, the images beside the HTML.

    Raises
    ------
    UsageError
        If an address is none.
    """
    message = EmailMessage(policy=SMTP)
    # A name of a tenant or a rule may hold what is not allowed in a header, a line break above all.
    message["Subject"] = "".join(sign if sign.isprintable() else " " for sign in mail.subject)
    message["From"] = _address(sender or "dealhouse@localhost")
    message["To"] = [_address(each) for each in recipients] or "undisclosed-recipients:;"
    message["Date"] = format_datetime((at or utc_now()).replace(tzinfo=None), usegmt=False)
    domain = sender.rpartition("@")[2] or "localhost"
    message["Message-ID"] = f"<{mail.message_id}@{domain}>" if mail.message_id else make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    if mail.images:
        related = message.get_payload()[1]  # type: ignore[index]
        assert isinstance(related, EmailMessage)
        for name, png in mail.images.items():
            related.add_related(png, "image", "png", cid=f"<{name}>", filename=f"{name}.png", disposition="inline")
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            # Drawn by lot otherwise, so that the same mail would be another file each time.
            part.set_boundary(hashlib.sha256(f"{mail.message_id}{number}{mail.text}".encode()).hexdigest()[:40])
    return message


def send(settings: SmtpSettings, mail: Mail, recipients: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Hand a mail to the server.

    Returns
    -------
    dict of str to (str, str)
        The recipients that the server refused, with its code and words, where it took the others.

    Raises
    ------
    MailError
        If nobody gets it: refused, or the server cannot be reached.
    UsageError
        If the settings cannot be used.
    """
    if not settings.host:
        raise UsageError("No mail server is set.", todo="Set DEALHOUSE_SMTP_HOST and DEALHOUSE_SMTP_SENDER.")
    if not settings.sender:
        raise UsageError("No address is set that mail comes from.", todo="Set DEALHOUSE_SMTP_SENDER.")
    message = compose(mail, settings.sender, recipients)
    where = f"{settings.host}:{settings.port}"
    try:
        with _session(settings) as server:
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        refusals = [_refusal(*answer, settings, is_of_the_mail=True) for answer in error.recipients.values()]
        # Where one of them may be taken later, so may the mail.
        raise min(refusals, key=lambda one: (one.is_lasting, one.is_of_the_mail)) from None
    except smtplib.SMTPResponseException as error:
        # Without the exception's own chain: that of a failed log-in may carry what was said to the server.
        is_of_the_mail = isinstance(error, smtplib.SMTPDataError)
        raise _refusal(error.smtp_code, error.smtp_error, settings, is_of_the_mail=is_of_the_mail) from None
    except ssl.SSLCertVerificationError as error:
        raise MailError("", error.verify_message, is_lasting=False, where=where) from None
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(
            "", _words(str(error) or type(error).__name__, settings), is_lasting=False, where=where
        ) from None
    return {address: (str(code), _words(answer, settings)) for address, (code, answer) in refused.items()}


def _refusal(code: int, answer: bytes | str, settings: SmtpSettings, *, is_of_the_mail: bool) -> MailError:
    words = _words(answer, settings)
    is_of_all = code in OF_THE_LOG_IN or OF_POLICY.match(words) is not None
    return MailError(
        str(code),
        words,
        is_lasting=code >= 500,
        where=f"{settings.host}:{settings.port}",
        is_of_the_mail=is_of_the_mail and code >= 500 and not is_of_all,
    )


@contextmanager
def _session(settings: SmtpSettings) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    if settings.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=settings.timeout_seconds, context=context
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
    with server:
        if settings.security == "starttls":
            server.starttls(context=context)
        password = settings.secret()
        if settings.user and password:
            if settings.security == "none" and not _is_this_machine(settings.host):
                raise UsageError(
                    "A password is not sent over a line that anybody can read.",
                    where=f"{settings.host}:{settings.port}",
                    todo="Set DEALHOUSE_SMTP_SECURITY to starttls or tls.",
                )
            server.login(settings.user, password)
        yield server


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError):
        raise UsageError(f"{text!r} is no mail address.", todo="Correct the DEALHOUSE_SMTP_… settings.") from None


def _words(answer: bytes | str, settings: SmtpSettings) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    password = settings.secret()
    if password:
        text = text.replace(password, "[hidden]")
    return " ".join(text.split())[:500]
