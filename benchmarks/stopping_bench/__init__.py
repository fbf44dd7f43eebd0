"""Stop rules judged on searches of tables and on noise: the parts of `benchmarks/stopping.py`."""
