"""The dbt project that the crash tests run: a copy, of all of it or of a part that builds in seconds.

What dies and starts again is the same for any number of models: a build is cut short between two of them, or within
one. The part has every kind: staging, incremental facts that read each other, dimensions, a mart, personal details.
"""

import re
import shutil
from pathlib import Path

from warehouse.settings import PROJECT_DIR

PART = ("fact_gate", "fact_activity", "pipeline_stage", "dim_contact", "contact_detail")
"""Models that are wanted of the part; what they read comes along."""
READ_BY_MACROS = ("stg_clock", "dim_date", "fact_fx_rate")
"""Models that macros of the part read."""


def copy_project(folder: Path, wanted: tuple[str, ...] = ()) -> None:
    """Copy the project, so that nobody edits it under the runs; all models, or the wanted ones and what they read."""
    folder.mkdir(parents=True)
    for part in ("models", "macros", "seeds", "tests/dbt"):
        if (PROJECT_DIR / part).exists():
            shutil.copytree(PROJECT_DIR / part, folder / part)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT_DIR / name, folder / name)
    if wanted:
        kept = with_inputs(wanted)
        for path in (folder / "models").rglob("*.sql"):
            if path.stem not in kept:
                path.unlink()
                path.with_suffix(".yml").unlink()
        # They speak of models that are not in the part.
        shutil.rmtree(folder / "models" / "semantic")
        (folder / "models" / "exposures.yml").unlink()


def with_inputs(wanted: tuple[str, ...]) -> set[str]:
    """Names of these models and of all that they read, found as quoted words of their SQL."""
    texts = {path.stem: path.read_text() for path in (PROJECT_DIR / "models").rglob("*.sql")}
    kept: set[str] = set()
    queue = [*wanted, *READ_BY_MACROS]
    while queue:
        name = queue.pop()
        if name not in kept:
            kept.add(name)
            queue += texts.keys() & set(re.findall(r"'(\w+)'", texts[name]))
    return kept
