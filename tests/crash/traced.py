"""Lets the job meet a fault at one chosen system call: a kill, a full disk, an input/output error.

``strace`` does it to a forked child that waits until it is attached. ``python -m tests.crash.traced`` is the process
that forks: it has imported everything and opened nothing. It reads questions as JSON lines and answers each with one.
Which calls are chosen, and what must hold afterwards, is in :mod:`tests.crash.test_system_calls`.
"""

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from warehouse.settings import PROJECT_DIR

CHANGING = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,fallocate,copy_file_range,sendfile,"
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat,link,linkat,chmod,fchmod,fchmodat"
)
"""System calls that change files."""
WRITING = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate")


@dataclass(frozen=True)
class Ended:
    """How the child ended: ``whole``, ``killed``, or ``failed`` with the text of its error."""

    how: str
    error: str
    calls: Counter[str]
    """How often it made each call, by the thread that made it most; counted where no fault was asked for."""


class Tracer:
    """The process that forks, as the test sees it."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.crash.traced"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR, env=environment,
        )  # fmt: skip

    def run(self, home: Path, project: Path, steps: str, run: int, fault: str = "", count: bool = False) -> Ended:
        """Run the job (`steps` is ``all`` or ``no build``) with a fault as strace writes it, or counting its calls."""
        question = {
            "home": str(home), "project": str(project), "steps": steps, "run": run, "fault": fault, "count": count,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Ended(answer["how"], answer["error"], Counter(answer["calls"]))

    def close(self) -> None:
        self._process.communicate()


def answer(question: dict[str, str]) -> dict[str, object]:
    ours, childs = socket.socketpair()
    log = Path(question["home"]).with_suffix(".strace")
    pid = os.fork()
    if pid == 0:
        child(question, childs)
    childs.close()
    tracer = None
    if question["fault"] or question["count"]:
        inject = ["-e", f"inject={question['fault']}"] if question["fault"] else []
        command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CHANGING}", *inject, "-p", str(pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        while f"TracerPid:\t{tracer.pid}" not in Path(f"/proc/{pid}/status").read_text():
            assert tracer.poll() is None, tracer.stderr.read()
    ours.send(b"go")
    status = os.waitpid(pid, 0)[1]
    if tracer is not None:
        tracer.wait()
    ours.setblocking(False)
    try:
        error = ours.recv(100_000).decode()
    except BlockingIOError:
        error = ""
    ours.close()
    how = "killed" if os.WIFSIGNALED(status) else "failed" if error else "whole"
    calls: Counter[str] = Counter()
    if question["count"]:
        per_thread = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
        for (_, call), number in per_thread.items():
            calls[call] = max(calls[call], number)
    log.unlink(missing_ok=True)
    return {"how": how, "error": error, "calls": calls}


def child(question: dict[str, str], to_parent: socket.socket) -> None:
    from tests.crash.worker import settings_of
    from warehouse import pipeline
    from warehouse.lock import writer_lock
    from warehouse.publish import RunInfo, publish

    to_parent.recv(2)
    settings = settings_of(Path(question["home"]), Path(question["project"]))
    try:
        if question["steps"] == "all":
            pipeline.run(settings)
        else:
            home = settings.layout()
            with writer_lock(home, "run"):
                pipeline.take_in(settings)
                publish(home, settings, RunInfo(f"run-{question['run']}", batch_id=question["run"]))
    except BaseException as error:
        to_parent.send(f"{type(error).__name__}: {error}".encode()[:90_000])
    finally:
        os._exit(0)


def main() -> None:
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    from warehouse import ingest, pipeline, publish  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
