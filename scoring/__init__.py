"""Scores on point-in-time features: lead, health, churn, deal, value and forecast.

Reads features that dbt built; it never reads raw events, and no page or schedule is defined here.
"""
