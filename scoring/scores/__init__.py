"""What the scores say of each subject, as tables: statistics in the sense of :mod:`warehouse.statistics`.

Each module reads features and the models in force, and knows no clock and no file. What is published of them is in
models/scores.
"""
