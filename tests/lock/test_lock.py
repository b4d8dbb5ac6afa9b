"""One writer at a time, whatever happens to the processes."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from warehouse.lock import WarehouseBusyError, holder, writer_lock
from warehouse.settings import Home

HOLD = """
    import sys
    from pathlib import Path
    from warehouse.lock import writer_lock
    from warehouse.settings import Home
    with writer_lock(Home(Path(sys.argv[1])), "a long import"):
        print("held", flush=True)
        sys.stdin.readline()
"""

# Each writer adds one to a number by reading and writing it, which loses counts as soon as two overlap.
COUNT = """
    import sys, time
    from pathlib import Path
    from warehouse.lock import writer_lock
    from warehouse.settings import Home
    root = Path(sys.argv[1])
    with writer_lock(Home(root), "count", wait_seconds=60):
        (root / "inside").touch(exist_ok=False)
        number = int((root / "count").read_text())
        time.sleep(0.02)
        (root / "count").write_text(str(number + 1))
        (root / "inside").unlink()
"""


def start(code: str, home: Home) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def other_writer(home: Home):
    process = start(HOLD, home)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_twenty_processes_write_one_at_a_time(home: Home) -> None:
    (home.root / "count").write_text("0")
    writers = [start(COUNT, home) for _ in range(20)]
    assert [writer.wait() for writer in writers] == [0] * 20
    assert (home.root / "count").read_text() == "20"


def test_of_twenty_that_do_not_wait_one_proceeds(home: Home, other_writer: subprocess.Popen[str]) -> None:
    (home.root / "count").write_text("0")
    others = [start(COUNT.replace("wait_seconds=60", "wait_seconds=0"), home) for _ in range(19)]
    assert all(process.wait() != 0 for process in others)
    assert (home.root / "count").read_text() == "0"
    assert not (home.root / "inside").exists()
    assert other_writer.poll() is None


def test_the_refused_writer_is_told_by_whom_and_what_to_do(home: Home, other_writer: subprocess.Popen[str]) -> None:
    with pytest.raises(WarehouseBusyError) as caught, writer_lock(home, "run"):
        pass
    message = str(caught.value)
    assert str(other_writer.pid) in message
    assert "a long import" in message
    assert "since 20" in message
    assert "DEALHOUSE_LOCK_WAIT_SECONDS" in message


def test_kill_of_the_holder_frees_the_lock(home: Home, other_writer: subprocess.Popen[str]) -> None:
    os.kill(other_writer.pid, signal.SIGKILL)
    other_writer.wait()
    with writer_lock(home, "run"):
        assert holder(home).purpose == "run"


def test_a_child_of_a_killed_holder_does_not_keep_the_lock(home: Home) -> None:
    code = HOLD.replace(
        'print("held", flush=True)',
        "import os, time\n        child = os.fork()\n        if child == 0: time.sleep(60)\n"
        "        print(child, flush=True)",
    )
    parent = start(code, home)
    child = int(parent.stdout.readline())
    try:
        with pytest.raises(WarehouseBusyError), writer_lock(home, "run"):
            pass
        parent.kill()
        parent.wait()
        os.kill(child, 0)  # the child lives on
        with writer_lock(home, "run"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_waiting_writer_proceeds_when_the_first_ends(home: Home, other_writer: subprocess.Popen[str]) -> None:
    threading.Timer(0.3, lambda: other_writer.stdin.write("\n") and other_writer.stdin.flush()).start()
    with writer_lock(home, "run", wait_seconds=30):
        assert other_writer.wait() == 0


def test_it_is_not_reentrant(home: Home) -> None:
    with (
        writer_lock(home, "run"),
        pytest.raises(WarehouseBusyError, match="this very process"),
        writer_lock(home, "ingest"),
    ):
        pass


def test_a_lock_file_deleted_under_the_holder_does_not_let_the_next_one_lock_a_ghost(home: Home) -> None:
    with writer_lock(home, "run"):
        home.lock.unlink()
        # Nothing can keep the next one apart from the first, but the third must meet the second.
        with (
            writer_lock(home, "second"),
            pytest.raises(WarehouseBusyError, match="second"),
            writer_lock(home, "third"),
        ):
            pass


def test_the_lock_is_free_after_an_error_and_names_nobody(home: Home) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(home, "run"):
        raise ZeroDivisionError
    assert holder(home) is None
    assert home.lock.read_text() == ""


def test_looking_does_not_refuse_a_writer(home: Home) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(home)

    onlookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in onlookers:
        thread.start()
    try:
        for _ in range(20):
            with writer_lock(home, "run"):
                pass
    finally:
        stop.set()
        for thread in onlookers:
            thread.join()
