"""Signatures of outgoing webhooks, by the Standard Webhooks specification 1.0.0.

Each message carries ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``: HMAC-SHA256 over
``id.timestamp.body``, once with every secret, so that a receiver that knows only the old or only the new one goes on
accepting while they are exchanged.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from warehouse.errors import UsageError

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


class Signer:
    """Signs with one secret or several, the first of them the newest.

    Raises
    ------
    UsageError
        If a secret is not ``whsec_`` and the base64 of 24 to 64 bytes. The secret itself is not part of the message.
    """

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._webhooks = [Webhook(_key(number, secret)) for number, secret in enumerate(secrets, start=1)]

    def headers(self, message_id: str, body: str, at: datetime) -> dict[str, str]:
        """Headers of a message that is sent at `at` (aware); all but the signature, where there is no secret."""
        # The library takes the clock of the instant for UTC, whatever zone it names.
        instant = at.astimezone(UTC)
        headers = {"webhook-id": message_id, "webhook-timestamp": str(int(instant.timestamp()))}
        if self._webhooks:
            signatures = (webhook.sign(message_id, instant, body) for webhook in self._webhooks)
            headers["webhook-signature"] = " ".join(signatures)
        return headers


def _key(number: int, secret: SecretStr) -> bytes:
    text = secret.get_secret_value().strip()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        key = b""
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise UsageError(
            "A webhook secret cannot be used.",
            where=f"secret {number}",
            why=f"it is not {PREFIX} and then the base64 of {LEAST_BYTES} to {MOST_BYTES} random bytes",
            todo='Make one with `python -c "import base64, os; '
            "print('whsec_' + base64.b64encode(os.urandom(32)).decode())\"`.",
        )
    return key
