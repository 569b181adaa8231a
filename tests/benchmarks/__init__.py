"""Timings of hierbayes beside its rivals: ``python -m tests.benchmarks [--quick] [--only ...]``.

Nothing here asserts a time. Every number of a table comes from the same run on the same machine,
so the ratios mean something where the seconds do not travel.
"""
