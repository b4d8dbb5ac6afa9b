"""The sample company: a plausible company's events from a seed, with the truth about it written down.

``write_company`` makes the files; ``warehouse.sample.truth`` states every effect that is in them. Nothing
here reads the warehouse, its contracts or the clock: the same arguments give the same bytes.
"""

from warehouse.sample.company import DEFAULT_UNTIL, SampleSummary, write_company

__all__ = ["DEFAULT_UNTIL", "SampleSummary", "write_company"]
