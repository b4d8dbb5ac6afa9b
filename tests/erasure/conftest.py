"""A home with a person in every format, built once with a part of the models; each test erases in a copy."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.erasure import people
from tests.part import copy_project
from warehouse import pipeline
from warehouse.settings import Settings

MODELS = ("fact_identity", "lead_source", "fact_payment", "fact_message", "contact_detail", "lead_detail")
RECEIVED = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def erasure_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("erasure") / "project"
    copy_project(folder, MODELS)
    return folder


@pytest.fixture(scope="session")
def built_home(erasure_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Taken in in three batches of runs, and published twice."""
    folder = tmp_path_factory.mktemp("built")
    settings = Settings(home=folder / "home", project_dir=erasure_project)
    home = settings.layout()
    people.write_all(home.inbox)
    pipeline.run(settings, received_at=RECEIVED)
    csv, mapping = people.write_mapped(folder / "sent")
    pipeline.run(settings, [csv], mapping=mapping, received_at=RECEIVED)
    return home.root


@pytest.fixture
def settings(built_home: Path, erasure_project: Path, tmp_path: Path) -> Settings:
    shutil.copytree(built_home, tmp_path / "home", symlinks=True)
    return Settings(home=tmp_path / "home", project_dir=erasure_project)
