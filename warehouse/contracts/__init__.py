"""Contracts: what each event type carries, stated once, and all that is derived from it.

``get("crm.deal.won")`` is the contract of a type and ``all()`` every contract by type. A contract is a class
in the module of its section; every module beside this file is loaded by itself, so that adding a type is
adding one class. Reading events and keeping rejects belongs in :mod:`warehouse.ingest`.
"""

import difflib
import hashlib
import importlib
import pkgutil

from warehouse.contracts import envelope
from warehouse.contracts.contract import REGISTRY, EventContract, Problem, ShapeVerdict
from warehouse.contracts.fields import FieldSpec

__all__ = [
    "CONTRACTS_VERSION",
    "EventContract",
    "FieldSpec",
    "Problem",
    "ShapeVerdict",
    "all",
    "closest",
    "envelope",
    "get",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def all() -> dict[str, type[EventContract]]:
    """Every contract by event type, section by section."""
    return dict(REGISTRY)


def get(event_type: str) -> type[EventContract] | None:
    """The contract of an event type, or None where there is none."""
    return REGISTRY.get(event_type)


def closest(event_type: str) -> list[str]:
    """Known types that look like a mistyped one, the likeliest first."""
    return difflib.get_close_matches(event_type, REGISTRY, n=3, cutoff=0.5)


CONTRACTS_VERSION = hashlib.sha256(
    "\n".join(
        [spec.rules() for spec in envelope.ATTRIBUTES] + [REGISTRY[name].rules() for name in sorted(REGISTRY)]
    ).encode()
).hexdigest()[:12]
"""Changes when some event may be judged otherwise than before; recorded with every batch and every reject."""
