"""How long data is kept: what is due, what becomes of it, and that nothing older than the policy is left.

Leads that are long silent are erased like persons who asked for it; details of campaigns lose whom they were of and
stay as counts; other events, rejected rows, publications, reports and logs go. How a person is taken out of a file is
in :mod:`warehouse.erasure`.
"""

from warehouse.retention.policy import Policy
from warehouse.retention.retain import Due, due, is_confirmed, retain

__all__ = ["Due", "Policy", "due", "is_confirmed", "retain"]
