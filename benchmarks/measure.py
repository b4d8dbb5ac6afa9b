"""Runs a piece of work in a process of its own and tells its time and peak memory."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Wall-clock and processor seconds, and the largest resident set in GB."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    answer: Any


def run(module: str, function: str, **arguments: Any) -> Measured:
    """Call ``module.function(**arguments)`` in a fresh interpreter; arguments and answer are JSON."""
    request = json.dumps({"module": module, "function": function, "arguments": arguments})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure"], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module}.{function} failed:\n{done.stderr[-4000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _answer() -> None:
    import importlib

    request = json.loads(sys.stdin.read())
    work: Callable[..., Any] = getattr(importlib.import_module(request["module"]), request["function"])
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    answer = work(**request["arguments"])
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_gb": after.ru_maxrss / 2**20, "answer": answer}))


if __name__ == "__main__":
    _answer()
