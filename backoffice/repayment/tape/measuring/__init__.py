"""Rates of the real sets by the definitions of the metrics: aggregates only, no row leaves the data folder."""
