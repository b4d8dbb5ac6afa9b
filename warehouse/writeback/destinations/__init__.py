"""The destinations: a module for each kind of system that rows are delivered to.

A module has one function, ``configured(settings)``, which returns the destinations of its kind that the settings name:
none, one or several. It is found by being here; packages above announce modules of their own as entry points of the
group ``dealhouse.destinations``. What a destination is, is in :mod:`warehouse.writeback.destination`. Modules whose
name begins with an underscore are helpers.
"""
