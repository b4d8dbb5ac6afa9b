"""Nothing is dropped silently: each line of any batch is an event, a duplicate, or a reject with its bytes."""

import json
import math
from collections.abc import Callable, Iterator

import pytest

from tests.ingest.depot import NOW, Depot
from tests.ingest.hostile import FORGOTTEN, Hostile
from warehouse.contracts.contract import REGISTRY, EventContract
from warehouse.contracts.fields import optional, required
from warehouse.contracts.kinds import Number, Text
from warehouse.ingest import rebuild, replay
from warehouse.store import open_store


@pytest.fixture
def mended() -> Iterator[Callable[[], None]]:
    """Gives the forgotten type its contract, when it is called."""

    def mend() -> None:
        class Forgotten(EventContract, type=FORGOTTEN):
            """A deal was forgotten."""

            deal_id: Text = required("The deal.", example="D-1")
            amount: Number = optional("Its amount.", example=7)

    yield mend
    REGISTRY.pop(FORGOTTEN, None)


def as_key(value: object) -> str:
    """A number is a key as well, as its shortest text; one that is too large for any stays as written."""
    return "1e400" if value == math.inf else str(value)


def send(fresh: Depot, made: Hostile, batches: int) -> dict[int, list[bytes]]:
    """Land so many batches, each with its own ends of lines; their lines by batch, each at its number in the file."""
    sent = {}
    for number in range(1, batches + 1):
        lines = made.batch()
        end = made.rng.choice([b"\n", b"\n", b"\r\n", b"\n\n", b"\n \n"])
        content = end.join(lines) + made.rng.choice([end, b""])
        path = fresh.file(content, f"{number}.ndjson")
        (landed,) = fresh.landing.land_all([path], received_at=NOW)
        assert landed.entry is not None
        sent[landed.entry.seq] = content.split(b"\n")
    return sent


@pytest.mark.parametrize("batches", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_of_any_batch_each_line_is_accounted_for(
    fresh: Depot, mended: Callable[[], None], monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    made = Hostile(seed=batches)
    sent = send(fresh, made, batches)
    results = fresh.pending()

    assert len(results) == len(sent) == batches
    for one in results:
        received = sum(bool(line.strip()) for line in sent[one.batch_id])
        assert received == one.rows == one.accepted + one.duplicate + one.rejected, one
    assert fresh.query("select count(*) from raw.events") == [(sum(one.accepted for one in results),)]

    # The original of each reject is in quarantine, to the byte.
    rejects = fresh.query("select batch_id, line, raw_bytes, reason, message from raw.rejected_events")
    assert len(rejects) == sum(one.rejected for one in results)
    for batch_id, line, raw, reason, message in rejects:
        assert raw == sent[batch_id][line - 1].removesuffix(b"\r"), (batch_id, line, reason)
        assert reason
        assert message
    assert len({reason for *_, reason, _ in rejects}) >= 6

    # All other lines say what stands in raw.events under their key.
    events = fresh.query("select source, event_id, data from raw.events")
    stored = {(source, event_id): json.loads(data) for source, event_id, data in events}
    refused = {(batch_id, line) for batch_id, line, *_ in rejects}
    for batch_id, lines in sent.items():
        for number, line in enumerate(lines, 1):
            if line.strip() and (batch_id, number) not in refused:
                said = json.loads(line)
                assert stored[(as_key(said["source"]), as_key(said["id"]))] == said["data"]
    _check_replay(fresh, made, mended)


def _check_replay(fresh: Depot, made: Hostile, mended: Callable[[], None]) -> None:
    assert made.forgotten
    before = fresh.query("select count(*) from raw.events")[0][0]
    mended()
    result = replay(fresh.con, fresh.home, fresh.settings, NOW)
    assert result is not None
    loaded = fresh.query("select event_id from raw.events where event_type = ?", FORGOTTEN)
    assert sorted(name for (name,) in loaded) == sorted(made.forgotten)
    assert result.accepted == len(made.forgotten) == fresh.query("select count(*) from raw.events")[0][0] - before
    assert result.rows == result.accepted + result.duplicate + result.rejected
    after = fresh.tables()
    fresh.close()
    rebuild(fresh.home, fresh.settings)
    fresh.con = open_store(fresh.home, fresh.settings)
    assert fresh.tables() == after
