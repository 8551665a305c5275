"""Experiments: sizes, plans, tests and intervals. Statistics are computed in floats, money sums stay Decimal."""
