"""Lines, tables and files without a person; what is not of the person keeps its bytes."""

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.erasure import people
from warehouse import contracts
from warehouse.erasure.erase import needles
from warehouse.erasure.files import redact_file
from warehouse.erasure.intake import reading_of
from warehouse.erasure.person import Person
from warehouse.erasure.redact import Redactor
from warehouse.erasure.tombstones import Keyring
from warehouse.sources.packed import TruncatedError, chunks

KEYS = Keyring(b"k" * 32)


def person(**changes: object) -> Person:
    given = {
        "ids": {"lead": [people.LEAD], "contact": [people.CONTACT], "user": [people.USER], "visitor": [people.VISITOR]},
        "emails": [people.EMAIL, people.EMAIL_TOO],
        "phones": [people.PHONE],
        "names": [people.FIRST, people.LAST],
        "full_names": [f"{people.FIRST} {people.LAST}"],
    }
    return Person("t1", **{**given, **changes})


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KEYS, [(person(), "salt")])


def traces(content: bytes) -> list[str]:
    text = content.decode("latin-1").lower()
    forms = [*people.NEEDLES, quote(people.EMAIL)]
    found = [needle for needle in forms if needle.lower() in text]
    return found + [core for core in (base64.b64encode(people.EMAIL.encode()).decode()[:40],) if core.lower() in text]


def test_events_of_the_person_lose_all_that_describes_them_and_keep_what_is_counted(redactor: Redactor) -> None:
    before = people.plain()
    after = [json.loads(redactor.line(line)) for line in people.lines(before).splitlines(keepends=True)]
    assert traces(json.dumps(after).encode()) == []
    assert [one["type"] for one in after] == [one["type"] for one in before]
    assert [one["time"] for one in after] == [one["time"] for one in before]
    token = after[1]["data"]["lead_id"]
    assert token.startswith("erased-")
    # The graph of ids stays: the same id has the same token in every event, and each id its own.
    assert after[1]["subject"] == after[3]["data"]["lead_id"] == after[4]["data"]["lead_id"] == token
    assert after[0]["data"]["visitor_id"] == after[1]["data"]["visitor_id"] != token
    assert after[7]["actor"] == after[7]["data"]["user_id"] == after[2]["data"]["referrer_user_id"]
    assert after[8]["id"] == f"login:{after[7]['actor']}:9"
    assert sorted(after[1]["data"]) == ["full_name", "lead_id", "lead_source", "visitor_id"]
    assert after[1]["data"]["full_name"] == "erased"
    assert after[2]["data"] == {**before[2]["data"], "referrer_user_id": after[7]["actor"]}
    assert after[5]["data"]["text"].startswith("ask erased <erased-")


def test_what_is_redacted_still_keeps_its_contract(redactor: Redactor) -> None:
    for line in people.lines(people.plain()).splitlines(keepends=True):
        event = json.loads(redactor.line(line))
        contract = contracts.get(event["type"])
        required = {spec.name for spec in contract.fields() if spec.required}
        before = json.loads(line)["data"].keys()
        assert required & before <= event["data"].keys()


def test_twice_is_as_once(redactor: Redactor) -> None:
    for line in (people.lines(people.plain()) + people.rejects()).splitlines(keepends=True):
        once = redactor.line(line)
        assert redactor.line(once) == once


def test_lines_that_cannot_be_read_stay_so_at_the_same_length(redactor: Redactor) -> None:
    lines = people.rejects().splitlines(keepends=True)
    after = [redactor.line(line) for line in lines]
    assert traces(b"".join(after)) == []
    assert len(after[0]) == len(lines[0])
    with pytest.raises(ValueError):
        json.loads(after[0])
    with pytest.raises(UnicodeDecodeError):
        after[4].decode()
    # Of a type that no contract knows, only what names the person by its id can stay.
    assert json.loads(after[1])["data"].keys() == {"lead_id"}


def test_the_same_id_of_another_tenant_or_kind_is_left(redactor: Redactor) -> None:
    other = people.event(1, "app.login", {"user_id": people.USER}, tenantid="t2")
    ids = {"user": ["17"]}
    short = Redactor(KEYS, [(person(ids=ids, shared=[]), "salt")])
    kept = people.event(2, "crm.deal.created", {"deal_id": "17", "amount": 17, "owner_id": "17", "pipeline": "b2b"})
    own = people.event(3, "app.login", {"user_id": "17"})
    assert json.loads(short.line(people.lines([kept])))["data"] == kept["data"]
    assert json.loads(short.line(people.lines([own])))["data"]["user_id"].startswith("erased-")
    shared = Redactor(KEYS, [(person(shared=[people.USER]), "salt")])
    assert shared.line(people.lines([other])) == people.lines([other])
    assert redactor.line(people.lines([other])) != people.lines([other])


def test_what_others_have_too_goes_from_the_persons_own_events_alone() -> None:
    redactor = Redactor(KEYS, [(person(shared=[people.EMAIL]), "salt")])
    own = people.event(1, "crm.lead.updated", {"lead_id": people.LEAD, "email": people.EMAIL})
    other = people.event(2, "crm.lead.updated", {"lead_id": people.OTHER_LEAD, "email": people.EMAIL})
    assert "email" not in json.loads(redactor.line(people.lines([own])))["data"]
    assert redactor.line(people.lines([other])) == people.lines([other])


def test_a_single_name_is_a_word_in_what_others_say() -> None:
    redactor = Redactor(KEYS, [(person(names=["Anna", "Price"], full_names=["Anna Price"]), "salt")])
    said = {"deal_id": "d-1", "pipeline": "b2b", "title": "Price list, Price Brothers"}
    others = [
        people.event(1, "crm.deal.created", said),
        people.event(
            2, "crm.lead.created", {"lead_id": people.OTHER_LEAD, "lead_source": "paid", "last_name": "Price"}
        ),
        people.event(3, "crm.account.upserted", {"account_id": "a-1", "name": "Price & Green", "kind": "advertiser"}),
    ]
    for line in people.lines(others).splitlines(keepends=True):
        assert redactor.line(line) == line
    assert redactor.plain_line(b"GET /price/list\n") == b"GET /price/list\n"
    assert search_forms(person(names=["Price"], full_names=["Anna Price"])).isdisjoint({"Price", "price"})
    # The full name is unmistakable, and in the person's own rows the single ones are hers.
    told = people.event(4, "crm.deal.created", {**said, "title": "for Anna Price"})
    assert b"Price" not in redactor.line(people.lines([told]))
    own = people.event(5, "crm.deal.created", {**said, "contact_id": people.CONTACT, "remark": "Price is in a hurry"})
    assert json.loads(redactor.line(people.lines([own])))["data"]["remark"] == "erased is in a hurry"
    row = f"{people.USER},Anna,Price,Oslo\n".encode()
    assert b"Price" not in redactor.plain_line(row)
    assert redactor.cells(["key", "remark"], [people.USER, "PRICE asks"])[1] == "erased asks"
    assert redactor.cells(["key", "remark"], ["user-9", "PRICE asks"])[1] == "PRICE asks"


def search_forms(one: Person) -> set[str]:
    return set(needles(one)[0])


def test_a_new_id_that_an_event_brings_is_the_persons(redactor: Redactor) -> None:
    linked = people.event(1, "identity.linked", {"lead_id": people.LEAD, "visitor_id": "vis-newer1"})
    data = json.loads(redactor.line(people.lines([linked])))["data"]
    assert data["visitor_id"].startswith("erased-")
    assert redactor.new_ids == [("t1", "visitor", "vis-newer1")]
    # Who works on a thing is nobody of its ids.
    answered = people.event(2, "chat.message.sent", {"lead_id": people.LEAD, "user_id": "user-12s"})
    assert json.loads(redactor.line(people.lines([answered])))["data"]["user_id"] == "user-12s"


def test_files_of_every_format_keep_their_rows(redactor: Redactor, tmp_path: Path) -> None:
    for name, path in people.write_all(tmp_path / "sent").items():
        target = tmp_path / name
        assert redact_file(path, target, redactor)
        if name.endswith(".parquet"):
            before, after = pq.read_table(path), pq.read_table(target)
            assert (after.num_rows, after.schema) == (before.num_rows, before.schema)
            assert after.to_pylist()[1] == before.to_pylist()[1]
            assert traces(json.dumps(after.to_pylist()).encode()) == []
            continue
        contents = []
        for one in (path, target):
            pieces = []
            try:
                pieces += chunks(one)
            except TruncatedError:
                assert name == "e.ndjson.gz"
            contents.append(b"".join(pieces))
        assert traces(contents[1]) == []
        if name != "e.ndjson.gz":
            assert contents[0].count(b"\n") == contents[1].count(b"\n")
        again = tmp_path / f"again-{name}"
        assert not redact_file(target, again, redactor)
        assert not again.exists()


def test_columns_that_may_not_be_null_lose_the_person_and_keep_the_others(redactor: Redactor, tmp_path: Path) -> None:
    """What goes is absent then, at any level, and the file remains one of events."""
    fields = [pa.field(name, pa.string(), nullable=False) for name in ("lead_id", "email", "city")]
    who = pa.field("who", pa.list_(pa.field("item", pa.struct(fields), nullable=False)), nullable=False)
    said = [
        {"lead_id": people.LEAD, "email": people.EMAIL, "city": "Lisbon"},
        {"lead_id": people.OTHER_LEAD, "email": people.OTHER_EMAIL, "city": "Oslo"},
    ]
    rows = [people.event(n, "crm.lead.updated", {**one, "who": [one]}) for n, one in enumerate(said)]
    data = pa.field("data", pa.struct([*fields, who]), nullable=False)
    names = [pa.field(name, pa.string(), nullable=False) for name in rows[0] if name != "data"]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([*names, data])), tmp_path / "a.parquet")
    assert redact_file(tmp_path / "a.parquet", tmp_path / "b.parquet", redactor)
    first, second = pq.read_table(tmp_path / "b.parquet").to_pylist()
    assert second == rows[1]
    assert first["data"]["email"] is None
    assert traces(json.dumps(first).encode()) == []
    assert not redact_file(tmp_path / "b.parquet", tmp_path / "c.parquet", redactor)


def test_a_file_that_broke_off_still_does(redactor: Redactor, tmp_path: Path) -> None:
    path = people.write_all(tmp_path / "sent")["e.ndjson.gz"]
    target = tmp_path / "e.ndjson.gz"
    redact_file(path, target, redactor)
    with pytest.raises(EOFError):
        gzip.decompress(target.read_bytes())


def test_of_a_damaged_file_nothing_is_kept(redactor: Redactor, tmp_path: Path) -> None:
    content = bytearray(gzip.compress(people.lines(people.plain()) * 2000, 1))
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    path, target = tmp_path / "a.ndjson.gz", tmp_path / "b.ndjson.gz"
    path.write_bytes(bytes(content))
    assert redact_file(path, target, redactor)
    assert b"erased" in target.read_bytes()


def test_a_table_loses_the_person_in_every_column_and_keeps_the_other_rows(redactor: Redactor, tmp_path: Path) -> None:
    csv, mapping = people.write_mapped(tmp_path / "sent")
    target = tmp_path / "people.csv"
    assert redact_file(csv, target, redactor, reading_of(mapping, "people:people.csv"))
    assert traces(target.read_bytes()) == []
    header, own, other = target.read_text().splitlines()
    assert header == people.CSV.splitlines()[0]
    assert '"Lisbon, PT",2026-03-05' in own
    assert other == f"{people.OTHER_LEAD},{people.OTHER_EMAIL},Orlando,Oslo,2026-03-06,+15550100,met erased"


def test_files_of_others_are_not_touched(redactor: Redactor, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(people.lines([people.event(n, "app.login", {"user_id": f"user-{n}"}) for n in range(100)]))
    assert not redact_file(path, tmp_path / "b.ndjson", redactor)
    assert list(tmp_path.iterdir()) == [path]
