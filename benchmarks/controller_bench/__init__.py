"""Controllers and peers compared under one protocol: the parts of `benchmarks/controllers.py`."""
