"""A synthetic book of any size, for benches: histories folded by the engine, copied to as many loans as asked for.

What it writes is described in docs/benchmarks.md.
"""
