"""Why a request as a whole is refused, as a status, a code and a sentence."""


class Refusal(Exception):  # noqa: N818
    """An answer of its own: 4xx, or 503 where the disk is full.

    Parameters
    ----------
    status
        HTTP status.
    reason
        Code that programs can go by.
    message
        What is wrong and what to do; holds nothing that is secret.
    retry_after
        Seconds after which to try again, where that helps.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after


def overloaded() -> Refusal:
    """More is waiting than may."""
    return Refusal(
        429, "too_busy", "More events are waiting than are taken at once. Send these again after a second.", 1
    )
