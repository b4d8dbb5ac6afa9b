"""The pointer, going back, what is kept, and what the manifest notices."""

import json
import random
import threading
from datetime import datetime, timedelta

import pytest

from warehouse.chain import BrokenChainError
from warehouse.errors import UsageError
from warehouse.lock import writer_lock
from warehouse.publish import current, open_contacts, query, rollback, verify_published, versions
from warehouse.publish.pointer import manifest_path, retire_older, swapping
from warehouse.publish.reader import NothingPublishedError

RUN = "select distinct run from facts.fact_deal"


@pytest.fixture
def no_grace(monkeypatch) -> None:
    monkeypatch.setattr("warehouse.publish.pointer.GRACE", timedelta(0))


def test_names_sort_by_age_even_if_the_clock_stands_or_goes_back(publish_run, monkeypatch) -> None:
    published = []
    for number, now in enumerate(["2026-05-05T10:00:00Z", "2026-05-05T10:00:00Z", "2026-05-04T09:00:00Z"]):
        monkeypatch.setenv("DEALHOUSE_NOW", now)
        published.append(publish_run(number).version)
    assert published[0] == "20260505T100000Z-000001"
    assert published == sorted(set(published))


def test_rollback_goes_back_by_steps_and_by_name(home, publish_run) -> None:
    one, two, three = (publish_run(number).version for number in (1, 2, 3))
    assert rollback(home).version == two
    assert query(home, RUN).to_pylist() == [{"run": 2}]
    assert rollback(home).version == one
    assert rollback(home, to=three).is_current
    assert rollback(home, steps=2).version == one
    assert (home.published / "current.duckdb").resolve().name == f"{one}.duckdb"
    assert (home.published / "current-contacts.duckdb").resolve().name == f"contacts-{one}.duckdb"
    with open_contacts(home) as con:
        assert con.execute("select version from meta.publication").fetchone() == (one,)
    assert [version.is_current for version in versions(home)] == [True, False, False]
    four = publish_run(4)
    assert four.is_current
    assert four.version > three


def test_a_hundred_rollbacks_show_on_the_next_page(home, publish_run) -> None:
    published = [publish_run(number).version for number in range(1, 6)]
    chance = random.Random(4)
    with open_contacts(home):  # a page that somebody left open
        for _ in range(100):
            number = chance.randrange(5)
            assert rollback(home, to=published[number]).is_current
            assert query(home, RUN).to_pylist() == [{"run": number + 1}]
    assert verify_published(home) == []


def test_rollback_names_what_there_is(home, publish_run) -> None:
    with pytest.raises(UsageError, match="none"):
        rollback(home)
    only = publish_run(1).version
    for wrong in ({"to": "yesterday"}, {"steps": 1}, {"steps": 0}, {"steps": -1}):
        with pytest.raises(UsageError, match=only):
            rollback(home, **wrong)
    assert current(home).version == only


def test_rollback_does_not_wait_for_a_run(home, publish_run) -> None:
    first, _ = publish_run(1), publish_run(2)
    with writer_lock(home, "run"):
        assert rollback(home).version == first.version


def test_the_last_ones_are_kept(home, publish_run, no_grace) -> None:
    published = [publish_run(number) for number in range(1, 7)]
    kept = [version.version for version in versions(home)]
    assert kept == [version.version for version in published[-3:]]
    on_disk = {path.name for path in home.published.glob("2*.duckdb")}
    assert on_disk == {f"{version}.duckdb" for version in kept}
    assert len(list(home.published.glob("contacts-*.duckdb"))) == 3
    assert verify_published(home) == []


def test_the_current_version_is_kept_however_old(home, publish_run, no_grace, settings) -> None:
    first = publish_run(1)
    for number in (2, 3):
        publish_run(number)
    rollback(home, to=first.version)
    from warehouse.publish.pointer import retire, swapping

    with swapping(home):
        assert len(retire(home, keep=1)) == 1
    assert [version.version for version in versions(home)] == [first.version, current_newest(home)]
    assert query(home, RUN).to_pylist() == [{"run": 1}]


def test_what_is_older_goes_by_its_age_also_after_going_back(home, publish_run, no_grace, monkeypatch) -> None:
    published = []
    for day in (1, 2, 3):
        monkeypatch.setenv("DEALHOUSE_NOW", f"2026-05-{day:02d}T10:00:00Z")
        published.append(publish_run(day).version)
    rollback(home, to=published[0])
    with swapping(home):
        assert retire_older(home, datetime(2026, 5, 3)) == [published[1]]
    # The current one is older still, and stays.
    assert [version.version for version in versions(home)] == [published[0], published[2]]
    assert verify_published(home) == []


def current_newest(home) -> str:
    return versions(home)[-1].version


def test_a_version_that_was_current_a_moment_ago_is_kept(home, publish_run) -> None:
    for number in range(1, 6):
        publish_run(number)
    assert len(versions(home)) == 5  # two more than asked for: each was current less than a minute ago


def test_a_reader_on_a_removed_version_reads_on(home, publish_run, no_grace) -> None:
    from warehouse.publish import open_published

    publish_run(1)
    with open_published(home) as con:
        for number in range(2, 7):
            publish_run(number)
        assert con.execute(RUN).fetchall() == [(1,)]
    assert query(home, RUN).to_pylist() == [{"run": 6}]


def test_threads_that_read_while_the_pointer_moves_see_no_error(home, publish_run, no_grace) -> None:
    publish_run(0)
    seen: list[int] = []
    stop = threading.Event()
    errors: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(query(home, RUN).to_pylist()[0]["run"])
            except Exception as error:
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for number in range(1, 9):
        publish_run(number)
    stop.set()
    for thread in readers:
        thread.join()
    assert errors == []
    assert len(set(seen)) > 2


@pytest.mark.parametrize("seed", range(8))
def test_verify_notices_any_flipped_bit(home, publish_run_once, seed: int) -> None:
    published = publish_run_once
    content = bytearray(published.path.read_bytes())
    place = random.Random(seed).randrange(len(content) * 8)
    content[place // 8] ^= 1 << (place % 8)
    assert_noticed(home, published.path, bytes(content))


@pytest.fixture
def publish_run_once(publish_run):
    return publish_run(1)


def assert_noticed(home, path, content: bytes) -> None:
    good = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content)
    assert any(path.name in problem for problem in verify_published(home))
    path.write_bytes(good)
    assert verify_published(home) == []


def test_verify_notices_cut_swapped_and_missing_files(home, publish_run) -> None:
    one, two = publish_run(1), publish_run(2)
    assert_noticed(home, one.path, one.path.read_bytes()[:-1])
    assert_noticed(home, one.path, two.path.read_bytes())
    one.path.unlink()
    assert verify_published(home) == [f"{one.path.name}: the file is missing"]


@pytest.mark.slow
def test_a_thousand_flips_truncations_and_swaps_are_noticed(home, publish_run) -> None:
    """Each of one file alone, or of a pair, in the files of three versions."""
    for number in (1, 2, 3):
        publish_run(number, rows=10 * number)
    files = sorted(path for path in home.published.glob("*.duckdb") if not path.is_symlink())
    assert len(files) == 6
    good = {path: path.read_bytes() for path in files}
    for path in files:
        path.chmod(0o644)
    chance, noticed = random.Random(16), 0
    for number in range(1000):
        one, other = chance.sample(files, 2)
        changed = {one: bytearray(good[one])}
        if number % 3 == 0:
            changed[one][chance.randrange(len(good[one]))] ^= 1 << chance.randrange(8)
        elif number % 3 == 1:
            del changed[one][chance.randrange(len(good[one])) :]
        else:
            changed = {one: bytearray(good[other]), other: bytearray(good[one])}
        for path, content in changed.items():
            path.write_bytes(content)
        problems = verify_published(home)
        noticed += all(any(problem.startswith(f"{path.name}:") for problem in problems) for path in changed)
        for path in changed:
            path.write_bytes(good[path])
    assert noticed == 1000
    assert verify_published(home) == []


def test_verify_notices_a_manifest_that_was_edited(home, publish_run) -> None:
    publish_run(1), publish_run(2)
    path = manifest_path(home)
    lines = path.read_text().splitlines(keepends=True)
    entry = json.loads(lines[0])
    entry["rows"]["facts.fact_deal"] = 99
    for forged in ([json.dumps(entry) + "\n", lines[1]], lines[1:], lines[::-1]):
        path.write_text("".join(forged))
        assert "changed, removed or swapped" in verify_published(home)[0]
    with pytest.raises(BrokenChainError, match="line 1"):
        publish_run(3)


def test_a_line_that_was_cut_short_is_dropped_by_the_next(home, publish_run) -> None:
    first = publish_run(1)
    path = manifest_path(home)
    with path.open("ab") as file:
        file.write(b'{"seq": 2, "kind": "publ')
    assert current(home).version == first.version
    second = publish_run(2)
    assert verify_published(home) == []
    assert [version.version for version in versions(home)] == [first.version, second.version]


def test_nothing_is_there_before_the_first(home) -> None:
    assert current(home) is None
    assert versions(home) == []
    assert verify_published(home) == []
    with pytest.raises(NothingPublishedError, match="dealhouse run"):
        query(home, "select 1")
