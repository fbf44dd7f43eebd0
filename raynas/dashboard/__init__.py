"""The live page of a search, on Dash; needs the extra `dashboard`."""
