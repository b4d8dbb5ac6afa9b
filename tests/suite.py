"""The test command: linters first, then pytest; with ``--all`` the slow suites as well.

Nothing here tests anything itself; it says what is run, in which order, and shows how long each part took.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

TESTS = list((ROOT / "tests").glob("*/**/test_*.py"))
LONGEST = ("tests/e2e", "tests/warehouse")

LINTERS = [
    ("ruff", [BIN / "ruff", "check", "."]),
    ("format", [BIN / "ruff", "format", "--check", "."]),
    ("mypy", [BIN / "mypy"]),
    ("imports", [BIN / "lint-imports"]),
    ("sqlfluff", [BIN / "sqlfluff", "lint", "--processes", "2", "models", "macros/tests"]),
]


def install_programs() -> None:
    """Install the programs that tests start, where this user may; what is missing then fails its test."""
    missing = [name for name in ("strace", "chromium") if shutil.which(name) is None]
    missing += [] if postgres.programs() else ["postgresql"]
    if missing and shutil.which("apt-get") is not None:
        subprocess.run(["apt-get", "install", "--yes", "--quiet", *missing], check=False)


def install_spark() -> None:
    """Make the environment of Spark, where this user may; without it, its tests say what is missing."""
    subprocess.run(["make", "--silent", ".venv-spark/.ready"], cwd=ROOT, check=False)


def main() -> int:
    """Run the parts in order and stop at the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also run the slow suites")
    parser.add_argument("--lint", action="store_true", help="run the linters only")
    parser.add_argument("--tests", action="store_true", help="run the tests only")
    parser.add_argument("--spark", action="store_true", help="run the comparison with Spark only")
    options = parser.parse_args()
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    pytest = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
    ]
    parts: list[tuple[str, list[object]]] = [] if options.tests else list(LINTERS)
    if options.spark:
        # One process: Spark takes both cores by itself. What was equal within a tolerance alone is shown.
        parts = [("spark", [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/spark"])]
    elif not options.lint:
        install_programs()
        if options.all:
            install_spark()
        selection = [] if options.all else ["-m", "not slow"]
        # What takes longest in one piece comes first, so that no process is left alone with it at the end.
        folders = sorted({f"tests/{path.parent.relative_to(ROOT / 'tests').parts[0]}" for path in TESTS})
        parts.append(("tests", [*pytest, *selection, *sorted(folders, key=lambda one: one not in LONGEST)]))
    for name, command in parts:
        started = time.monotonic()
        print(f"== {name}", flush=True)
        code = subprocess.run([str(word) for word in command], cwd=ROOT, check=False).returncode
        print(f"== {name}: {'failed' if code else 'ok'} in {time.monotonic() - started:.0f} s", flush=True)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
