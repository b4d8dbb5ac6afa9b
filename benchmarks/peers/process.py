"""Runs a piece of work in a process of its own and tells what it cost, the memory of that process included.

Peers live in an environment of their own, so that this module and the top of every peer's module import the standard
library alone; what a piece of work needs is named beside it, and imported before the clock starts.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
"""Nobody is told that a benchmark ran."""
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Work:
    """A function of plain values in a module, and what it imports."""

    module: str
    function: str
    imports: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    prepare: str = ""
    """A function of the same arguments that is called before the clock starts; its result is passed as `prepared`."""
    show: str = ""
    """A function of the same arguments that writes the rows to be compared, where that is no part of the work."""
    is_peer: bool = False
    python: str = ""
    """Interpreter of an environment that is neither ours nor that of the other peers."""
    server: int = 0
    """Process whose memory and processor time, with that of its children, belong to the work as well."""


@dataclass(frozen=True)
class Measured:
    """Costs of a piece of work; GB are of 2**30 bytes."""

    seconds: float
    """By the clock, imports and preparation left out."""
    whole_seconds: float
    """From the start of the interpreter to its end."""
    cpu_seconds: float
    """Of the processor, user and system, for what `seconds` measures."""
    peak_gb: float
    """Largest resident set of the process over its whole life; of a server, the largest sum of its processes."""
    answer: Any


def run(python: str, work: Work, threads: int, function: str = "") -> Measured:
    """Do the work in a fresh interpreter.

    Raises
    ------
    RuntimeError
        With the end of what it wrote to stderr, where it fails.
    """
    request = {
        "module": work.module,
        "function": function or work.function,
        "prepare": "" if function else work.prepare,
        "imports": work.imports,
        "arguments": dict(work.arguments),
    }
    limits = {"OMP_NUM_THREADS": str(threads), "DEALHOUSE_THREADS": str(threads)}
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, Watch(work.server) as watch:
        answer, log = Path(folder, "answer"), Path(folder, "log")
        # The file is the channel, since libraries greet on stdout.
        with log.open("w") as sink:
            started = time.perf_counter()
            process = subprocess.Popen(
                [python, "-m", "benchmarks.peers.process", json.dumps(request), str(answer)],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=PROJECT, env=os.environ | QUIET | limits,
            )  # fmt: skip
            code = process.wait()
            whole = time.perf_counter() - started
        if code:
            raise RuntimeError(log.read_text(errors="replace").strip()[-4000:] or f"it ended with {code}")
        told = json.loads(answer.read_text())
    return Measured(
        told["seconds"],
        whole,
        told["cpu_seconds"] + watch.cpu_seconds,
        told["peak_gb"] + watch.peak_gb,
        told["answer"],
    )


class Watch:
    """Memory and processor time of a process and its descendants, who are nobody's to wait for.

    Memory is the sum of proportional sets, since the processes of a server share pages; it is sampled, and a peak
    shorter than the interval may be missed.
    """

    def __init__(self, pid: int) -> None:
        self.pid, self.peak_gb, self.cpu_seconds = pid, 0.0, 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Watch":
        if self.pid:
            self._before = self._cpu()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            self._ended.set()
            self._thread.join()
            self.cpu_seconds = self._cpu() - self._before

    def sample(self) -> None:
        """Look once."""
        total = sum(_proportional_kb(pid) for pid in _family(self.pid))
        self.peak_gb = max(self.peak_gb, total / 2**20)

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.sample()

    def _cpu(self) -> float:
        """Of those alive and, through who waited for them, of those that have ended."""
        return sum(_ticks(pid) for pid in _family(self.pid)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _family(pid: int) -> list[int]:
    parents = {int(path.name): _stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    family, found = [pid], True
    while found:
        found = False
        for child, fields in parents.items():
            if fields and int(fields[1]) in family and child not in family:
                family.append(child)
                found = True
    return family


def _ticks(pid: int) -> int:
    return sum(int(value) for value in _stat(pid)[11:15])


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def _peak_gb() -> float:
    """Of this process since it began, or of its largest child.

    Not ru_maxrss of the process itself: that starts from what its parent held when it was forked.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 2**20


def _answer(request: dict[str, Any], target: Path) -> None:
    module = importlib.import_module(request["module"])
    for name in request["imports"]:
        importlib.import_module(name)
    arguments = request["arguments"]
    if request["prepare"]:
        arguments["prepared"] = getattr(module, request["prepare"])(**arguments)
    function: Callable[..., Any] = getattr(module, request["function"])
    cpu, started = _cpu(), time.perf_counter()
    answer = function(**arguments)
    seconds = time.perf_counter() - started
    told = {"seconds": seconds, "cpu_seconds": _cpu() - cpu, "peak_gb": _peak_gb(), "answer": answer}
    target.write_text(json.dumps(told))


if __name__ == "__main__":
    _answer(json.loads(sys.argv[1]), Path(sys.argv[2]))
