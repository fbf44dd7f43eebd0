"""Meters: what an architecture's network costs, measured beside its training."""
