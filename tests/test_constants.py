"""Numbers have reasons: a numeric constant says what it trades, or where it is from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "raynas"


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number, or a tuple or list of numbers."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case ast.BinOp(left=left, right=right):
            return is_number(left) and is_number(right)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return bool(elements) and all(map(is_number, elements))
    return False


def without_reason(source: str) -> Iterator[str]:
    """The constants without a docstring below, or a comment beside or above them."""
    lines, body = source.splitlines(), ast.parse(source).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if not is_number(node.value):
            continue
        documented = (
            isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        )
        beside = lines[(node.end_lineno or node.lineno) - 1].replace("# noqa", "")
        above = lines[node.lineno - 2].lstrip() if node.lineno > 1 else ""
        if not (documented or "#" in beside or above.startswith("#")):
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_constants_without_reasons_are_found() -> None:
    source = '''
_A = 1
_B = 2  # chosen by hand: speed against memory
# The usual level.
_C = 0.05
_D, _E = -3, 2**20
"""Rounds, and bytes."""
_F: float = 1e-3  # noqa: X
_NAME = "text"
_FLAG = True
'''
    assert list(without_reason(source)) == ["2: _A = 1", "8: _F: float = 0.001"]


def test_every_numeric_constant_has_a_reason() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): missing
        for path in sorted(PACKAGE.rglob("*.py"))
        if (missing := list(without_reason(path.read_text())))
    }
    assert found == {}
