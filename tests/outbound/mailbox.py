"""A mail server on a real socket that keeps what it takes and refuses what it is told to refuse."""

import email
import ssl
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER, PASSWORD = "dealhouse", "canary-password-7c3e"


class AnyPort(Controller):
    """Listens on a port that is free, which its first connection to itself has to know."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """Answers each attempt at a message with the next line of `script`, and takes it where there is none."""

    def __init__(self, certificate: Path | None = None, *, is_password_needed: bool = False) -> None:
        self.script: list[str] = []
        self.refused: dict[str, str] = {}
        """Answers to recipients that are not taken."""
        self.refused_sender = ""
        """Answer to whom mail comes from, where they are not taken."""
        self.messages: list[tuple[list[str], EmailMessage]] = []
        self.attempts = 0
        self.log_ins: list[bool] = []
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
        self._controller = AnyPort(
            self,
            hostname="127.0.0.1",
            port=0,
            tls_context=context,
            require_starttls=certificate is not None,
            authenticator=self._log_in,
            auth_required=is_password_needed,
            auth_require_tls=False,
        )

    def __enter__(self) -> "Mailbox":
        self._controller.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def settings(self, **own: Any) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "security": "none", "sender": "dealhouse@example.org", **own}

    def _log_in(self, server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        self.log_ins.append(is_right)
        said = None if is_right else f"535 5.7.8 {data.password.decode()} is not the password"
        return AuthResult(success=is_right, handled=False, message=said)

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        if self.refused_sender:
            return self.refused_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        self.attempts += 1
        if self.script:
            return self.script.pop(0)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append((list(envelope.rcpt_tos), message))
        return "250 OK"
