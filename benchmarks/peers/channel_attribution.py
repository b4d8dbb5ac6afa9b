"""ChannelAttribution: heuristic credit, and the removal effects of a Markov chain, which it draws and ours solves.

marketing-attribution-models has the same models and is not run here; its credit by position is held to ours in
tests/attribution.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.peers.bench import Absent, Bench, Result
from benchmarks.peers.process import Work

PACKAGES = ("ChannelAttribution", "pandas", "numpy")
HERE = "benchmarks.peers.channel_attribution"
MODELS = ("first", "last", "linear")
DRAWN = {100_000: 0.02, 1_000_000: 0.01}
"""Paths that it draws at first, and how far from the exact effects it is let to be: near them, not equal."""


def compare(bench: Bench) -> Iterator[Result | Absent]:
    """Both kinds of credit on the public paths of the package itself."""
    from benchmarks.public_data import place_of

    path = place_of("paths") / "PathData.csv"
    if not path.exists():
        yield Absent("ChannelAttribution", "credit", f"the paths are not at {path.parent}; set DEALHOUSE_SHARED_DATA")
        return
    given = {"path": str(path)}
    mine = ("duckdb", "polars", "numpy", "tests.attribution.test_reference_paths")
    other = ("pandas", "ChannelAttribution")
    yield bench.race(
        "ChannelAttribution", "first, last and linear touch",
        Work(HERE, "our_credit", mine, given, prepare="models"),
        Work(HERE, "their_credit", other, given, is_peer=True),
        ("channel", "model"), 1e-9,
        "19,785 conversions on 88,387 paths of 12 channels; ours credits every touch of every path by nine models, of "
        "which three are compared; the package counts equal paths once",
    )  # fmt: skip
    for paths, tolerance in DRAWN.items():
        yield bench.race(
            "ChannelAttribution",
            f"Markov removal effects, {paths:,} paths drawn",
            Work(HERE, "our_effects", mine, given, prepare="models"),
            Work(HERE, "their_effects", other, {**given, "paths": paths}, is_peer=True),
            ("channel",),
            tolerance,
            "the same chain: the package draws paths (its default is the first number) until draws agree within 5 %; "
            "ours solves the chain, so that the numbers are near and not the same",
        )


def models(folder: str, path: str) -> Any:  # noqa: ARG001
    """The project's compiled SQL and an empty warehouse in memory."""
    from tests.laws.compiled import engine

    engine().build([], models=["attribution_markov", "attribution"])
    return engine()


def our_credit(folder: str, path: str, prepared: Any) -> int:
    """Run the SQL of marts.attribution and what it reads; the first part of it is to lay out the paths."""
    _fill(prepared, path, ("attribution_transition", "computed.markov_channel", "attribution"))
    return _write(
        prepared.con, folder,
        "select channel, model, sum(weight) as conversions, sum(value_base) as value from marts.attribution "
        "where model in ('first', 'last', 'linear') group by channel, model",
    )  # fmt: skip


def our_effects(folder: str, path: str, prepared: Any) -> int:
    """Count the transitions and solve the chain."""
    _fill(prepared, path, ("attribution_transition", "computed.markov_channel"))
    return _write(prepared.con, folder, "select channel, removal_effect from computed.markov_channel")


def _fill(engine: Any, path: str, keys: tuple[str, ...]) -> None:
    from tests.attribution.test_reference_paths import PATHS_AS_MART
    from warehouse import computed

    engine.con.execute("delete from marts.attribution_path")
    engine.con.execute(f"insert into marts.attribution_path by name {PATHS_AS_MART}", [path])
    nodes = {node.key: node for node in engine.project.nodes}
    for node in (nodes[key] for key in keys):
        if node.statistic is not None:
            computed.refresh(engine.con, node.statistic)
        else:
            engine.con.execute(f"create or replace table {node.schema}.{node.name} as {node.sql}")


def _write(con: Any, folder: str, query: str) -> int:
    con.execute(f"copy ({query}) to '{folder}/rows.parquet' (format parquet)")
    return 1


def their_credit(folder: str, path: str) -> int:
    """Call ``heuristic_models``."""
    import ChannelAttribution
    import pandas as pd

    told = ChannelAttribution.heuristic_models(
        pd.read_csv(path), "path", "total_conversions", var_value="total_conversion_value", flg_pro=False
    )
    parts = [
        pd.DataFrame(
            {
                "channel": told["channel_name"],
                "model": model,
                "conversions": told[f"{model}_touch_conversions"],
                "value": told[f"{model}_touch_value"],
            }
        )
        for model in MODELS
    ]
    pd.concat(parts).to_parquet(f"{folder}/rows.parquet", index=False)
    return 1


def their_effects(folder: str, path: str, paths: int) -> int:
    """Call ``markov_model`` with its defaults but for the number of paths, and a fixed start of its random numbers."""
    import ChannelAttribution
    import pandas as pd

    told = ChannelAttribution.markov_model(
        pd.read_csv(path), "path", "total_conversions", var_value="total_conversion_value", var_null="total_null",
        out_more=True, nsim_start=paths, seed=1, verbose=False, flg_pro=False,
    )  # fmt: skip
    effects = told["removal_effects"].rename(
        columns={"channel_name": "channel", "removal_effects_conversion": "removal_effect"}
    )
    effects[["channel", "removal_effect"]].to_parquet(f"{folder}/rows.parquet", index=False)
    return 1
