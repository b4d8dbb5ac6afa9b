"""Every mart has somebody who uses it, and every use names marts that exist."""

import ast
from pathlib import Path

import pytest

from dashboards.registry import pages, path_of
from tests.laws.compiled import is_part, project

LAYERS = ("marts", "scores")
SHOWN = {node["name"]: node["schema"] for node in project().manifest["nodes"].values() if node["schema"] in LAYERS}


def used() -> dict[str, set[str]]:
    """Names of the exposures by the model that they use."""
    users: dict[str, set[str]] = {}
    for exposure in project().manifest["exposures"].values():
        for key in exposure["depends_on"]["nodes"]:
            users.setdefault(key.rpartition(".")[2], set()).add(exposure["name"])
    return users


@pytest.mark.parametrize("name", sorted(name for name in SHOWN if not is_part(name)))
def test_every_mart_and_score_is_used(name: str) -> None:
    is_fed_on = any(name in node.parents for node in project().nodes if node.schema != "sync")
    assert used().get(name) or is_fed_on, "name the page or write-back that uses it in models/exposures.yml"


@pytest.mark.parametrize("page", [page.name for page in pages()])
def test_the_exposure_of_a_page_is_what_it_reads(page: str) -> None:
    strings = [node for node in ast.walk(ast.parse(Path(path_of(page)).read_text())) if isinstance(node, ast.Constant)]
    tables = {f"{schema}.{name}": name for name, schema in SHOWN.items()}
    read = {tables[str(one.value)] for one in strings if one.value in tables}
    assert sorted(name for name, users in used().items() if f"page_{page}" in users) == sorted(read)


def test_exposures_use_what_is_published_and_say_for_whom() -> None:
    layers = {node["name"]: node["schema"] for node in project().manifest["nodes"].values()}
    assert {layers[name] for name in used()} <= {"facts", "marts", "scores"}
    for exposure in project().manifest["exposures"].values():
        assert exposure["owner"]["name"], exposure["name"]
        assert exposure["description"], exposure["name"]
