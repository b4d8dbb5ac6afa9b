"""Dagster: when things run and after what. It computes nothing itself."""
