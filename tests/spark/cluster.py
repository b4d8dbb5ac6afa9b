"""A Spark standalone cluster on loopback: a master and workers, each a process with its executors as children."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.spark.engine import PYTHON

SECONDS = 120.0
"""How long starting may take."""


class Cluster:
    """What is running, and where."""

    def __init__(self, folder: Path) -> None:
        asked = "import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)"
        self._spark = subprocess.run([PYTHON, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.master = f"spark://127.0.0.1:{self._port}"

    def start(self, workers: int) -> None:
        """Start the master and so many workers of one core and a gigabyte; return when all have joined."""
        self._start("master", "Master", "--host", "127.0.0.1", "--port", str(self._port), "--webui-port", "0")
        for number in range(workers):
            self._start(
                f"worker-{number}", "Worker", self.master, "--host", "127.0.0.1", "--webui-port", "0",
                "--cores", "1", "--memory", "1g", "--work-dir", str(self.work(number)),
            )  # fmt: skip
        until = time.monotonic() + SECONDS
        while self.said("master").count("Registering worker") < workers:
            assert time.monotonic() < until, self.said("master")[-4000:]
            time.sleep(0.2)

    def work(self, number: int) -> Path:
        """Where a worker keeps what its executors say."""
        return self._folder / f"work-{number}"

    def has_executor(self, number: int) -> bool:
        """Whether a worker was ever given one."""
        return any(self.work(number).glob("app-*/*"))

    def kill(self, number: int) -> None:
        """Kill a worker with its executors, at once."""
        os.killpg(self._processes[1 + number].pid, signal.SIGKILL)
        self._processes[1 + number].wait()

    def said(self, name: str) -> str:
        """What the master or a worker has logged."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """Kill whatever still runs."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, name: str, kind: str, *arguments: str) -> None:
        command = [f"{self._spark}/bin/spark-class", f"org.apache.spark.deploy.{kind.lower()}.{kind}", *arguments]
        environment = {**os.environ, "SPARK_HOME": self._spark, "SPARK_LOCAL_IP": "127.0.0.1"}
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)


@contextmanager
def running(folder: Path, workers: int) -> Iterator[Cluster]:
    """Run a cluster whose logs and work lie in the folder."""
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.stop()
