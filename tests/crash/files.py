"""Files of events for the crash tests, with what must come of them known from how they were made."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse import contracts

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAGES = ["lead", "qualified", "meeting", "proposal", "negotiation"]
ABOUT_A_DEAL = [
    "crm.deal.updated",
    "crm.deal.stage_changed",
    "crm.deal.stage_changed",
    "crm.deal.next_step_set",
    "crm.deal.won",
    "crm.deal.lost",
    "crm.deal.reopened",
    "crm.brief.submitted",
    "media.mediaplan.ready",
    "docflow.contract.signed",
    "docflow.contract.revoked",
    "dcm.invoice.issued",
    "crm.activity.logged",
    "survey.nps.responded",
]
NAMED_ANEW = {"crm.activity.logged": "activity_id", "survey.nps.responded": "response_id"}


@dataclass
class Files:
    """Makes file after file; each repeats some events of former ones and holds a line that is no event."""

    seed: int
    number: int = 0
    """Files made so far."""
    accepted: list[int] = field(default_factory=lambda: [0])
    """Accepted events up to and with each file."""
    deals: list[int] = field(default_factory=lambda: [0])
    """Deals up to and with each file."""
    ids: set[str] = field(default_factory=set)
    rejected: int = 0
    duplicates: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._lines: list[str] = []
        self._deals: list[str] = []

    def write_next(self, folder: Path) -> Path:
        """Write one more file, whole at once, and note what must come of it."""
        self.number += 1
        fresh = [self._event() for _ in range(self._rng.randint(20, 60))]
        old = self._rng.choices(self._lines, k=5) if self._lines else []
        self.duplicates += len(old)
        self.rejected += 1
        lines = [*fresh, *old, '{"id": "broken", ']
        self._rng.shuffle(lines)
        self._lines += fresh
        self.accepted.append(len(self.ids))
        self.deals.append(len(self._deals))
        path = folder / f"file-{self.number:05d}.ndjson"
        draft = path.with_suffix(".tmp")
        draft.write_text("\n".join(lines) + "\n")
        draft.rename(path)
        return path

    def _event(self) -> str:
        rng = self._rng
        event_id = f"event-{len(self.ids):06d}"
        self.ids.add(event_id)
        kind = "crm.deal.created"
        if self._deals and rng.random() < 0.8:
            kind = rng.choice([*ABOUT_A_DEAL, "crm.contact.upserted", "crm.lead.created", "crm.account.upserted"])
        contract = contracts.get(kind)
        assert contract is not None, kind
        data: dict[str, Any] = contract.example()
        if kind == "crm.deal.created":
            self._deals.append(f"deal-{len(self._deals):05d}")
            data |= {"deal_id": self._deals[-1], "pipeline": rng.choice(["b2b", "adtech"])}
            data.pop("stage", None)
        elif "deal_id" in data:
            data["deal_id"] = rng.choice(self._deals[-40:])
        if "amount" in data:
            data["amount"] = rng.randint(1, 500) * 100
        if kind == "crm.deal.stage_changed":
            data |= {"to_stage": rng.choice(STAGES)}
        if kind in NAMED_ANEW:
            data[NAMED_ANEW[kind]] = event_id
        if kind == "crm.contact.upserted":
            data |= {"contact_id": f"con-{rng.randrange(50)}", "email": f"person-{rng.randrange(50)}@example.com"}
        if kind == "crm.lead.created":
            data["lead_id"] = f"lead-{event_id}"
        time = START + timedelta(minutes=rng.randrange(60 * 24 * 40))
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": "crm",
            "type": kind,
            "time": time.isoformat().replace("+00:00", "Z"),
            "data": data,
        }
        return json.dumps(event)
