"""Errors that a user may meet, each saying what happened, where, why, and what to do.

Only errors of the product belong here; a programming mistake keeps its Python exception and traceback.
"""


class DealhouseError(Exception):
    """A failure that a user can understand and act on.

    Parameters
    ----------
    what
        What did not happen, as a sentence.
    where
        File, line, event id or table concerned.
    why
        The cause, as far as it is known.
    todo
        What the reader can do about it.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", todo: str = "") -> None:
        self.what, self.where, self.why, self.todo = what, where, why, todo
        parts = [what]
        if where:
            parts.append(f"Where: {where}")
        if why:
            parts.append(f"Why: {why}")
        if todo:
            parts.append(f"What to do: {todo}")
        super().__init__("\n".join(parts))


class UsageError(DealhouseError):
    """The command was called in a way that cannot be carried out (exit code 2)."""
