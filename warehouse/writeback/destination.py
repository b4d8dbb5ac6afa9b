"""What a destination is: the interface that every kind implements, and the rows that go there and come back.

Nothing here plans, sends or remembers; see :mod:`warehouse.writeback`.
"""

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

from warehouse.errors import UsageError
from warehouse.settings import Settings
from warehouse.writeback import destinations

if TYPE_CHECKING:
    from warehouse.erasure.pending import Erased

Operation = Literal["insert", "update", "delete"]
"""Against what was acknowledged: not there (or not for sure), there with other fields, no longer so."""
Status = Literal["acknowledged", "kept", "rejected", "failed"]
"""What became of a row.

``acknowledged``
    It stands there (or stood there already: the same row twice is acknowledged twice, and has one effect).
``kept``
    Somebody edited the row there meanwhile, and by the declared rule the edit stays. Not sent again until it changes.
``rejected``
    The destination will not have it, now or later: a dead letter. Sent again when it changes, or is retried by hand.
``failed``
    It was not answered for now (connection lost, 503, time-out), after the destination's own retries, and may have
    arrived. The next sync sends the very same again.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row on its way; `payload` holds the fields in the destination's names."""

    tenant_id: str
    key: str
    """Unique within destination, object and tenant: what the row is about."""
    operation: Operation
    payload: dict[str, Any]
    """JSON types alone. Of a delete: what was last acknowledged, or may have arrived since."""
    expected: dict[str, Any] | None
    """What the destination last acknowledged, or what may have arrived since; None of an insert."""
    message_id: str
    """Deterministic: the same statement has the same id however often it is sent. The idempotency key; of the object
    ``event`` it is the CloudEvents id."""


_ADDRESS = re.compile(r"""(?:"[^"@]*"|(?<![^\s<>"'(),;:\[\]])[^\s<>"'(),;:\[\]]+)@[^\s<>"'(),;\[\]]+""")
"""Begins where a word does: tried from each of its signs, a long word would take the square of its length."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row, in the destination's own words."""

    status: Status
    code: str = ""
    """SQLSTATE, HTTP or SMTP status; empty where it was acknowledged."""
    message: str = ""
    """The destination's own words; never a secret, never a payload. It is published: mail addresses, which servers like
    to repeat, are cut here whatever a destination does."""
    field: str = ""
    """Field that it is about, where the destination says so."""
    attempts: int = 1

    def __post_init__(self) -> None:
        if "@" in self.message:
            object.__setattr__(self, "message", _ADDRESS.sub("[address]", self.message))


ACKNOWLEDGED = Outcome("acknowledged")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A row as it stands at a destination that holds its own state."""

    tenant_id: str
    key: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Capabilities:
    """What a destination takes, and how."""

    objects: frozenset[str]
    """Names of the models of models/sync, without ``sync_``: ``lead``, ``customer``, ``deal``, ``event`` and so on."""
    tenant_id: str | None = None
    """The tenant whose rows it gets; None is all of them."""
    batch_rows: int = 500
    """Most rows handed over at once."""
    rows_per_second: float | None = None
    """Rate limit that the engine keeps between batches; None is none."""
    is_snapshot: bool = False
    """Whether it is written as a whole (a file for people): it gets all rows of the object in one batch, and only where
    one of them has changed."""
    event_types: frozenset[str] | None = None
    """Of the object ``event``: the types that it takes; None is all."""


class Destination(ABC):
    """A system that rows are delivered to. One instance serves one sync, in one thread."""

    name: str
    """As in settings, ledger and ``--destination``; lower case, unique."""
    capabilities: Capabilities

    @abstractmethod
    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        """Deliver rows of one object; return one outcome for each, in their order.

        A bad row must not keep the others from arriving. Retries belong here: what comes back as ``failed`` has been
        retried as the destination's etiquette allows. An exception says that the destination is not usable at all; its
        rows then count as failed and the sync goes on with the other destinations.
        """

    def takes(self, tenant_id: str) -> bool:  # noqa: ARG002 - most take whatever they are set up for
        """Whether rows of a tenant can go there at all; those of others are not planned, and stay due."""
        return True

    def forget(self, erased: "Sequence[Erased]") -> list[Outcome]:
        """Take away what stands there of persons who were erased here; one outcome for each id, in their order.

        What is written as a whole, or differs after the erasure, goes with the sync itself: most have nothing to add.
        The ids stand nowhere else any more, and must not be written down.
        """
        return [ACKNOWLEDGED] * len(erased)

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of connections."""


class StatefulDestination(Destination):
    """One that can tell what it has acknowledged: it is asked, and the ledger is not believed against it."""

    @abstractmethod
    def acknowledged(self, object_name: str) -> Iterator[Acknowledged]:
        """All rows of an object as they stand there."""


def configured(settings: Settings) -> list[Destination]:
    """All destinations that the settings name, by name.

    Raises
    ------
    UsageError
        If two have one name, or the settings of one cannot be used.
    """
    names = [f"{destinations.__name__}.{one.name}" for one in pkgutil.iter_modules(destinations.__path__)]
    modules = [importlib.import_module(name) for name in names if not name.rpartition(".")[2].startswith("_")]
    modules += [entry.load() for entry in metadata.entry_points(group="dealhouse.destinations")]
    found: dict[str, Destination] = {}
    for module in modules:
        for one in module.configured(settings):
            if one.name in found:
                raise UsageError(f"Two destinations are called {one.name}.", todo="Give one of them another name.")
            found[one.name] = one
    return [found[name] for name in sorted(found)]
