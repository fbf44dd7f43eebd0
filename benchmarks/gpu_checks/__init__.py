"""Every claim of raynas about GPUs as a check that runs: `scripts/check-gpu`."""
