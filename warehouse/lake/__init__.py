"""The exchange with an engine beyond this machine: what was taken in goes out as Parquet, what was built comes back.

The engine itself is dbt's business (profiles.yml, target ``spark``); nothing here needs it installed.
"""

from warehouse.lake.exporting import Exported, export
from warehouse.lake.handback import import_marts
from warehouse.lake.statistics import compute

__all__ = ["Exported", "compute", "export", "import_marts"]
