"""The exchange with an engine beyond this machine: what was taken in goes out as Parquet, what was built comes back.

The engine itself is dbt's business (profiles.yml, target ``spark``); nothing here needs it installed.
"""

from warehouse.lake.export import Exported, export
from warehouse.lake.handback import import_marts

__all__ = ["Exported", "export", "import_marts"]
