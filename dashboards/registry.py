"""Which pages there are: the files of ``app_pages``, each of which says in ``ABOUT`` where it belongs.

``ABOUT`` is read without running the page, since a page that nobody may open must not run.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "app_pages"
GROUPS = ("leadership", "revenue", "customers", "operations")


@dataclass(frozen=True)
class PageFile:
    """A page: its title and its question are the entries ``page.<name>`` and ``page.<name>.question``."""

    name: str
    path: Path
    group: str
    icon: str
    order: int


@cache
def pages() -> tuple[PageFile, ...]:
    """All pages, in the order of the navigation."""
    found = [_about(path) for path in FOLDER.glob("[!_]*.py")]
    return tuple(sorted(found, key=lambda page: (GROUPS.index(page.group), page.order)))


def path_of(name: str) -> str:
    """Path of a page for Streamlit's links."""
    return str(FOLDER / f"{name}.py")


def _about(path: Path) -> PageFile:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ABOUT":
            return PageFile(path.stem, path, **ast.literal_eval(node.value))
    raise LookupError(f"{path} does not say where it belongs: ABOUT = {{'group': …, 'icon': …, 'order': …}}")
