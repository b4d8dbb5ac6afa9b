"""A destination that keeps no state for us: an idempotent receiver, which may answer badly by a script."""

from collections.abc import Callable, Sequence

from warehouse.erasure.pending import Erased
from warehouse.writeback.destination import ACKNOWLEDGED, Capabilities, Destination, Outcome, Row

Script = Callable[[Row], Outcome | Exception | None]
"""What to answer to a row: None takes it; an exception is raised once the batch was taken: its answer is lost."""


class Receiver(Destination):
    """Counts what it has received by message id, as the receiver of webhooks should."""

    def __init__(
        self, *objects: str, name: str = "hook", script: Script = lambda row: None, batch_rows: int = 10
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(frozenset(objects), batch_rows=batch_rows)
        self.script = script
        self.received: list[Row] = []
        """Everything, repetitions included."""
        self.forgotten: list[str] = []
        """Ids of erased persons that it was told of, repetitions included."""
        self.forget_script: Callable[[Erased], Outcome | Exception | None] = lambda one: None
        """The same for these."""

    @property
    def effects(self) -> dict[str, Row]:
        """What it made of it, by message id."""
        return {row.message_id: row for row in self.received}

    def deliver(self, object_name: str, rows: Sequence[Row]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        lost: Exception | None = None
        for row in rows:
            answer = self.script(row)
            if isinstance(answer, Exception):
                lost = answer
            if answer is None or isinstance(answer, Exception):
                self.received.append(row)
            outcomes.append(answer if isinstance(answer, Outcome) else ACKNOWLEDGED)
        if lost is not None:
            raise lost
        return outcomes

    def forget(self, erased: Sequence[Erased]) -> list[Outcome]:
        outcomes = []
        for one in erased:
            self.forgotten.append(one.subject_id)
            answer = self.forget_script(one)
            if isinstance(answer, Exception):
                raise answer
            outcomes.append(answer or ACKNOWLEDGED)
        return outcomes
