"""Revenue to come, from open deals and from those that are not open yet, with its range.

Win probabilities come from a score; nothing here fits a classifier.
"""
