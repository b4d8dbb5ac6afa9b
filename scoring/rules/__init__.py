"""Scores that follow from written rules: what a user can check by hand, and what is shown while there is no model."""
