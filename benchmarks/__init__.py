"""Measurements on real Orthancs: `python -m benchmarks [name ...]`. They compare within one run and never fail on a time."""
