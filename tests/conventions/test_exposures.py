"""Every mart has somebody who uses it, and every use names marts that exist."""

import pytest

from tests.laws.compiled import is_part, project

MARTS = sorted(node["name"] for node in project().manifest["nodes"].values() if node["schema"] == "marts")


def used() -> dict[str, set[str]]:
    """Names of the exposures by the model that they use."""
    users: dict[str, set[str]] = {}
    for exposure in project().manifest["exposures"].values():
        for key in exposure["depends_on"]["nodes"]:
            users.setdefault(key.rpartition(".")[2], set()).add(exposure["name"])
    return users


@pytest.mark.parametrize("name", [name for name in MARTS if not is_part(name)])
def test_every_mart_is_used(name: str) -> None:
    assert used().get(name), "name the page or write-back that uses it in models/exposures.yml"


def test_exposures_use_what_is_published_and_say_for_whom() -> None:
    layers = {node["name"]: node["schema"] for node in project().manifest["nodes"].values()}
    assert {layers[name] for name in used()} <= {"facts", "marts", "scores"}
    for exposure in project().manifest["exposures"].values():
        assert exposure["owner"]["name"], exposure["name"]
        assert exposure["description"], exposure["name"]
