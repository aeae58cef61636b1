"""Benchmarks: `python -m benchmarks.ordinal` prints a table. Never part of the test suite."""
