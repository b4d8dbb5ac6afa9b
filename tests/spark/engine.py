"""Builds the project on a Spark of its own, in an environment of its own (`make test-spark` makes it)."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from warehouse.settings import PROJECT_DIR

PYTHON = Path(os.environ.get("DEALHOUSE_SPARK_PYTHON", PROJECT_DIR / ".venv-spark" / "bin" / "python"))
LAYERS = ("facts", "marts", "features", "scores", "contacts", "sync")


def build(home: Path, export: Path, back: Path, *arguments: str, project: Path = PROJECT_DIR) -> None:
    """Build all models from an export, and hand all layers back to the folder `back`."""
    code, said = attempt(home, export, back, *arguments, project=project)
    assert code == 0, said[-8000:]


def attempt(
    home: Path,
    export: Path,
    back: Path,
    *arguments: str,
    project: Path = PROJECT_DIR,
    more: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Try to build, with ``more`` in the environment; return dbt's exit code and what it said."""
    assert PYTHON.exists(), f"Spark is not at {PYTHON}; `make test-spark` installs it, and `make test-all` calls that."
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT_DIR),
        "DEALHOUSE_HOME": str(home),
        "DEALHOUSE_SPARK_EXPORT": str(export),
        "DEALHOUSE_SPARK_HANDBACK": str(back),
        "DEALHOUSE_SPARK_LAYERS": ",".join(LAYERS),
        # Many statements over few rows: generated code, plans that adapt, and a catalogue that outlives a power cut
        # would only cost.
        "DEALHOUSE_SPARK_JAVA_OPTIONS": "-XX:+UseSerialGC -Dderby.system.durability=test "
        "-Dspark.sql.adaptive.enabled=false -Dspark.sql.codegen.wholeStage=false",
        "DEALHOUSE_SPARK_BUCKETS": "4",
        "DEALHOUSE_SPARK_PARTITIONS": "2",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **(more or {}),
    }
    done = subprocess.run(
        [
            *(str(PYTHON), "-m", "dbt.cli.main", "build", "--target", "spark"),
            *("--exclude-resource-type", "unit_test", *arguments),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
            *("--target-path", str(home / "dbt"), "--log-path", str(home / "dbt")),
        ],
        env=environment,
        # Whatever Spark leaves in the folder that it is started from, it leaves there.
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
