"""The command line: what works, and the one line that bad input gets."""

from __future__ import annotations

from pathlib import Path

import pytest

GOOD = """
import raynas as nas
from raynas.space import choice, integer, searchable

@searchable
class Net:
    width: int = integer(1, {most})

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(lambda net: {result}),
    limits=nas.Limits(trials={trials}, parallel=1),
    {more}
)
"""


def write(folder: Path, **changes: object) -> Path:
    settings = {"most": 8, "result": "net.width", "trials": 5, "more": ""}
    file = folder / "my_search.py"
    file.write_text(GOOD.format(**{**settings, **changes}))
    return file


def test_search_then_report(run, tmp_path: Path, ray_session: None) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path)
    code, out, err = run("search", file)
    assert (code, err) == (0, "")
    assert "my_search: 8 architectures, results in raynas-results/my_search" in out
    assert "Ended by the rule “trial limit”: 5 trials ended; the limit is 5." in out
    assert "Net(width=" in out
    assert f"To go on: `raynas search {file} --trials 10`." in out
    assert (tmp_path / "raynas-results/my_search/report.html").stat().st_size > 1_000_000
    code, again, err = run("report", file)
    assert (code, err) == (0, "")
    assert again.splitlines()[-3:] == out.splitlines()[-3:]


def test_search_again_goes_on_and_options_win(
    run, tmp_path: Path, without_ray: list[object]
) -> None:  # type: ignore[no-untyped-def]
    file = write(tmp_path)
    run("search", file)
    code, out, _ = run("search", file, "--trials", "7")
    assert code == 0
    assert "Going on after 5 ended trials.\n" in out
    assert "7 trials ended; the limit is 7." in out


def test_a_half_written_last_line_is_mended_and_said(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    file = write(tmp_path)
    run("search", file)
    with (tmp_path / "raynas-results/my_search/journal.log").open("a") as journal:
        journal.write('{"op_code": 4, "wor')
    code, out, _ = run("search", file, "--trials", "6")
    assert code == 0
    assert "half-written line, which was cut off" in out
    assert "6 trials ended; the limit is 6." in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "has no raynas.Search: write `search = raynas.Search(...)`"),
        ("import raynas.space as s\ns.choice()", ":2: choice() has no options: give at least one"),
        ("import raynas as nas\nnas.Limits(trials=-5)", ":2: limits trials=-5: must be a whole"),
        ("import raynas as nas\nnas.Limits(hours=-1)", ":2: limits hours=-1: must be above 0"),
        (
            "import raynas as nas\nnas.Resources(cpu=0)",
            ":2: resources cpu=0: must be at least",
        ),
        ("import nosuch", ":1: ModuleNotFoundError: No module named 'nosuch'"),
        ("def f(:", ":1: SyntaxError"),
        (GOOD.format(most=0, result=1, trials=1, more=""), "integer(1, 0): low must not be above"),
        (
            GOOD.format(most=8, result=1, trials=1, more="controller='best'"),
            "controller='best' is unknown: use one of auto, evolution, grid, local-search",
        ),
        (
            GOOD.format(most=8, result=1, trials=1, more="reward=max"),
            "reward=<built-in function max>: must be a raynas Reward",
        ),
        (
            GOOD.format(most=8, result=1, trials=1, more="") + "\nother = search\ndel search\n"
            "another = other\n",
            "has several searches: say which",
        ),
    ],
)
def test_bad_files_get_one_line_that_says_where_and_what(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    code, _, err = run("search", file)
    assert code == 2
    assert words in err
    assert err.startswith("raynas: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "raynas-results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "nosuch.py"], "FILE=nosuch.py: there is no such file"),
        (["search", "no/such"], "FILE=no/such: there is no such file; give a Python file"),
        (["status", "nosuch"], "FILE=nosuch: there is no such file, folder or module"),
        (["search", "."], "FILE=.: this is a folder; give a Python file"),
        (["search", "nosuch.module"], "nosuch.module: ModuleNotFoundError"),
        (["search", "my_search.py:other"], "has no raynas.Search named 'other': use one of search"),
        (["search", "my_search.py", "--trials", "-3"], "limits trials=-3: must be a whole number"),
        (["search", "my_search.py", "--parallel", "0"], "limits parallel=0: must be a whole"),
        (
            ["search", "my_search.py", "--name", "a/b"],
            "name='a/b': use letters, digits, '.', '_' and '-'",
        ),
        (["report", "my_search.py"], "there is no search at"),
        (["report", "my_search.py", "--name", "other"], "run `raynas search` first"),
    ],
)
def test_bad_arguments_get_one_line(run, tmp_path: Path, arguments: list[str], words: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path)
    code, _, err = run(*arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_a_changed_space_is_refused_and_nothing_lost(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    run("search", write(tmp_path))
    code, _, err = run("search", write(tmp_path, most=9))
    assert code == 2
    assert "is another one: space: width was range(1, 9), now range(1, 10)" in err
    assert "--name" in err
    code, out, _ = run("search", write(tmp_path))
    assert code == 0
    assert "Going on after 5 ended trials" in out


def test_a_metric_that_is_never_given_is_named(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    code, _, err = run("search", write(tmp_path, result='{"loss": 1.0}'))
    assert code == 2
    assert "metric='reward': the function returned only loss; return it too" in err


def test_a_missing_gpu_is_named(run, tmp_path: Path, ray_session: None) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("search", write(tmp_path, more="resources=nas.Resources(gpu=3)"))
    assert code == 2
    assert "gpu=3: no machine has as much" in err


def test_help_reads_well(run) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("--help")
    assert code == 0
    for words in ("check", "profile", "search", "report", "go on with", "FILE"):
        assert words in out
