"""Adapters: each turns one published data set into a loan tape. Every derivation is a rule in the adapter's docstring.

What a set does not hold is left empty. Dates move by one constant number of days per set, so that the set's last event
falls on the day before the business date.
"""
