"""Kills the process at a chosen one of the calls by which files change. Programs of the kill tests begin with it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGING = ((os, "fsync"), (os, "replace"), (Path, "rename"), (Path, "replace"), (Path, "unlink"), (Path, "chmod"))
_left = 0


def kill_after(calls: int) -> None:
    """Let so many more of these calls go through; the next one is the last instant."""
    global _left
    _left = calls


def arm() -> None:
    """Count from now on."""
    for place, name in CHANGING:
        setattr(place, name, _counted(getattr(place, name)))


def _counted(call: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        global _left
        _left -= 1
        if _left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)

    return counted
