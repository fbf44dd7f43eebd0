"""A package beside the search files."""
from . import sizes

sizes.MORE += 1
