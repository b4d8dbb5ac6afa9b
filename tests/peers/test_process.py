"""What a piece of work is told to have cost is its own: not another process's, nor what came before the clock."""

import json
import subprocess
import sys
import time

import pytest

from benchmarks.peers.process import Watch, Work, run

HERE = "tests.peers.test_process"
HELD_GB = 0.25
WAITED = 0.5


def nothing() -> int:
    return 7


def wait() -> int:
    time.sleep(WAITED)
    return 7


def hold(prepared: int = 0) -> int:
    return len(bytearray(b"x") * int(HELD_GB * 2**30)) + prepared


def fail() -> None:
    raise ValueError("it cannot be done")


def test_memory_is_that_of_the_process_alone() -> None:
    large = run(sys.executable, Work(HERE, "hold"), 1)
    small = run(sys.executable, Work(HERE, "nothing"), 1)
    assert large.answer == int(HELD_GB * 2**30)
    assert HELD_GB * 0.9 <= large.peak_gb - small.peak_gb <= HELD_GB * 1.1


def test_a_preparation_hands_on_and_is_not_timed() -> None:
    told = run(sys.executable, Work(HERE, "hold", prepare="wait"), 1)
    assert told.answer == int(HELD_GB * 2**30) + 7
    assert told.whole_seconds - told.seconds >= WAITED


def test_a_failure_brings_its_reason() -> None:
    with pytest.raises(RuntimeError, match="it cannot be done"):
        run(sys.executable, Work(HERE, "fail"), 1)


def test_a_server_is_measured_with_its_children() -> None:
    child = f"held = bytearray(b'x') * int({HELD_GB} * 2**30); print(1, flush=True); input()"
    command = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
        f"{json.dumps(child)}], stdin=subprocess.PIPE); input(); p.communicate(b'1')"
    )
    with subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        with Watch(server.pid) as watch:
            server.stdout.readline()
            watch.sample()
            assert watch.peak_gb >= HELD_GB
            server.stdin.write(b"1\n")
            server.stdin.flush()
        assert watch.cpu_seconds > 0
