"""Runs the whole job again and again, each time in a forked child that the harness may kill.

Importing takes seconds, and would be most of what gets killed; a fork starts at once. ``python -m
tests.crash.worker HOME PROJECT`` reads lines with a clock reading and a largest file size (0: none), and prints
for each: ``pid N``, the phases as they begin, ``raw-open PATH`` should the job open a .duckdb file by itself,
``done`` or ``failed …``, ``exit``.
"""

import os
import resource
import sys
import traceback
from pathlib import Path

import dbt.adapters.duckdb
import dbt.cli.main  # noqa: F401

from warehouse import contracts, ingest, pipeline  # noqa: F401
from warehouse.settings import Settings

PHASES = ("take_in", "build", "publish_build")
PSEUDONYM_KEY = "an-invented-key-of-the-crash-tests"


def settings_of(home: Path, project: Path) -> Settings:
    return Settings(home=home, project_dir=project, keep_published=3, pseudonym_key=PSEUDONYM_KEY, lock_wait_seconds=10)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def announce(phase: str) -> None:
    step = getattr(pipeline, phase)

    def announced(*arguments: object, **options: object) -> object:
        say(phase)
        return step(*arguments, **options)

    setattr(pipeline, phase, announced)


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and str(arguments[0]).endswith((".duckdb", ".duckdb.wal")):
        say(f"raw-open {arguments[0]}")


def child(home: Path, project: Path, now: str, largest_file: int) -> None:
    say(f"pid {os.getpid()}")
    os.environ["DEALHOUSE_NOW"] = now
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    sys.addaudithook(watch)
    try:
        pipeline.run(settings_of(home, project))
        say("done")
    except BaseException:
        say("failed " + traceback.format_exc().replace("\n", " | "))
    finally:
        os._exit(0)


def main() -> None:
    home, project = Path(sys.argv[1]), Path(sys.argv[2])
    for phase in PHASES:
        announce(phase)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            now, largest_file = line.split()
            child(home, project, now, int(largest_file))
        os.waitpid(pid, 0)
        say("exit")


if __name__ == "__main__":
    main()
