"""Benchmarks: each prints one JSON object and measures its baseline in the same run.

``python -m bench`` runs all, ``python -m bench.overhead`` one. They are never part of the tests: a busy
machine must not fail a build.
"""
