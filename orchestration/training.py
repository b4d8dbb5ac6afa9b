"""The asset of the fitted models: what is trained weekly, with what it is worth as metadata."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSelection,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    multi_asset,
)

from orchestration.resources import Warehouse
from scoring.fitting import Outcome, fit_all
from scoring.plots import plots_of
from scoring.specs import SPECS
from warehouse import registry

MEASURES = ("row_count", "positive_count", "auc", "skill", "oe_ratio", "ece", "ece_floor")
"""Of the card's measures out of time, those that Dagster draws over the weeks."""


@multi_asset(
    specs=[
        AssetSpec(
            key=["models", spec.score],
            deps=[AssetKey(spec.features.split(".")), AssetKey(spec.labels.split("."))],
            group_name="models",
            description=f"Fitted models of the probability that {spec.purpose}.",
        )
        for spec in SPECS
    ],
    name="fit_models",
    can_subset=True,
)
def trained(context: AssetExecutionContext, warehouse: Warehouse) -> Iterator[MaterializeResult[Any]]:
    """Fit the chosen scores, keep them in the registry, and say which came into force, and why."""
    settings = warehouse.settings
    chosen = sorted(key.path[-1] for key in context.selected_asset_keys)
    for one in fit_all(settings, chosen):
        context.log.info(f"{one.version.version} ({one.chosen}): {one.reason} {one.decision}")
        yield MaterializeResult(asset_key=["models", one.version.score], metadata=_metadata(warehouse, one))


def _metadata(warehouse: Warehouse, one: Outcome) -> dict[str, Any]:
    home = warehouse.settings.layout()
    card = json.loads(registry.load(home, one.version.score, one.version.version, registry.CARD))
    told = card.get("out_of_time", {})
    measures = {name: told[name] for name in MEASURES if told.get(name) is not None}
    plots = {
        name.partition(".")[0]: MetadataValue.md(
            f"![{name}](data:image/svg+xml;base64,{base64.b64encode(plot).decode()})"
        )
        for name, plot in plots_of(card).items()
    }
    return {
        **measures,
        **plots,
        "version": one.version.version,
        "answers_with": one.chosen,
        "is_in_force": one.version.is_champion,
        "why": one.decision,
        "card": MetadataValue.md(registry.load(home, one.version.score, one.version.version, registry.CARD_TEXT)),
    }


TRAINED = AssetSelection.assets(trained)
