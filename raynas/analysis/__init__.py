"""Numbers behind the report: tables, provenance and what a search has found so far."""
