"""Publishing: the layers that others may read leave the work file as a new file, at once or not at all.

What is in the layers is decided in models/, and when they are published, by the pipeline.
"""

from warehouse.publish.pointer import Published, current, current_version, rollback, verify_published, versions
from warehouse.publish.publication import RunInfo, is_current, publish
from warehouse.publish.reader import open_contacts, open_published, query
from warehouse.publish.snapshot import content_hashes

__all__ = [
    "Published",
    "RunInfo",
    "content_hashes",
    "current",
    "current_version",
    "is_current",
    "open_contacts",
    "open_published",
    "publish",
    "query",
    "rollback",
    "verify_published",
    "versions",
]
