"""Takes out of received files what is older than the policy; reads and writes them as an erasure does."""

import json
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any

from warehouse.contracts.envelope import DEFAULT_TENANT
from warehouse.erasure.fields import own_fields, personal_fields
from warehouse.erasure.redact import Redactor, blanked
from warehouse.erasure.tombstones import TOKEN_PREFIX, Keyring
from warehouse.retention.policy import DROPPED

SALT = "campaigns"
"""One for all runs: a person whom two mails reached stays one in the counts, also where one was detached later."""

Rules = Mapping[tuple[str, ...], tuple[str, datetime]]


class Expiry(Redactor):
    """Takes what is due out of one file.

    Parameters
    ----------
    rules
        See :meth:`warehouse.retention.policy.Policy.rules`.
    may_drop
        Whether rows may go; in a file that a replay names rows of, they are blanked instead, and keep their number.
    rejected
        Numbers of the rows, counted from 1 without blank lines, whose originals are due.
    """

    def __init__(self, keys: Keyring, rules: Rules, may_drop: bool, rejected: Set[int]) -> None:
        super().__init__(keys, [])
        self._rules, self._may_drop, self._rejected = rules, may_drop, rejected
        self._row = 0
        self.drops_rows = may_drop

    def may_concern(self, content: bytes) -> bool:
        """Whether it is worth looking at: age shows in no single text."""
        return bool(content)

    def line(self, raw: bytes) -> bytes:
        """A line without what is due; empty where all of it is."""
        body = raw.rstrip(b"\r\n")
        if not body.strip():
            return raw
        self._row += 1
        if self._row in self._rejected:
            return self._blank(raw, body)
        try:
            event = json.loads(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return raw
        if not isinstance(event, dict):
            return raw
        clean = self.event(event)
        if clean == event:
            return raw
        self.rows += 1
        if clean:
            return json.dumps(clean, ensure_ascii=False, separators=(",", ":")).encode() + raw[len(body) :]
        return b"" if self._may_drop else self._blank(raw, body)

    def next_row(self) -> bool:
        """Count a row of a table of events; tell whether its original is due."""
        self._row += 1
        return self._row in self._rejected

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event as it is kept; empty where it is not."""
        action = _action(self._rules, event)
        if action is None:
            return event
        if action == DROPPED:
            return {}
        tenant, data = str(event.get("tenantid") or DEFAULT_TENANT), dict(event["data"])
        tokens: dict[str, str] = {}
        for name, kind in own_fields(str(event["type"])).items():
            value = data.get(name)
            if isinstance(value, str) and value and not value.startswith(TOKEN_PREFIX):
                tokens[value] = data[name] = self._keys.token(kind, tenant, value, SALT)
        for name in personal_fields().keys() & data.keys():
            del data[name]
        clean = {**event, "data": data}
        for name in ("subject", "actor"):
            if clean.get(name) in tokens:
                clean[name] = tokens[clean[name]]
        return clean

    def cells(self, names: list[str], cells: list[Any]) -> list[Any]:  # noqa: ARG002
        """Rows of a table have neither type nor age that is known here."""
        return cells

    def value(self, value: Any) -> Any:
        """What is no event has no age."""
        return value

    def _blank(self, raw: bytes, body: bytes) -> bytes:
        if body.startswith(b'{"erased":"'):
            return raw
        return blanked(body) + raw[len(body) :]


def _action(rules: Rules, event: dict[str, Any]) -> str | None:
    event_type, data = event.get("type"), event.get("data")
    if not isinstance(event_type, str) or not isinstance(data, dict):
        return None
    for types, (action, before) in rules.items():
        if event_type.startswith(types):
            try:
                at = datetime.fromisoformat(str(event["time"])).astimezone(UTC).replace(tzinfo=None)
            except (KeyError, ValueError):
                return None
            return action if at < before else None
    return None
