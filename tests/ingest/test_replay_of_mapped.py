"""A replay over batches that came through mappings: each row is read with the files and lookups of its own batch."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.depot import NOW, Depot, event, lines
from warehouse.contracts.contract import REGISTRY, EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Integer, Text
from warehouse.ingest import rebuild, replay
from warehouse.store import open_store

LATER = datetime(2026, 2, 1)
TYPE = "crm.deal.priced"

MAPPING = """
name = "deals"
[[input]]
name = "deals"
files = "deals.csv"
[[lookup]]
name = "products"
files = "products.csv"
key = "code"
[[event]]
name = "priced"
type = "crm.deal.priced"
source = "crm"
id = "priced-{nr}"
time = { column = "at" }
[event.data]
deal_id = { column = "nr" }
price = { lookup = "products", by = "product", column = "price", missing = "reject" }
"""


@pytest.fixture(autouse=True)
def strict_contract() -> Iterator[None]:
    """A type whose price must not be below ten; :func:`relax` lifts that."""

    class Strict(EventContract, type=TYPE):
        """A deal got a price."""

        deal_id: Text = required("The deal.", example="D-1")
        price: Integer = optional("Its price.", minimum=10, example=12)

    yield
    REGISTRY.pop(TYPE, None)


def relax() -> None:
    del REGISTRY[TYPE]

    class Relaxed(EventContract, type=TYPE):
        """A deal got a price."""

        deal_id: Text = required("The deal.", example="D-1")
        price: Integer = optional("Its price.", example=12)


def send(fresh: Depot, folder: str, deals: str, products: str, mapping: str = MAPPING) -> Any:
    """Land a folder with its own mapping and its own lookup, and take it in."""
    place = fresh.root / folder
    place.mkdir()
    for name, text in {"deals.csv": deals, "products.csv": products, "mapping.toml": mapping}.items():
        (place / name).write_text(text)
    fresh.landing.land_all([place], mapping=place / "mapping.toml", received_at=NOW)
    (result,) = fresh.pending()
    return result


def prices(fresh: Depot) -> dict[str, tuple[int, float]]:
    """Batch and price of each event, by id."""
    rows = fresh.query("select event_id, batch_id, data from raw.events where event_type = ? order by 1", TYPE)
    return {name: (batch, json.loads(data)["price"]) for name, batch, data in rows}


def open_rejects(fresh: Depot) -> list[tuple[Any, ...]]:
    return fresh.query(
        "select batch_id, line, reason from raw.rejected_events where replay_batch_id is null order by all"
    )


def rebuilt(fresh: Depot) -> dict[str, list[tuple[Any, ...]]]:
    fresh.close()
    rebuild(fresh.home, fresh.settings)
    fresh.con = open_store(fresh.home, fresh.settings)
    return fresh.tables()


OLD_DEALS = "nr,product,at\n1,cheap,2025-03-01\n2,dear,2025-03-01\n3,gone,2025-03-01\n4,cheap,2026-01-20\n"
NEW_DEALS = "nr,product,at\n5,dear,2025-03-02\n6,cheap,2025-03-02\n7,cheap,2025-03-02\n1,cheap,2025-03-01\n"
OLD_PRODUCTS = "code,price\ncheap,5\ndear,50\n"
NEW_PRODUCTS = "code,price\ncheap,6\ndear,60\ngone,7\n"


def test_each_row_is_read_with_the_lookup_of_its_own_batch(fresh: Depot) -> None:
    first = send(fresh, "old", OLD_DEALS, OLD_PRODUCTS)
    assert (first.rows, first.accepted, first.rejected) == (4, 1, 3)
    fresh.take(lines(event("between"), b"hello"))
    second = send(fresh, "new", NEW_DEALS, NEW_PRODUCTS)
    assert (second.rows, second.accepted, second.rejected) == (4, 1, 3)
    assert replay(fresh.con, fresh.home, fresh.settings, NOW) is None
    before = open_rejects(fresh)
    assert len(before) == 7

    relax()
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)

    # Deal 1 comes with 5 from the old lookup; with the new one it is 6, which is another content under a known id.
    assert result is not None
    assert (result.batch_id, result.rows, result.accepted, result.duplicate, result.rejected) == (4, 5, 4, 0, 1)
    assert prices(fresh) == {
        "priced-1": (4, 5),
        "priced-2": (1, 50),
        "priced-4": (4, 5),
        "priced-5": (3, 60),
        "priced-6": (4, 6),
        "priced-7": (4, 6),
    }
    # The product that was missing is still missing where it was.
    assert [(batch, reason) for batch, _, reason in open_rejects(fresh)] == [
        (1, "unmappable_row"),
        (2, "malformed_json"),
        (4, "conflicting_duplicate"),
    ]
    assert replay(fresh.con, fresh.home, fresh.settings, LATER) is None
    after = fresh.tables()
    assert rebuilt(fresh) == after
    assert fresh.landing.verify() == []


def test_batches_of_different_mappings_are_replayed_together(fresh: Depot) -> None:
    send(fresh, "old", OLD_DEALS, OLD_PRODUCTS)
    other = MAPPING.replace("priced-{nr}", "other-{nr}").replace('column = "price"', 'column = "cost"')
    send(fresh, "new", NEW_DEALS, NEW_PRODUCTS.replace("price", "cost"), other)
    relax()
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert result is not None
    assert result.accepted == 5
    assert prices(fresh) == {
        "other-1": (3, 6),
        "other-5": (2, 60),
        "other-6": (3, 6),
        "other-7": (3, 6),
        "priced-1": (3, 5),
        "priced-2": (1, 50),
        "priced-4": (3, 5),
    }
    after = fresh.tables()
    assert rebuilt(fresh) == after


def test_the_files_that_were_sent_may_be_gone_or_changed(fresh: Depot, tmp_path: Path) -> None:
    send(fresh, "old", OLD_DEALS, OLD_PRODUCTS)
    send(fresh, "new", NEW_DEALS, NEW_PRODUCTS)
    for folder in ("old", "new"):
        for path in (fresh.root / folder).iterdir():
            path.write_text("overwritten")
    relax()
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert result is not None
    assert result.accepted == 4


def test_a_replay_that_is_refused_again_can_be_replayed_from_both_batches(fresh: Depot) -> None:
    """After a rebuild under the old contract the rows of the replay are rejects of the replay, read from two files."""
    send(fresh, "old", OLD_DEALS, OLD_PRODUCTS)
    send(fresh, "new", NEW_DEALS, NEW_PRODUCTS)
    strict = REGISTRY[TYPE]
    relax()
    relaxed = REGISTRY[TYPE]
    assert replay(fresh.con, fresh.home, fresh.settings, LATER) is not None
    expected = {name: price for name, (_, price) in prices(fresh).items()}
    REGISTRY[TYPE] = strict
    rebuilt(fresh)
    assert len(prices(fresh)) < len(expected)
    REGISTRY[TYPE] = relaxed
    result = replay(fresh.con, fresh.home, fresh.settings, LATER)
    assert result is not None
    assert result.batch_id == 4
    assert {name: price for name, (_, price) in prices(fresh).items()} == expected
