"""Rows of autopay: rails and agreements, configurations, debits, splits to payees, reconciliation, pay links."""
