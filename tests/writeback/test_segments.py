"""Segments: who is in one, and what is said of a definition that cannot be used."""

from pathlib import Path

import pytest

from tests.writeback.world import World
from warehouse.errors import UsageError
from warehouse.writeback import segments

QUEUE = [
    {"tenant_id": "t", "lead_id": "l1", "tier": "hot", "score": 80, "owner_id": None, "created_at": "2026-01-01"},
    {"tenant_id": "t", "lead_id": "l2", "tier": "hot", "score": 40, "owner_id": "u1", "created_at": "2026-01-02"},
    {"tenant_id": "t", "lead_id": "l3", "tier": "cold", "score": None, "owner_id": None, "created_at": "2026-01-03"},
    {"tenant_id": "u", "lead_id": "m1", "tier": "it's", "score": 70, "owner_id": None, "created_at": "2026-01-04"},
]
HEAD = 'table = "marts.lead_queue"\nsubject = "lead_id"\n'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("segments"))


def members(world: World, text: str) -> list[str]:
    folder = world.home.root / "segments"
    folder.mkdir(exist_ok=True)
    (folder / "chosen.toml").write_text(text)
    world.fill("marts.lead_queue", QUEUE)
    with world.open() as con:
        segments.refresh(con, segments.load(folder, con))
        rows = con.execute("select tenant_id, segment_id, subject_type, subject_id from raw.segment_member").fetchall()
    assert {row[1:3] for row in rows} <= {("chosen", "lead")}
    return sorted(row[3] for row in rows)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ('[[where]]\ncolumn = "tier"\nis = "hot"', ["l1", "l2"]),
        ('[[where]]\ncolumn = "tier"\nis = "it\'s"', ["m1"]),
        ('[[where]]\ncolumn = "tier"\nis = "hot\' or 1=1 --"', []),
        ('[[where]]\ncolumn = "tier"\nis_not = "hot"', ["l3", "m1"]),
        ('[[where]]\ncolumn = "score"\nat_least = 70', ["l1", "m1"]),
        ('[[where]]\ncolumn = "score"\nless_than = 70', ["l2"]),
        ('[[where]]\ncolumn = "owner_id"\nis_null = true', ["l1", "l3", "m1"]),
        ('[[where]]\ncolumn = "tier"\nin = ["cold", "it\'s"]', ["l3", "m1"]),
        ('[[where]]\ncolumn = "owner_id"\nnot_in = ["u1"]', ["l1", "l3", "m1"]),
        ('[[where]]\ncolumn = "created_at"\nmore_than = 2026-01-02T00:00:00', ["l3", "m1"]),
        ('[[where]]\ncolumn = "tier"\nis = "hot"\n[[where]]\ncolumn = "owner_id"\nis_null = true', ["l1"]),
        ('[[where]]\nany = [{column = "score", at_least = 75}, {column = "tier", is = "cold"}]', ["l1", "l3"]),
        ('tenant = "u"\n[[where]]\ncolumn = "score"\nat_least = 0', ["m1"]),
    ],
)
def test_members(world: World, conditions: str, expected: list[str]) -> None:
    assert members(world, HEAD + conditions) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tier is hot", "it is no TOML"),
        (HEAD, "it has no condition"),
        ('table = "raw.events"\nsubject = "lead_id"\n[[where]]\ncolumn = "a"\nis = 1', "'raw.events' is not published"),
        ('table = "marts.lead_queue"\nsubject = "tier"\n[[where]]\ncolumn = "tier"\nis = "a"', "names nobody"),
        (HEAD + '[[where]]\ncolumn = "tire"\nis = "hot"', "condition 1\nWhy: there is no column 'tire'"),
        (HEAD + '[[where]]\ncolumn = "score"\nis = "high"', "score is of type bigint, and 'high' is not"),
        (HEAD + '[[where]]\ncolumn = "tier"\nlike = "h%"', "a column and one comparison"),
        (HEAD + '[[where]]\ncolumn = "tier"\nin = []', "needs a list that is not empty"),
        (HEAD + '[[where]]\ncolumn = "tier\\" or 1=1 --"\nis = "hot"', "there is no column"),
    ],
)
def test_what_is_wrong_is_said(world: World, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        members(world, text)
    assert words in str(caught.value)
    assert "chosen.toml" in str(caught.value)
    assert caught.value.todo


def test_a_home_without_segments_has_none(world: World, tmp_path: Path) -> None:
    with world.open() as con:
        assert segments.load(tmp_path / "none", con) == []
