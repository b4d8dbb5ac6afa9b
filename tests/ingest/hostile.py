"""Batches of anything: good events among all that producers, networks and disks make of them.

A batch is a list of lines, made from a seed. What must come of the lines is not said here.
"""

import json
import random
from typing import Any

from tests.ingest.depot import event

FORGOTTEN = "crm.deal.forgotten"
"""A type without a contract; its events are sound, and come in once it has one."""


class Hostile:
    """Makes batch after batch."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.forgotten: list[str] = []
        """Ids of the events whose type has no contract yet."""
        self.kinds: dict[str, int] = {}
        """How many lines of each kind were made."""
        self._number = 0
        self._sent: list[bytes] = []
        self._makers = [name for name in dir(self) if name.startswith("make_")]

    def batch(self) -> list[bytes]:
        """Some lines, without their ends; the first names the batch, so that no two are the same file."""
        lines = [self.make_good()]
        for _ in range(self.rng.randint(0, 9)):
            name = self.rng.choice([*self._makers, "make_good", "make_good"])
            self.kinds[name] = self.kinds.get(name, 0) + 1
            line: bytes = getattr(self, name)()
            assert b"\n" not in line, line
            lines.append(line)
        self._sent += lines
        self.rng.shuffle(lines)
        return lines

    def _event(self, **changes: Any) -> dict[str, Any]:
        self._number += 1
        data = {"deal_id": f"D{self.rng.randrange(9)}", "amount": self.rng.randrange(100)}
        return event(f"e{self._number}", **{"data": data, **changes})

    def make_good(self) -> bytes:
        return json.dumps(self._event()).encode()

    def make_again(self) -> bytes:
        """A line that was sent before, whatever it was."""
        return self.rng.choice(self._sent) if self._sent else self.make_good()

    def make_conflict(self) -> bytes:
        """Another content under an id that is likely to be known."""
        known = f"e{self.rng.randint(1, self._number)}"
        return json.dumps(self._event() | {"id": known}).encode()

    def make_forgotten(self) -> bytes:
        fresh = self._event(type=FORGOTTEN)
        fresh["id"] = f"forgotten-{fresh['id']}"
        self.forgotten.append(fresh["id"])
        return json.dumps(fresh).encode()

    def make_unknown_type(self) -> bytes:
        kind = self.rng.choice(["crm.deal.wonn", "", "CRM.DEAL.WON", "drop table", "😀", "crm.deal.won\x00", " "])
        return json.dumps(self._event(type=kind)).encode()

    def make_cut_short(self) -> bytes:
        whole = self.make_good()
        return whole[: self.rng.randint(1, len(whole) - 1)]

    def make_other_json(self) -> bytes:
        return self.rng.choice(
            [
                b"[]",
                b"{}",
                b"null",
                b"0",
                b'"text"',
                b"[[[[",
                b"{" * 300,
                b"[" * 2000 + b"]" * 2000,
                b"NaN",
                b"{'id': 1}",
            ]
        )

    def make_wrong_type(self) -> bytes:
        wrong = self.rng.choice([None, 7, 1.5, True, [], {}, [1], {"a": {}}, "", " ", "x"])
        whole = self._event()
        part = self.rng.choice(["id", "source", "type", "time", "data", "deal_id", "amount", "specversion", "tenantid"])
        if part in ("deal_id", "amount"):
            whole["data"] |= {part: wrong}
        else:
            whole[part] = wrong
        return json.dumps(whole).encode()

    def make_lacking(self) -> bytes:
        whole = self._event()
        del whole[self.rng.choice(["id", "source", "type", "time", "data"])]
        return json.dumps(whole).encode()

    def make_huge_number(self) -> bytes:
        digits = self.rng.choice(["9" * 17, "9" * 40, "-" + "9" * 400, "1e400", "9007199254740993", "1e-400", "-0"])
        text = json.dumps(self._event(id="an id"))
        place = self.rng.choice(['"an id"', '"crm"', str(json.loads(text)["data"]["amount"]), '"2025-03-14T09:30:00Z"'])
        return text[::-1].replace(place[::-1], digits[::-1], 1)[::-1].encode()

    def make_nul(self) -> bytes:
        whole = self.make_good()
        if self.rng.random() < 0.5:
            place = self.rng.randrange(len(whole))
            return whole[:place] + b"\x00" + whole[place + self.rng.randint(0, 1) :]
        return whole.replace(self.rng.choice([b'"crm"', b'"D']), b'"\\u0000"' if b"D" not in whole else b'"\\u0000D', 1)

    def make_bad_utf8(self) -> bytes:
        whole = self.make_good()
        place = self.rng.randrange(len(whole))
        bad = self.rng.choice(
            [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\xe9", b"\\ud800"]
        )
        return whole[:place] + bad + whole[place:]

    def make_flipped(self) -> bytes:
        """A single bit, as a bad cable or disk flips it; a line that would fall apart is drawn again."""
        whole = bytearray(self.make_good())
        whole[self.rng.randrange(len(whole))] ^= 1 << self.rng.randrange(8)
        return bytes(whole) if not {10, 13} & set(whole) and whole.strip() else self.make_flipped()

    def make_odd_time(self) -> bytes:
        odd = ["2025-02-30T00:00:00Z", "9999-12-31T23:59:60Z", "0000-00-00", "2999-01-01T00:00:00Z", "-1", "2025-03-14"]
        return json.dumps(self._event(time=self.rng.choice(odd))).encode()

    def make_two_at_once(self) -> bytes:
        """Two events without a line between them, or a key that is there twice."""
        if self.rng.random() < 0.5:
            return self.make_good() + self.make_good()
        return self.make_good().replace(b'"data"', b'"data": {}, "data"')
