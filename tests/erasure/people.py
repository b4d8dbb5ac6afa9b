"""Files of every format with a person who is to be erased, and others who are not."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

EMAIL, EMAIL_TOO = "Zenobia.Quartermain@harbour.example", "zq@second.example"
PHONE = "+44 20 7946 0958"
FIRST, LAST = "Zenobia", "Quartermain"
CONTACT, LEAD, USER, VISITOR = "con-815z", "lead-3307z", "user-58z", "vis-9f2cz"
OTHER_LEAD, OTHER_EMAIL = "lead-4410y", "orlando@other.example"
NEEDLES = (EMAIL, EMAIL_TOO, PHONE, "442079460958", FIRST, LAST, CONTACT, LEAD, USER, VISITOR)


def event(number: int, event_type: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "crm",
        "type": event_type,
        "time": f"2026-03-{1 + number // 24 % 28:02d}T{number % 24:02d}:00:00Z",
        "tenantid": "t1",
        "data": data,
        **attributes,
    }


def plain() -> list[dict[str, Any]]:
    """Events of the person by all of their ids, and of another."""
    details = {"first_name": FIRST, "last_name": LAST, "email": EMAIL, "phone": PHONE}
    return [
        event(1, "web.session.started", {"session_id": "s1", "visitor_id": VISITOR, "utm_source": "google"}),
        event(2, "crm.lead.created", {"lead_id": LEAD, "visitor_id": VISITOR, "lead_source": "paid",
              "company": "Quartermain Ltd", "full_name": f"{FIRST} {LAST}", **details}, subject=LEAD),
        event(3, "crm.lead.created", {"lead_id": OTHER_LEAD, "lead_source": "paid", "email": OTHER_EMAIL,
              "first_name": "Orlando", "referrer_user_id": USER}),
        event(4, "crm.contact.upserted", {"contact_id": CONTACT, "lead_id": LEAD, "user_id": USER, **details,
              "email": EMAIL_TOO}),
        event(5, "chat.message.received", {"message_id": "m1", "conversation_id": "cv1", "channel": "telegram",
              "lead_id": LEAD, "text": f"it is {FIRST}, call {PHONE}"}),
        event(6, "chat.message.received", {"message_id": "m2", "conversation_id": "cv2", "channel": "telegram",
              "lead_id": OTHER_LEAD, "text": f"ask {FIRST} {LAST} <{EMAIL.lower()}>"}),
        event(7, "billing.subscription.started", {"subscription_id": "sub1", "user_id": USER, "plan": "pro", "mrr": 10,
              "currency": "USD"}),
        event(8, "billing.payment.received", {"payment_id": "p1", "user_id": USER, "subscription_id": "sub1",
              "amount": 10, "currency": "USD"}, actor=USER),
        {**event(9, "app.login", {"user_id": USER}), "id": f"login:{USER}:9"},
    ]  # fmt: skip


def lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in events)


def rejects() -> bytes:
    """Lines that are rejected, each for another reason, all of them with something of the person."""
    return b"".join(
        [
            f'{{"id": "broken", "data": {{"email": "{EMAIL}", "phone": "{PHONE}"\n'.encode(),
            lines([event(20, "crm.lead.exploded", {"lead_id": LEAD, "note": "secret note of the person"})]),
            lines([event(21, "crm.lead.created", {"lead_id": LEAD, "lead_source": "nowhere", "email": EMAIL})]),
            f'["{EMAIL}", "{base64.b64encode(EMAIL.encode()).decode()}"]\n'.encode(),
            f'{{"id": "\xff {LAST} {EMAIL}"}}\n'.encode("latin-1"),
            f'{{"id": 1, "id": 2, "x": "{quote(EMAIL)}"}}\n'.encode(),
        ]
    )


def write_all(folder: Path) -> dict[str, Path]:
    """A file of each format that needs no mapping, the person in every one."""
    folder.mkdir(parents=True, exist_ok=True)
    said = [event(30 + number, "app.login", {"user_id": USER}) for number in range(4)]
    (folder / "a.ndjson").write_bytes(lines(plain()))
    (folder / "b.ndjson").write_bytes(rejects())
    more = [event(40, "content.downloaded", {"lead_id": LEAD, "content_id": "c1", "email": EMAIL}), *said[:2]]
    (folder / "c.ndjson.gz").write_bytes(gzip.compress(lines(more), mtime=0))
    (folder / "d.ndjson.zst").write_bytes(zstandard.ZstdCompressor().compress(lines(said[2:])))
    whole = gzip.compress(
        lines([event(50 + n, "app.login", {"user_id": USER, "n": f"{EMAIL} {n}"}) for n in range(99)])
    )
    (folder / "e.ndjson.gz").write_bytes(whole[:-12])
    texts = [event(200, "app.login", {"user_id": USER}), event(201, "app.login", {"user_id": "user-other1"})]
    rows = [{**one, "data": json.dumps(one["data"])} for one in texts]
    pq.write_table(pa.Table.from_pylist(rows), folder / "f.parquet")
    structs = [
        event(210, "crm.lead.updated", {"lead_id": LEAD, "email": EMAIL, "phone": None, "city": "Lisbon"}),
        event(211, "crm.lead.updated", {"lead_id": OTHER_LEAD, "email": OTHER_EMAIL, "phone": None, "city": "Oslo"}),
    ]
    pq.write_table(pa.Table.from_pylist(structs), folder / "g.parquet")
    return {path.name: path for path in sorted(folder.iterdir())}


MAPPING = """
name = "people"

[defaults]
source = "shop"
tenantid = "t1"

[[input]]
name = "people"
files = "people.csv"

[[event]]
name = "lead"
input = "people"
type = "crm.lead.updated"
id = "lead-{key}"
time = { column = "changed_on" }

  [event.data]
  lead_id = { column = "key" }
  email = { column = "mail" }
  first_name = { column = "first" }
  city = { column = "town" }
"""
CSV = (
    "key,mail,first,town,changed_on,home_phone,remark\n"
    f'{LEAD},{EMAIL},{FIRST},"Lisbon, PT",2026-03-05,{PHONE},"likes ""tea"""\n'
    f'{OTHER_LEAD},{OTHER_EMAIL},Orlando,"Oslo",2026-03-06,+15550100,met {FIRST} {LAST}\n'
)


def write_mapped(folder: Path) -> tuple[Path, Path]:
    """A CSV file and its mapping."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.toml").write_text(MAPPING)
    (folder / "people.csv").write_text(CSV)
    return folder / "people.csv", folder / "people.toml"
