"""Why a published number is another one than before: the rows that differ between two states, and the events behind.

A state is a published version, or a table rebuilt for an ``as_of`` and a ``known_at`` beside the warehouse. Nothing
here writes to the work file, to landing or to what is published. How it is shown belongs to the command line.
"""

from warehouse.explain.difference import Change, Difference
from warehouse.explain.explanation import Cause, ExplainedRow, Explanation, explain_change
from warehouse.explain.points import Point, parse_points

__all__ = ["Cause", "Change", "Difference", "ExplainedRow", "Explanation", "Point", "explain_change", "parse_points"]
