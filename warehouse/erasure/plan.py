"""An erasure that is being carried out: whom it is of, and how far it is, sealed whenever that changes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warehouse.erasure import tombstones
from warehouse.erasure.person import Person
from warehouse.erasure.redact import Redactor
from warehouse.erasure.tombstones import Keyring
from warehouse.settings import Home


class Plan:
    """A sealed plan, which a second start goes on from.

    Parameters
    ----------
    path
        Where it is sealed; it holds identifiers in plain words nowhere else.
    content
        ``receipt``, ``reason``, ``salt`` and ``begun_at``; later also ``published`` and ``hashes``.
    """

    def __init__(
        self, home: Home, keys: Keyring, path: Path, content: dict[str, Any], persons: Sequence[Person]
    ) -> None:
        self.home, self.keys, self.path, self.content = home, keys, path, content
        self.persons = list(persons)
        self.receipt, self.salt = str(content["receipt"]), str(content["salt"])
        self.hashes: dict[str, str] = content.setdefault("hashes", {})
        """Former SHA-256 of files that were written anew, to the present one."""

    @classmethod
    def open(cls, home: Home, keys: Keyring, path: Path) -> "Plan":
        """Unseal a plan."""
        content = keys.unseal(path)
        persons = [Person(**one) for one in content.pop("persons")]
        return cls(home, keys, path, content, persons)

    def keep(self) -> None:
        """Seal it as it is now."""
        self.keys.seal(self.path, {**self.content, "persons": [one.as_json() for one in self.persons]})

    def set_published(self, version: str | None) -> None:
        """Note which publication is without the persons; None where none is."""
        self.content["published"] = version
        self.keep()

    def remember(self, former: str, new: str) -> None:
        """Note that a file was written anew, by its hashes."""
        self.hashes[former] = new
        self.keep()

    def salted(self) -> list[tuple[Person, str]]:
        """The persons, each with the salt of this erasure."""
        return [(one, self.salt) for one in self.persons]

    def redactor(self) -> Redactor:
        """What takes the persons out, as far as they are known now."""
        return Redactor(self.keys, self.salted())

    def learn(self, redactor: Redactor) -> bool:
        """Take ids for the persons' that their own events have named; tell whether there were any.

        Those of persons of other erasures get tombstones alone: their plans are gone.
        """
        known = {(one.tenant_id, *pair) for one in self.persons for pair in one.id_pairs}
        fresh = [
            one
            for one, stone in zip(redactor.new_ids, redactor.found, strict=True)
            if stone.salt == self.salt and one not in known
        ]
        if fresh:
            self.persons += [Person(tenant, {kind: [value]}) for tenant, kind, value in dict.fromkeys(fresh)]
            self.keep()
        tombstones.bury(self.home, redactor.found)
        return bool(fresh)
