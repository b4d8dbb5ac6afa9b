"""The documentation of the project is made without a warning, and describes every model."""

import json
from pathlib import Path

from warehouse import dbt
from warehouse.settings import Settings
from warehouse.store import open_store


def test_documentation_is_made_without_warnings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, reporting_currency="USD", stage_rule_set="adtech")
    open_store(settings.layout(), settings).close()
    # A warning is an error here, and an error raises.
    dbt.invoke(settings, ["--warn-error", "docs", "generate"])
    folder = settings.layout().dbt
    catalog = json.loads((folder / "catalog.json").read_text())
    assert catalog["errors"] is None
    manifest = json.loads((folder / "manifest.json").read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert models
    assert [node["name"] for node in models if not node["description"]] == []
    assert manifest["exposures"]
    assert manifest["metrics"]
