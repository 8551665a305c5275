"""Autopay as rules: configurations, amounts, splits to payees, states of debits, breakers. mechanics 3.7 and 3.8."""
