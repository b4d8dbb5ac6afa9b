"""How much each likeness of two records speaks for their being one: weights that people chose, none is trained.

``same`` is the share of pairs of one and the same person (company) that come to a level, ``other`` that of any two.
Their ratio is the weight. Where a value is missing, nothing is said. How records are prepared and compared is in
:mod:`warehouse.statistics.duplicate_pair`.
"""

from dataclasses import dataclass
from typing import Any

PRIOR = 1e-4
"""Probability that any two records of a tenant are one, before they are looked at."""


@dataclass(frozen=True)
class Level:
    """One outcome of a comparison; the first whose condition holds counts, and the last one needs none."""

    same: float
    other: float
    reason: str = ""
    condition: str = "ELSE"


@dataclass(frozen=True)
class Comparison:
    """The levels at which one column of two records is compared."""

    column: str
    levels: tuple[Level, ...]

    def reason(self, gamma: int) -> str:
        """What speaks for the pair at this level, in the numbers of splink: 0 is the last level, −1 a missing value."""
        return self.levels[len(self.levels) - 1 - gamma].reason if gamma >= 0 else ""

    def settings(self) -> dict[str, Any]:
        """In the words of splink."""
        missing = f"{self.column}_l is null or {self.column}_r is null"
        levels: list[dict[str, Any]] = [{"sql_condition": missing, "is_null_level": True}]
        levels += [
            {"sql_condition": level.condition, "m_probability": level.same, "u_probability": level.other}
            for level in self.levels
        ]
        return {"output_column_name": self.column, "comparison_levels": levels}


def _equal(column: str, same: float, other: float) -> Comparison:
    what = f"same {column.replace('_', ' ')}"
    return Comparison(column, (Level(same, other, what, f"{column}_l = {column}_r"), Level(1 - same, 1 - other)))


@dataclass(frozen=True)
class Model:
    """How the records of a kind are found (columns that must be shared) and compared."""

    block_on: tuple[str, ...]
    comparisons: tuple[Comparison, ...]

    def settings(self, blocks: list[str]) -> dict[str, Any]:
        """Settings of splink for records with these columns of blocks."""
        return {
            "link_type": "dedupe_only",
            "probability_two_random_records_match": PRIOR,
            "blocking_rules_to_generate_predictions": [f"l.{block} = r.{block}" for block in blocks],
            "comparisons": [comparison.settings() for comparison in self.comparisons],
            "retain_intermediate_calculation_columns": True,
        }


CONTACT = Model(
    block_on=("email", "phone", "name"),
    comparisons=(
        Comparison("email", (Level(0.7, 1e-5, "same e-mail", "email_l = email_r"), Level(0.3, 0.99999))),
        _equal("phone", 0.7, 1e-5),
        Comparison(
            "name",
            (
                Level(0.8, 5e-4, "same name", "name_l = name_r"),
                Level(0.19, 2e-3, "similar name", "jaro_winkler_similarity(name_l, name_r) >= 0.92"),
                # Colleagues share the phone of their office, and couples an address; their names tell them apart.
                Level(0.01, 0.9975),
            ),
        ),
        _equal("account", 0.7, 0.03),
        _equal("city", 0.8, 0.15),
        _equal("birth_year", 0.95, 0.015),
    ),
)

ACCOUNT = Model(
    block_on=("domain", "name"),
    comparisons=(
        Comparison("domain", (Level(0.85, 1e-5, "same web domain", "domain_l = domain_r"), Level(0.15, 0.99999))),
        Comparison(
            "name",
            (
                Level(0.8, 1e-4, "same name", "name_l = name_r"),
                Level(
                    0.15,
                    1e-3,
                    "similar name",
                    # Branch 12 is not branch 13, however alike their names look.
                    "jaro_winkler_similarity(name_l, name_r) >= 0.93 "
                    "and regexp_replace(name_l, '[^0-9]', '', 'g') = regexp_replace(name_r, '[^0-9]', '', 'g')",
                ),
                Level(0.05, 0.9989),
            ),
        ),
        _equal("country", 0.95, 0.2),
        _equal("industry", 0.85, 0.12),
    ),
)
