"""The parts of `benchmarks/fronts.py`."""
