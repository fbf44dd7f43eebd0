"""The space that is worth searching next, by the history of a search."""

from raynas.refine.carried_over import carried
from raynas.refine.code import declarations
from raynas.refine.propose import Change, Refinement, refined

__all__ = ["Change", "Refinement", "carried", "declarations", "refined"]
