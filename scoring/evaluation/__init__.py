"""Honest training: splits by time, metrics with intervals, gates with reasons, and the choice of a model.

Nothing here knows what is scored; classifiers come from elsewhere, in the conventions of scikit-learn.
"""
