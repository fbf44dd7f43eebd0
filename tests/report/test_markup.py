"""A page's text: commands are code, and numbers stay in one line."""

from __future__ import annotations

from raynas.report.markup import prose, table, tag, to_html


def test_commands_between_backticks_are_code() -> None:
    words = prose("Next: `raynas train a<b.py` trains the best; `x`")
    shown = to_html(tag("p", *words))
    assert shown == (
        "<p>Next: <code>raynas train a&lt;b.py</code> trains the best; <code>x</code></p>"
    )


def test_a_backtick_without_another_stays() -> None:
    assert prose("it`s 5") == ("it`s 5",)


def test_numbers_with_exponents_do_not_break_in_cells() -> None:
    shown = to_html(table(("state",), [["gain 9.2e-05 (stops at 2.8e-06), pre-5"]]))
    assert "gain 9.2e-\u206005 (stops at 2.8e-\u206006), pre-5" in shown
