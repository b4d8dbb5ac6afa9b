"""Landing keeps what arrived, once, through every interruption, and notices every change to it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from warehouse import chain
from warehouse.errors import DealhouseError, UsageError
from warehouse.landing import Landing, landing
from warehouse.settings import Settings


@pytest.fixture
def place(tmp_path: Path) -> Landing:
    one = Landing(Settings(home=tmp_path / "home").layout())
    one.home.inbox.mkdir(parents=True)
    return one


def put(place: Landing, name: str, content: bytes) -> Path:
    path = place.home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def kept(place: Landing) -> list[bytes]:
    return [place.path(file).read_bytes() for entry in place.entries() for file in entry.files]


def test_files_are_kept_as_received_and_leave_the_inbox(place: Landing) -> None:
    put(place, "b.ndjson", b"b")
    put(place, "a.jsonl.gz", b"\x1f\x8b")
    put(place, "deep/er/c.ndjson", b"c")
    put(place, ".hidden.ndjson", b"h")
    put(place, "half.ndjson.part", b"p")
    assert [landed.name for landed in place.land_inbox()] == ["a.jsonl.gz", "b.ndjson", "c.ndjson"]
    assert kept(place) == [b"\x1f\x8b", b"b", b"c"]
    assert [entry.seq for entry in place.entries()] == [1, 2, 3]
    left = sorted(path.name for path in place.home.inbox.rglob("*") if path.is_file())
    assert left == [".hidden.ndjson", "half.ndjson.part"]
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in place.segments.iterdir())


def test_the_same_content_is_landed_once_whatever_its_name(place: Landing) -> None:
    put(place, "a.ndjson", b"same")
    put(place, "b.ndjson", b"same")
    first, second = place.land_inbox()
    assert (first.already, second.already) == (None, 1)
    assert kept(place) == [b"same"]
    assert list(place.home.inbox.iterdir()) == []


def test_what_cannot_be_read_stays_in_the_inbox_and_stops_nothing(place: Landing) -> None:
    put(place, "a.csv", b"x,y")
    put(place, "b.parquet", b"no parquet")
    put(place, "c.ndjson", b"c")
    results = {landed.name: landed for landed in place.land_inbox()}
    assert "mapping" in results["a.csv"].problem
    assert "cannot be read as Parquet" in results["b.parquet"].problem
    assert kept(place) == [b"c"]
    assert sorted(path.name for path in place.home.inbox.iterdir()) == ["a.csv", "b.parquet"]


def test_a_file_that_grows_while_it_is_landed_stays(place: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(place, "a.ndjson", b"one\n")
    copy = landing.copy_hashed

    def slow(origin: Path, target: Path) -> tuple[str, int]:
        found = copy(origin, target)
        with origin.open("ab") as sink:
            sink.write(b"two\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(landing, "copy_hashed", slow)
        place.land_inbox()
    assert path.exists()
    place.land_inbox()
    assert kept(place) == [b"one\n", b"one\ntwo\n"]
    assert not path.exists()


def test_folders_globs_links_and_what_is_missing(place: Landing, tmp_path: Path) -> None:
    folder = tmp_path / "sent" / "folder.ndjson"
    folder.mkdir(parents=True)
    for name in ("a.ndjson", "b.ndjson"):
        (folder / name).write_bytes(name.encode())
    (tmp_path / "sent" / "link.ndjson").symlink_to(folder / "a.ndjson")
    assert len(place.land_all([folder])) == 2
    linked, one = place.land_all([tmp_path / "sent" / "link.ndjson", folder / "b*.ndjson"])
    assert (linked.already, one.already) == (1, 2)
    for missing in (tmp_path / "none.ndjson", folder / "z*.ndjson"):
        with pytest.raises(UsageError, match="There is no file"):
            place.land_all([folder / "a.ndjson", missing])


def test_nothing_is_landed_when_one_of_several_cannot_be(place: Landing, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"a")
    (tmp_path / "b.xlsx").write_bytes(b"b")
    with pytest.raises(UsageError, match="mapping"):
        place.land_all([tmp_path / "a.ndjson", tmp_path / "b.xlsx"])
    assert place.entries() == []


@pytest.mark.parametrize("step", ["copy_hashed", "rename", "append", "unlink"])
def test_an_interruption_at_any_step_loses_and_doubles_nothing(
    place: Landing, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(place, "a.ndjson", b"a")
    place.land_inbox()
    put(place, "b.ndjson", b"b")

    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "copy_hashed":
            patch.setattr(landing, "copy_hashed", fail)
        elif step == "append":
            patch.setattr(chain, "append", fail)
        else:
            patch.setattr(Path, step, fail)
        with pytest.raises(KeyboardInterrupt):
            place.land_inbox()
    # A file that was put in place, but is not in the manifest yet, cannot be told from one whose line was removed.
    assert len(place.verify()) == (1 if step == "append" else 0)
    place.land_inbox()
    assert kept(place) == [b"a", b"b"]
    assert place.verify() == []
    assert list(place.home.inbox.iterdir()) == []


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
name = "created"
type = "crm.deal.created"
source = "crm"
id = "{nr}"
time = 2024-01-01
[event.data]
deal_id = { column = "nr" }
amount = { lookup = "products", by = "product", column = "price" }
"""


def lost_lines(whole: bytes) -> list[bytes]:
    """The manifest without its last line, and with that line torn at every byte."""
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    return [whole[:length] for length in range(start, len(whole))]


@pytest.mark.parametrize("sent_again", [False, True], ids=["nobody has it", "sent again"])
def test_what_a_lost_line_spoke_of_stays(place: Landing, monkeypatch: pytest.MonkeyPatch, sent_again: bool) -> None:
    """The original left the inbox when it was safe: the copy in landing may be all there is."""
    monkeypatch.setattr("os.fsync", lambda _: None)  # hundreds of landings; durability is not what is asked for here
    put(place, "a.ndjson", b"a")
    put(place, "b.ndjson", b"b")
    place.land_inbox()
    whole = place.manifest.read_bytes()
    first, second = sorted(place.segments.iterdir())
    for torn in lost_lines(whole):
        place.manifest.write_bytes(torn)
        place = Landing(place.home)
        put(place, "c.ndjson", b"c")
        if sent_again:
            put(place, "d.ndjson", b"b")
        place.land_inbox()
        assert kept(place) == ([b"a", b"c", b"b"] if sent_again else [b"a", b"c"])
        assert sorted(path.read_bytes() for path in place.segments.iterdir()) == [b"a", b"b", b"c"]
        if sent_again:
            assert place.verify() == []
        else:
            assert place.unnamed() == [second]
            (problem,) = place.verify()
            assert f"dealhouse run {second}" in problem
            (again,) = place.land_all([second])  # as it says
            assert again.already is None
            assert kept(place) == [b"a", b"c", b"b"]
            assert place.verify() == []
        for path in place.segments.iterdir():
            if path != first:
                path.unlink()
        second.write_bytes(b"b")


def test_a_lost_line_is_healed_by_landing_its_copy_again_under_its_number(place: Landing) -> None:
    put(place, "a.ndjson", b"a")
    put(place, "b.ndjson", b"b")
    place.land_inbox()
    before = place.entries()[-1]
    place.manifest.write_bytes(lost_lines(place.manifest.read_bytes())[0])
    (lost,) = Landing(place.home).unnamed()
    place.land_all([lost])
    after = place.entries()[-1]
    assert (after.seq, after.content_hash, after.files[0]["file"]) == (2, before.content_hash, before.files[0]["file"])
    assert place.verify() == []


def test_all_files_of_a_lost_line_stay(place: Landing, tmp_path: Path) -> None:
    tables, mapping = tmp_path / "tables", tmp_path / "mapping.toml"
    tables.mkdir()
    mapping.write_text(MAPPING)
    (tables / "deals.csv").write_text("nr,product\n1,p\n")
    (tables / "products.csv").write_text("code,price\np,7\n")
    place.land_all([tables], mapping=mapping)
    sent = kept(place)
    assert len(sent) == 3
    for torn in lost_lines(place.manifest.read_bytes())[::10]:
        place.manifest.write_bytes(torn)
        place.home.inbox.joinpath("other.ndjson").write_bytes(b"other")
        place.land_inbox()
        assert set(sent) <= {path.read_bytes() for path in place.segments.iterdir()}
    (again,) = place.land_all([tables], mapping=mapping)
    assert again.already is None
    assert place.verify() == []


def test_a_copy_is_not_given_up_for_one_that_is_damaged_or_gone(place: Landing) -> None:
    put(place, "a.ndjson", b"some content")
    place.land_inbox()
    (good,) = place.segments.iterdir()
    for damage in (b"sOme content", b"some", None):
        spare = place.segments / "00000002-spare.ndjson"
        spare.write_bytes(b"some content")
        good.chmod(0o644)
        good.unlink() if damage is None else good.write_bytes(damage)
        put(place, "b.ndjson", f"b {damage}".encode())
        place.land_inbox()
        assert spare.read_bytes() == b"some content"
        good.write_bytes(b"some content")
        put(place, "b.ndjson", f"c {damage}".encode())
        place.land_inbox()
        assert not spare.exists()
        assert place.verify() == []


def test_a_draft_and_a_copy_of_what_is_still_in_the_inbox_leave_no_trace(place: Landing) -> None:
    """What a run leaves that was killed while it copied, or before it wrote its line."""
    put(place, "b.ndjson", b"b")
    place.land_inbox()
    copy = next(place.segments.iterdir())
    place.manifest.unlink()
    (place.segments / "00000007-0.tmp").write_bytes(b"half of b")
    put(place, "a.ndjson", b"a")
    put(place, "b.ndjson", b"b")
    place.land_inbox()
    assert kept(place) == [b"a", b"b"]
    assert place.verify() == []
    assert not copy.exists()  # the same content has another number now
    assert len(list(place.segments.iterdir())) == 2


def test_a_manifest_line_cut_short_is_written_again(place: Landing) -> None:
    put(place, "a.ndjson", b"a")
    place.land_inbox()
    one = place.manifest.read_bytes()
    put(place, "b.ndjson", b"b")
    place.land_inbox()
    two = place.manifest.read_bytes()
    for length in range(len(one), len(two), 17):
        place.manifest.write_bytes(two[:length])
        put(place, "b.ndjson", b"b")
        place.land_inbox()
        assert kept(place) == [b"a", b"b"]
        assert place.verify() == []


def test_a_full_disk_leaves_the_file_where_it_is(place: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(place, "a.ndjson", b"a")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(landing, "copy_hashed", full)
        with pytest.raises(DealhouseError, match="No space left"):
            place.land_inbox()
    assert path.exists()
    place.land_inbox()
    assert kept(place) == [b"a"]


@pytest.fixture
def full(place: Landing) -> Landing:
    chance = random.Random(7)
    for number in range(6):
        put(place, f"{number}.ndjson", chance.randbytes(300 + number))
    place.land_inbox()
    assert place.verify() == []
    return place


def test_a_thousand_single_flipped_bits_are_noticed(full: Landing) -> None:
    chance = random.Random(11)
    segments = sorted(full.segments.iterdir())
    for path in segments:
        path.chmod(0o644)
    for _ in range(1000):
        path = chance.choice(segments)
        good = path.read_bytes()
        changed = bytearray(good)
        changed[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        (problem,) = full.verify()
        assert path.name in problem
        path.write_bytes(good)
    assert full.verify() == []


def test_truncations_swaps_losses_and_strangers_are_noticed(full: Landing) -> None:
    segments = sorted(full.segments.iterdir())
    first, second = segments[0], segments[1]
    for path in segments:
        path.chmod(0o644)
    good = first.read_bytes()
    for length in range(len(good)):
        first.write_bytes(good[:length])
        assert len(full.verify()) == 1
    first.write_bytes(second.read_bytes())
    second.write_bytes(good)
    assert len(full.verify()) == 2
    second.write_bytes(first.read_bytes())
    first.write_bytes(good)
    first.rename(full.segments / "away")
    assert [("missing" in one, "not in the manifest" in one) for one in full.verify()] == [(True, False), (False, True)]


def test_every_changed_removed_or_swapped_line_of_the_manifest_is_noticed(full: Landing) -> None:
    good = full.manifest.read_bytes()
    rows = good.splitlines(keepends=True)
    for number in range(len(rows) - 1):
        without = rows[:number] + rows[number + 1 :]
        swapped = [*rows[:number], rows[number + 1], rows[number], *rows[number + 2 :]]
        for broken in (without, swapped):
            full.manifest.write_bytes(b"".join(broken))
            assert len(full.verify()) == 1
    # Without its last lines the manifest is a whole chain, but files are left over that no line speaks of.
    for number in range(len(rows)):
        full.manifest.write_bytes(b"".join(rows[:number]))
        assert len(full.verify()) == len(rows) - number
    chance = random.Random(3)
    for _ in range(300):
        changed = bytearray(good)
        changed[chance.randrange(len(good) - 1)] ^= 1 << chance.randrange(8)
        full.manifest.write_bytes(changed)
        same = [json.loads(row) for row in good.splitlines()] == _parsed(bytes(changed))
        assert same or full.verify(), "a change that changes what is said is noticed"


def _parsed(content: bytes) -> list[Any] | None:
    try:
        return [json.loads(row) for row in content.splitlines()]
    except ValueError:
        return None
