"""Live intake: single events are judged, put on disk, and answered; the next run takes them in like any file.

A process that takes events holds neither the work file nor the writer lock: it appends to a file of the inbox that the
next run closes and lands (:mod:`warehouse.intake.spool`). HTTP is a matter of :mod:`warehouse.serve`.
"""

from warehouse.intake.append import append_events
from warehouse.intake.door import Answer

__all__ = ["Answer", "append_events"]
