"""Write-back: what differs from what a destination has acknowledged goes there, and its answers come back as rows.

What differs is said by the views of models/sync; what may be sent, by :mod:`warehouse.writeback.plan`; how it reaches
a kind of system, by a module of :mod:`warehouse.writeback.destinations`; what became of each row, by
:mod:`warehouse.writeback.ledger`.
"""
