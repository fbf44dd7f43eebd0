from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import raynas
from raynas import wording
from raynas.cli import lazy
from raynas.wording import as_typed, counted, duration, moment, next_steps, sentence

MODULES = sorted(Path(raynas.__file__).parent.rglob("*.py"))
NOUNS = (
    "architectures|batches|classes|combinations|cores|days|draws|elements|epochs|errors|"
    "evaluations|examples|failures|files|groups|hours|inputs|lines|loaders|metrics|minutes|models|"
    "nodes|normalizations|numbers|objectives|options|places|problems|processes|proposals|rewards|"
    "rows|runs|samples|scores|seconds|settings|steps|threads|times|trainings|trials|values|windows|"
    "workers"
)
COUNTS_OF = re.compile(rf"^ (?:[a-z-]+ ){{0,2}}?(?:{NOUNS})\b")
COUNT = re.compile(r"len\(|\bsum\(|(?:^|_|\b)(?:count|number|trials|steps|size|repeats|hours)$")
A_PART = re.compile(r"\.\df'?$")  # 1.0 full trainings
NO_COUNT = {("task", "self.max_steps")}
"""By module: a key that people do not read."""


def test_numbers_agree_in_number() -> None:
    assert counted(1, "trial") == "1 trial"
    assert counted(1.0, "hour") == "1 hour"
    assert counted(0, "trial") == "0 trials"
    assert counted(0.25, "hour") == "0.25 hours"
    assert counted(1234, "class", "classes") == "1,234 classes"
    assert counted(1, "trial has", "trials have") == "1 trial has"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (1.0004, "1 second"), (0, "0 seconds"), (60, "60 seconds"),
     (120, "2.0 minutes"), (3600, "60.0 minutes"), (7200, "2.0 hours"), (1e6, "11.6 days")],
)  # fmt: skip
def test_a_duration_has_the_unit_that_suits_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times_carry_their_zone() -> None:
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"
    assert moment(59.0, to="minutes") == "1970-01-01 00:00 UTC"


def test_what_others_say_becomes_a_sentence() -> None:
    assert sentence("the last failed") == "The last failed."
    assert sentence("trials.csv has the error") == "trials.csv has the error."
    assert sentence("Is it?") == "Is it?"


def test_advice_can_be_typed() -> None:
    advice = "raise hours in the Limits of FILE and run `raynas search FILE --keep FILES`"
    assert next_steps("To go on: `raynas search FILE`", "a.py") == (
        "To go on: `raynas search a.py`."
    )
    assert next_steps(advice, as_typed("a b.py")) == (
        "Next: Raise hours in the Limits of 'a b.py' and run `raynas search 'a b.py' --keep FILES`."
    )
    advice = "Raise hours in FILE; `raynas train FILE:x --top 3`, `raynas profile FILE --fit`"
    assert next_steps(advice, as_typed("a b.py", "it's", Path("c"))) == (
        "Next: Raise hours in 'a b.py'; `raynas train 'a b.py:x' --name 'it'\"'\"'s' --folder c "
        "--top 3`, `raynas profile 'a b.py' --fit`."
    )


@pytest.mark.parametrize("command", sorted(wording._TAKE_NAMES))
def test_commands_in_advice_take_the_options_of_the_search(command: str) -> None:
    options = {option.name for option in lazy._imported(command).params}
    assert {"name", "folder"} <= options


def test_no_count_stands_before_a_noun_that_is_always_plural() -> None:
    wrong = [
        f"{path}:{value.lineno}: {{{text}}}{after[:30]}"
        for path in MODULES
        for value, text, after in counts_before_text(ast.parse(path.read_text("utf-8")))
        if COUNTS_OF.match(after)
        and COUNT.search(text)
        and not text.startswith("counted(")
        and not text.isupper()
        and (path.stem, text) not in NO_COUNT
    ]
    assert not wrong, f"write raynas.wording.counted(...): {wrong}"


def test_no_time_of_day_is_shown_in_a_zone_of_its_own() -> None:
    """Names of files may have local times; what people read is `raynas.wording.moment`'s."""
    clock = re.compile(r"localtime|ctime\(\)|%H:%M")
    wrong = [str(path) for path in MODULES if clock.search(path.read_text("utf-8"))]
    assert [Path(path).stem for path in wrong] == ["wording"]


def counts_before_text(tree: ast.AST) -> Iterator[tuple[ast.expr, str, str]]:
    """What f-strings show without a number of decimals, and the text right after it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for shown, after in pairwise(node.values):
                if isinstance(shown, ast.FormattedValue) and isinstance(after, ast.Constant):
                    form = ast.unparse(shown.format_spec) if shown.format_spec else ""
                    if not A_PART.search(form):
                        yield shown.value, ast.unparse(shown.value), str(after.value)
