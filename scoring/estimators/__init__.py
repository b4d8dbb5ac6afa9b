"""Models of scores in scikit-learn's conventions, and what is needed to carry them elsewhere.

`additive` has the classifier, `tables` what it is compiled into (numpy and polars alone), `sql` the same tables as a
statement, `rules` and `weighted` the scores that need few or no outcomes, `explain` the words. Features, labels, gates
and the registry do not belong here. Nothing is imported by this package itself, so that `tables` stays free of
scikit-learn.
"""
