"""Takes persons out of events, lines and texts: ids become tokens, what describes a person goes, all else stays.

What is redacted twice is as if redacted once, and gives the same bytes, so that a second start can do it over. How the
files are read and written that hold the lines is in :mod:`warehouse.erasure.files`.
"""

import builtins
import json
import re
from collections.abc import Iterable
from typing import Any

from warehouse.contracts.envelope import DEFAULT_TENANT
from warehouse.erasure import forms
from warehouse.erasure.fields import (
    DESCRIBING,
    FIELD_KINDS,
    NOT_ABOUT_ONE,
    fields_of,
    guessed_kind,
    own_fields,
    personal_fields,
)
from warehouse.erasure.person import Person, is_distinctive
from warehouse.erasure.search import any_of
from warehouse.erasure.tombstones import TOKEN_PREFIX, Keyring, Tombstone
from warehouse.sources.ndjson import parse_json

ERASED = "erased"
"""What stands for a text that is no id."""

SHORTEST_NAME = 5
"""Letters of the shortest name that is replaced by itself in a text of the person's own; a shorter one is a word.

In texts of others no name is replaced by itself: Price and Green are words too, and other people's names.
"""

_SAID_BY_ALL = frozenset({"specversion", "source", "type", "time", "tenantid"})
"""Attributes of an event that hold no name of anybody."""


class _RepeatedKeyError(ValueError):
    """A line whose meaning depends on the reader."""


class Redactor:
    """Redacts for some persons of any tenants.

    Parameters
    ----------
    keys
        Key of the tokens.
    persons
        Who is erased, each with the salt of the erasure.
    """

    def __init__(self, keys: Keyring, persons: Iterable[tuple[Person, str]]) -> None:
        self._keys = keys
        self._ids: dict[tuple[str, str, str], str] = {}
        """(tenant, kind, value) to salt."""
        self._by_value: dict[str, list[tuple[str, str, str]]] = {}
        self._reachable: dict[tuple[str, str, str], str] = {}
        """(tenant, email or phone, normal form) to salt: an event that carries it is the person's."""
        self._anywhere: dict[str, str] = {}
        """Lower-case form of a value that is replaced wherever it stands, to its token."""
        self._encoded: dict[str, str] = {}
        """The same for base64, in which case matters."""
        self._names: set[str] = set()
        """Single names, lower-case."""
        self._found: list[Tombstone] = []
        self.new_ids: list[tuple[str, str, str]] = []
        """Ids that events of the persons have named besides those that were known: (tenant, kind, value)."""
        self.rows = 0
        """Rows that were changed so far."""
        hints: set[str] = set()
        for person, salt in persons:
            hints |= self._learn(person, salt)
        wide = {form for hint in hints | set(self._anywhere) for form in forms.any_case(hint)}
        self._hint = forms.pattern(wide | set(self._encoded), is_bounded=False)
        plain = {form for value in self._anywhere for form in forms.any_case(value)}
        self._pattern = forms.pattern(plain, is_bounded=True)
        single = {form for name in self._names if len(name) >= SHORTEST_NAME for form in forms.written(name)}
        self._single = forms.pattern({case for form in single for case in forms.any_case(form)}, is_bounded=True)
        self._base64 = re.compile(any_of(core.encode() for core in self._encoded) if self._encoded else rb"(?!)")

    def _learn(self, person: Person, salt: str) -> set[str]:
        tenant = person.tenant_id
        hints = set()
        for kind, value in person.id_pairs:
            self._ids[tenant, kind, value] = salt
            self._by_value.setdefault(value, []).append((tenant, kind, salt))
            hints.add(value)
            if is_distinctive(value) and not person.is_shared(value):
                self._everywhere(value, self._keys.token(kind, tenant, value, salt))
        for kind, values in (("email", person.emails), ("phone", person.phones)):
            for value in values:
                norm = self._keys.normalised(kind, value)
                if norm is None or person.is_shared(value):
                    continue
                self._reachable[tenant, kind, norm] = salt
                token = self._keys.token(kind, tenant, value, salt)
                for form in {value, norm, *forms.of_phone(value, norm)} if kind == "phone" else {value, norm}:
                    self._everywhere(form, token)
        self._names |= {name.lower() for name in person.names}
        for name in person.full_names:
            if not person.is_shared(name):
                self._everywhere(name, ERASED)
        return hints

    def _everywhere(self, value: str, token: str) -> None:
        for form in forms.written(value):
            self._anywhere[form.lower()] = token
        for core in forms.base64_cores(value):
            self._encoded[core] = token

    drops_rows = True
    """Whether a row of which nothing is left may go from a table; else it stays, empty, and keeps its number."""

    def next_row(self) -> bool:
        """Go on to the next row of a table of events; tell whether all of it has to go, whatever it holds."""
        return False

    @property
    def found(self) -> list[Tombstone]:
        """Tombstones of :attr:`new_ids`."""
        return self._found

    def may_concern(self, content: bytes) -> bool:
        """Whether bytes hold anything that could have to go; quick, and on the safe side."""
        return self._hint.search(content) is not None

    def line(self, raw: bytes) -> bytes:
        """A line of JSON without the persons; the very same bytes where it is of none of them."""
        if not self.may_concern(raw):
            return raw
        body = raw.rstrip(b"\r\n")
        ending = raw[len(body) :]
        try:
            event = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_unique)
            parse_json(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            if not self._pattern.search(body):
                return raw
            self.rows += 1
            return blanked(body) + ending
        changed = self.event(event) if isinstance(event, dict) else self.value(event)
        if changed == event:
            return raw
        self.rows += 1
        try:
            text = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:
            text = json.dumps(changed, separators=(",", ":")).encode()
        return text + ending

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """An event, or what was meant as one, without the persons."""
        tenant = str(event.get("tenantid") or DEFAULT_TENANT)
        data = event.get("data")
        is_own, salt = self._owner(tenant, str(event.get("type")), data) if isinstance(data, dict) else (False, "")
        is_named = is_own or (isinstance(data, dict) and self._is_named(tenant, data))
        changed: dict[str, Any] = {}
        for name, value in event.items():
            if name == "data" and isinstance(data, dict):
                changed[name] = self._data(tenant, str(event.get("type")), data, is_own, salt)
            elif name in ("subject", "actor") and isinstance(value, str):
                changed[name] = self._reference(tenant, name, value, data if isinstance(data, dict) else {})
            else:
                changed[name] = self.value(value)
            if is_named and name not in _SAID_BY_ALL:
                changed[name] = self._nameless(changed[name])
        return changed

    def value(self, value: Any) -> Any:
        """Any JSON value with what is unmistakable replaced in its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return self._record(value)
        return value

    def _record(self, record: dict[str, Any]) -> dict[str, Any]:
        """A record of unknown shape: one that carries an id of the person loses contact details as an event does."""
        tenants = [str(record.get("tenant_id") or record.get("tenantid") or "")]
        tenants = tenants if tenants[0] else sorted({tenant for tenant, _, _ in self._ids})
        changed = record
        for tenant in tenants:
            if self._owner(tenant, "", record)[0]:
                changed = self._data(tenant, "record", changed, False, "")
                changed = {name: one for name, one in changed.items() if personal_fields().get(name) is None}
                changed = {name: self._nameless(one) for name, one in changed.items()}
        if changed is record:
            changed = {name: self.value(one) for name, one in record.items()}
        return {self.text(name): one for name, one in changed.items()}

    def text(self, text: str) -> str:
        """A text with what is unmistakable replaced: distinctive ids, e-mails, phones, whole names."""
        if not text:
            return text
        content = text.encode(errors="surrogatepass")
        return self.bytes(content).decode(errors="surrogatepass") if self.may_concern(content) else text

    def bytes(self, content: bytes) -> bytes:
        """The same for bytes of which no more is known."""
        content = self._base64.sub(lambda found: self._encoded[found.group(0).decode()].encode(), content)
        return self._pattern.sub(
            lambda found: self._anywhere.get(found.group(0).decode(errors="replace").lower(), ERASED).encode(), content
        )

    def plain_line(self, line: "builtins.bytes") -> "builtins.bytes":
        """A line of an unknown format: one that tells of a person by an id or an address loses single names too."""
        clean = self.bytes(line)
        return line if clean == line else self._single.sub(ERASED.encode(), clean)

    def _nameless(self, value: Any) -> Any:
        """A value of the person's own without single names in its texts."""
        if isinstance(value, str):
            content = value.encode(errors="surrogatepass")
            return self._single.sub(ERASED.encode(), content).decode(errors="surrogatepass")
        if isinstance(value, list):
            return [self._nameless(one) for one in value]
        if isinstance(value, dict):
            return {name: self._nameless(one) for name, one in value.items()}
        return value

    def is_clean(self, content: str) -> bool:
        """Whether nothing unmistakable stands in a text."""
        return self.text(content) == content

    def cells(self, names: list[str], cells: list[Any]) -> list[Any]:
        """A row of a table as received, which no contract describes; its columns are told by their names."""
        texts = [cell for cell in cells if isinstance(cell, str) and cell]
        is_own = any(self._id_token(text) is not None or self._is_reachable(text) for text in texts)
        changed: list[Any] = []
        for name, cell in zip(names, cells, strict=False):
            if not isinstance(cell, str) or not cell:
                changed.append(cell)
            elif (token := self._id_token(cell)) is not None:
                changed.append(token)
            elif cell.startswith("{"):
                changed.append(self._json_cell(cell, is_own))
            elif not self.is_clean(cell):
                changed.append(self.text(cell))
            elif is_own and not cell.startswith(TOKEN_PREFIX) and self._is_personal(name, cell):
                changed.append(ERASED)
            else:
                changed.append(cell)
            if is_own:
                changed[-1] = self._nameless(changed[-1])
        self.rows += is_own
        return [*changed, *(self.value(cell) for cell in cells[len(changed) :])]

    def _json_cell(self, cell: str, is_own: bool) -> str:
        try:
            record = json.loads(cell)
        except ValueError:
            return self.text(cell)
        clean = self._record(record)
        if is_own:
            clean = {name: value for name, value in clean.items() if name not in personal_fields()}
        return cell if clean == record else json.dumps(clean, ensure_ascii=False, separators=(",", ":"))

    def _is_reachable(self, text: str) -> bool:
        tenants = {tenant for tenant, _, _ in self._reachable}
        forms_ = [(kind, self._keys.normalised(kind, text)) for kind in ("email", "phone")]
        return any((tenant, kind, norm or "") in self._reachable for tenant in tenants for kind, norm in forms_)

    def _is_personal(self, name: str, cell: str) -> bool:
        return bool(guessed_kind(name)) or name in personal_fields() or cell.strip().lower() in self._names

    def _id_token(self, text: str) -> str | None:
        for tenant, kind, salt in self._by_value.get(text, []):
            if is_distinctive(text):
                return self._keys.token(kind, tenant, text, salt)
        return None

    def _owner(self, tenant: str, event_type: str, data: dict[str, Any]) -> tuple[bool, str]:
        for name, kind in own_fields(event_type).items():
            salt = self._ids.get((tenant, kind, str(data.get(name))))
            if salt is not None:
                return True, salt
        for name, value in data.items():
            kind = personal_fields().get(name) or guessed_kind(name) or ""
            if kind in ("email", "phone") and isinstance(value, str):
                norm = self._keys.normalised(kind, value)
                salt = self._reachable.get((tenant, kind, norm or ""))
                if salt is not None:
                    return True, salt
        return False, ""

    def _is_named(self, tenant: str, data: dict[str, Any]) -> bool:
        return any((tenant, kind, str(data.get(name))) in self._ids for name, kind in FIELD_KINDS.items())

    def _data(self, tenant: str, event_type: str, data: dict[str, Any], is_own: bool, salt: str) -> dict[str, Any]:
        known, personal, own = fields_of(event_type), personal_fields(), own_fields(event_type)
        is_named = is_own or self._is_named(tenant, data)
        is_about = is_own and not event_type.startswith(NOT_ABOUT_ONE)
        changed: dict[str, Any] = {}
        for name, value in data.items():
            kind = str(data.get("subject_type")) if name == "subject_id" else FIELD_KINDS.get(name, "")
            known_salt = self._ids.get((tenant, kind, str(value)))
            if known_salt is not None:
                changed[name] = self._keys.token(kind, tenant, str(value), known_salt)
            elif is_about and name in own and isinstance(value, str) and value:
                changed[name] = self._newly_known(tenant, kind, value, salt)
            elif (is_about and (name in personal or name in DESCRIBING)) or (is_named and personal.get(name) == "text"):
                continue
            elif is_about and name not in known and name not in personal:
                changed[name] = _scrubbed(value)
            else:
                changed[name] = self.value(value)
        return changed

    def _newly_known(self, tenant: str, kind: str, value: str, salt: str) -> str:
        """An id that an event of the person has brought: from now on it is the person's, and erased."""
        if value.startswith(TOKEN_PREFIX):
            return value
        self._ids[tenant, kind, value] = salt
        hash_ = self._keys.hash(kind, tenant, value)
        assert hash_ is not None
        self.new_ids.append((tenant, kind, value))
        self._found.append(Tombstone(hash_, kind, tenant, salt, False, self._keys.key_id))
        return self._keys.token(kind, tenant, value, salt)

    def _reference(self, tenant: str, name: str, value: str, data: dict[str, Any]) -> str:
        kinds = (
            ["user"]
            if name == "actor"
            else [kind for field, kind in FIELD_KINDS.items() if str(data.get(field)) == value]
        )
        if name == "subject" and str(data.get("subject_id")) == value:
            kinds.append(str(data.get("subject_type")))
        for kind in kinds:
            salt = self._ids.get((tenant, kind, value))
            if salt is not None:
                return self._keys.token(kind, tenant, value, salt)
        return self.text(value)


def _scrubbed(value: Any) -> Any:
    """A value of the same JSON type that says nothing."""
    if isinstance(value, str):
        return ERASED
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return 0
    if isinstance(value, list):
        return [_scrubbed(one) for one in value]
    return {name: _scrubbed(one) for name, one in value.items()}


def blanked(body: bytes) -> bytes:
    """A line of the same length that is as malformed as the one that it replaces."""
    head = b'{"erased":"'
    try:
        body.decode()
    except UnicodeDecodeError:
        head += b"\xff"
    return head + b"x" * max(0, len(body) - len(head))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found
