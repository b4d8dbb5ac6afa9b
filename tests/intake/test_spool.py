"""The file that live events are appended to: whole lines, whoever appends, closes, or is killed."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.intake.spool import OPEN_SUFFIX, Spool, SpoolFullError
from warehouse.landing import waiting_files
from warehouse.settings import PROJECT_DIR, Home

APPEND = """
import sys
from pathlib import Path
from warehouse.intake.spool import Spool
from warehouse.settings import Home
spool = Spool(Home(Path(sys.argv[1])))
for number in range(200):
    spool.append(b"%s-%d\\n" % (sys.argv[2].encode(), number) * 3)
"""


def test_a_run_lands_what_was_closed_and_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    spool = Spool(home)
    assert spool.close() is None
    spool.append(b"1\n")
    assert waiting_files(home) == []
    opened = spool.open_file()
    assert opened is not None
    assert opened.suffix == OPEN_SUFFIX
    closed = spool.close()
    assert closed is not None
    assert waiting_files(home) == [closed]
    assert closed.read_bytes() == b"1\n"
    spool.append(b"2\n")
    assert spool.open_file() not in (None, opened)
    assert closed.read_bytes() == b"1\n"


@pytest.mark.parametrize("broken", [b"x", b'{"id": "1"', b"\0" * 100_000, b"x" * 70_000])
def test_a_line_that_was_broken_off_is_cut_away(tmp_path: Path, broken: bytes) -> None:
    spool = Spool(Home(tmp_path))
    spool.append(b"1\n2\n")
    opened = spool.open_file()
    assert opened is not None
    with opened.open("ab") as file:
        file.write(broken)
    spool.append(b"3\n")
    assert opened.read_bytes() == b"1\n2\n3\n"
    with opened.open("ab") as file:
        file.write(broken)
    closed = spool.close()
    assert closed is not None
    assert closed.read_bytes() == b"1\n2\n3\n"


def test_a_file_of_a_broken_line_alone_is_no_file(tmp_path: Path) -> None:
    spool = Spool(Home(tmp_path))
    spool.append(b"1\n")
    opened = spool.open_file()
    assert opened is not None
    opened.write_bytes(b'{"id"')
    assert spool.close() is None
    assert waiting_files(Home(tmp_path)) == []


def test_processes_append_while_another_closes(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    appending = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(tmp_path), name], env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
        )
        for name in names
    ]
    spool = Spool(Home(tmp_path))
    while any(one.poll() is None for one in appending):
        spool.close()
    spool.close()
    assert [one.returncode for one in appending] == [0, 0, 0]
    files = waiting_files(Home(tmp_path))
    assert len(files) > 1
    lines = sorted(line for path in files for line in path.read_bytes().splitlines())
    assert lines == sorted(f"{name}-{number}".encode() for name in names for number in range(200) for _ in range(3))


def test_what_a_full_disk_does_not_take_is_not_kept(tmp_path: Path) -> None:
    spool = Spool(Home(tmp_path))
    spool.append(b"1\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
        with pytest.raises(SpoolFullError, match="could not be written"):
            spool.append(b"x" * 10_000 + b"\n")
        spool.append(b"2\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    closed = spool.close()
    assert closed is not None
    assert closed.read_bytes() == b"1\n2\n"
