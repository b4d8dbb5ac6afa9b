"""A retention that is killed once landing is written anew: the next run makes the tables follow."""

import subprocess
import sys

import pytest

from tests.erasure.conftest import built_home, erasure_project, settings  # noqa: F401
from warehouse import pipeline
from warehouse.erasure.pending import is_rebuild_marked
from warehouse.publish import open_published, versions
from warehouse.settings import Settings

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from warehouse import pipeline
from warehouse.lock import writer_lock
from warehouse.retention import Policy, retain
from warehouse.settings import Settings

pipeline.publish_anew = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(home=sys.argv[1], project_dir=sys.argv[2])
with writer_lock(settings.layout(), "test"):
    retain(settings, Policy(activity_days=30, lead_days=0), datetime(2026, 6, 1, tzinfo=UTC))
"""


def messages(settings: Settings) -> int:  # noqa: F811
    with open_published(settings.layout()) as con:
        ((count,),) = con.execute("select count(*) from facts.fact_message").fetchall()
    return int(count)


@pytest.mark.slow
def test_the_next_run_finishes_it(settings: Settings) -> None:  # noqa: F811
    home = settings.layout()
    assert messages(settings) == 2
    arguments = [str(home.root), str(settings.project_dir)]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr[-3000:]
    assert is_rebuild_marked(home)
    assert messages(settings) == 2
    pipeline.run(settings)
    assert messages(settings) == 0
    assert len(versions(home)) == 1
    assert not is_rebuild_marked(home)
