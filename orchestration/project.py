"""The dbt manifest that the assets are made from, parsed again when the project has changed."""

import json
from typing import Any

from warehouse import dbt
from warehouse.build import project_fingerprint
from warehouse.settings import Settings


def load_manifest(settings: Settings | None = None) -> dict[str, Any]:
    """Manifest of the dbt project.

    Parsing takes seconds, so that it is done once for each state of the project and kept in the home.
    """
    settings = settings or Settings()
    home = settings.layout()
    path = dbt.manifest_path(settings)
    mark = home.dbt / "parsed"
    fingerprint = project_fingerprint(settings)
    if not (path.exists() and mark.exists() and mark.read_text() == fingerprint):
        dbt.invoke(settings, ["parse"])
        mark.write_text(fingerprint)
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
