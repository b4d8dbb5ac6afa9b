"""What can be read: one module per kind of source. Each yields events for ``warehouse.ingest``; none stores any."""
