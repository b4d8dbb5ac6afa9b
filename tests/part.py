"""A copy of the dbt project, of all of it or of a part that builds in seconds.

What dies and starts again, what is explained, and what the known numbers of a data set are, is the same for any number
of models. The whole project is built by the tests of the command line, of the jobs, and of the laws.
"""

import re
import shutil
from functools import cache
from pathlib import Path

from warehouse.settings import PROJECT_DIR

PART = ("fact_gate", "fact_activity", "pipeline_stage", "dim_contact", "contact_detail")
"""A part with every kind: staging, incremental facts that read each other, dimensions, a mart, personal details."""

_MACRO = re.compile(r"\{%-?\s*macro (\w+)\(")


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
    """Names of these models and of all that they read, by themselves, through macros or in their tests."""
    models, macros = _models(), _macros()
    seen: set[str] = set()
    queue = list(wanted)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        text = models.get(name) or macros[name]
        words = set(re.findall(r"['\"](\w+)['\"]", text)) | set(re.findall(r"(\w+)\(", text))
        # A macro that is dispatched is called by its plain name.
        queue += (macro for macro in macros if macro in words or macro.partition("__")[2] in words)
        queue += words & models.keys()
    return seen & models.keys()


@cache
def _models() -> dict[str, str]:
    return {
        path.stem: path.read_text() + path.with_suffix(".yml").read_text().partition("\nunit_tests:")[0]
        for path in (PROJECT_DIR / "models").rglob("*.sql")
    }


@cache
def _macros() -> dict[str, str]:
    macros = {}
    for path in (PROJECT_DIR / "macros").rglob("*.sql"):
        _, *parts = _MACRO.split(path.read_text())
        macros.update(zip(parts[::2], parts[1::2], strict=True))
    return macros
