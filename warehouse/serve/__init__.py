"""The HTTP server: takes events in, and answers from what is published. ``dealhouse serve`` starts it.

It holds neither the work file nor the writer lock. What an event must carry is decided in :mod:`warehouse.intake`, what
a number means in models/.
"""
