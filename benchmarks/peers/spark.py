"""Spark on one machine: the same models, by another target of the project. Its place, until that is here."""

from collections.abc import Iterator

from benchmarks.peers.bench import Absent, Bench, Result
from benchmarks.peers.process import PROJECT

PACKAGES = ("pyspark",)


def compare(bench: Bench) -> Iterator[Result | Absent]:  # noqa: ARG001
    """Tell why it does not run: a race of `dbt build --target spark` and of ours belongs here."""
    has_target = "spark:" in (PROJECT / "profiles.yml").read_text()
    reason = "no race is written for its target" if has_target else "profiles.yml has no target `spark`"
    yield Absent("Spark", "all facts and marts, local", reason)
