"""A real driver process, a real signal, and the same command again.

What is not to be killed runs its trials in this process, but for the search of several at a time.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raynas.cli.search_file import load_search
from raynas.trials import History

EXAMPLES = Path(__file__).parent.parent / "examples"
PATIENCE = 900.0
Run = Callable[..., tuple[int, str, str]]
COMMAND = "from raynas.cli import main; main()"
WITHOUT_RAY = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import raynas.tune.run
import trials_here
raynas.tune.run.run_trials = trials_here.run_trials
{COMMAND}
"""
"""The same with trials in the driver's process, where another test has shown it with Ray."""

TABLE_SEARCH = """
import time
import raynas as nas
from raynas.space import choice, repeat, searchable

@searchable
class Cell:
    edges: tuple[int, ...] = repeat(choice(0, 1, 2, 3, 4), 4)

class SlowTable(nas.TabularTask):
    def run(self, architecture, context):
        time.sleep({seconds})
        return super().run(architecture, context)

search = nas.Search(
    space=Cell,
    task=SlowTable("table.csv", key=lambda cell: "".join(map(str, cell.edges)), metric="accuracy"),
    limits=nas.Limits(trials=40, parallel={parallel}),
    resources=nas.Resources(cpu=0.5),
)
"""


def write_table_search(folder: Path, seconds: float, parallel: int) -> Path:
    rows = [
        f"{''.join(map(str, digits))},{(3 * sum(digits) + 7 * digits[0] * digits[3]) % 23}"
        for digits in itertools.product(range(5), repeat=4)
    ]
    (folder / "table.csv").write_text("\n".join(["arch,accuracy", *rows]))
    file = folder / "table_search.py"
    file.write_text(TABLE_SEARCH.format(seconds=seconds, parallel=parallel))
    return file


def command(
    folder: Path, file: Path, *options: str, code: str = COMMAND
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, "search", str(file), *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ended(journal: Path) -> int:
    return journal.read_text().count('"outcome"') if journal.exists() else 0


def run_and_signal(
    folder: Path,
    file: Path,
    name: str,
    after: int,
    number: signal.Signals,
    *options: str,
    code: str = COMMAND,
    meanwhile: Callable[[int], object] = lambda process: None,
) -> int:
    """Run the search until `after` trials in all have ended, send a signal; its exit code.

    Before the signal, `meanwhile` is called with the number of the process.
    """
    journal = folder / "raynas-results" / name / "journal.log"
    process = command(folder, file, "--name", name, *options, code=code)
    deadline = time.monotonic() + PATIENCE
    while ended(journal) < after:
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < deadline, "the search made no progress"
        time.sleep(0.01)
    try:
        meanwhile(process.pid)
    finally:
        os.kill(process.pid, number)
        ended_with = process.wait(timeout=PATIENCE)
    return ended_with


def run_and_kill(
    folder: Path, file: Path, name: str, after: int, *options: str, code: str = COMMAND
) -> None:
    ended_with = run_and_signal(folder, file, name, after, signal.SIGKILL, *options, code=code)
    assert ended_with == -signal.SIGKILL


def run_to_its_end(folder: Path, file: Path, name: str, *options: str) -> None:
    process = command(folder, file, "--name", name, *options)
    assert process.wait(timeout=PATIENCE) == 0


def history(folder: Path, file: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.chdir(folder)
    search, _ = load_search(str(file))
    with search.open(name, read_only=True) as opened:
        return opened.history


def what_happened(history: History) -> list[tuple[int, object, float | None]]:
    return [(trial.number, repr(trial.architecture), trial.reward) for trial in history]


@pytest.mark.usefixtures("without_ray")
def test_one_at_a_time_a_search_killed_twice_equals_an_uninterrupted_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_table_search(tmp_path, seconds=0.01, parallel=1)
    assert run("search", file, "--name", "whole")[0] == 0
    run_and_kill(tmp_path, file, "killed", 10)
    before = history(tmp_path, file, "killed", monkeypatch)
    run_and_kill(tmp_path, file, "killed", 25, code=WITHOUT_RAY)
    assert run("search", file, "--name", "killed")[0] == 0
    after = history(tmp_path, file, "killed", monkeypatch)
    assert len(after.completed) == 40
    assert before.completed
    for trial in before.completed:
        assert repr(after[trial.number]) == repr(trial)
    whole = history(tmp_path, file, "whole", monkeypatch)
    assert what_happened(after) == what_happened(whole)


def test_several_at_a_time_nothing_is_lost_and_nothing_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_table_search(tmp_path, seconds=0.3, parallel=2)
    run_and_kill(tmp_path, file, "killed", 12)
    before = history(tmp_path, file, "killed", monkeypatch)
    assert before.running
    run_to_its_end(tmp_path, file, "killed", "--trials", "24")
    after = history(tmp_path, file, "killed", monkeypatch)
    for trial in before.completed:
        assert repr(after[trial.number]) == repr(trial)
    for trial in before.running:
        assert repr(after[trial.number].architecture) == repr(trial.architecture)
        assert after[trial.number].reward is not None
    assert len(after) == len(after.completed) == len(after.architectures) == 24


@pytest.mark.usefixtures("without_ray")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_running_search_is_looked_at_not_run_twice_asked_to_end_and_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Also where the trials in flight would take long: nothing that it has found is lost."""
    file = write_table_search(tmp_path, seconds=60, parallel=1)
    hanging = file.read_text().replace("(60)", "(60 * (context.number > 5))")
    file.write_text(hanging)

    def look_and_run_again(process: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (seen := history(tmp_path, file, "ended", monkeypatch)).running:
            assert time.monotonic() < deadline, "no trial is in flight"
            time.sleep(0.01)
        assert len(seen.completed) == 6
        code, _, err = run("search", file, "--name", "ended")
        assert code == 2
        assert f"is in use by process {process} on " in err

    done = run_and_signal(tmp_path, file, "ended", 6, number, meanwhile=look_and_run_again)
    assert done == 130
    before = history(tmp_path, file, "ended", monkeypatch)
    assert before.running
    assert (tmp_path / "raynas-results" / "ended" / "report.html").exists()
    file.write_text(hanging.replace("60 *", "0 *"))
    assert run("search", file, "--name", "ended", "--trials", "10")[0] == 0
    after = history(tmp_path, file, "ended", monkeypatch)
    assert len(after.completed) == len(after) == 10
    for trial in before.running:
        assert repr(after[trial.number].architecture) == repr(trial.architecture)


@pytest.mark.usefixtures("without_ray")
def test_a_killed_lightning_search_equals_an_uninterrupted_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "digits.py"
    text = (EXAMPLES / "digits.py").read_text()
    assert "max_steps=60" in text
    file.write_text(text.replace("max_steps=60", "max_steps=30"))
    options = ("--trials", "4", "--parallel", "1", "--no-check")  # see tests/cli for the check
    assert run("search", file, "--name", "whole", *options)[0] == 0
    run_and_kill(tmp_path, file, "killed", 2, *options)
    assert run("search", file, "--name", "killed", *options)[0] == 0
    killed = history(tmp_path, file, "killed", monkeypatch)
    whole = history(tmp_path, file, "whole", monkeypatch)
    assert len(killed.completed) == 4
    assert what_happened(killed) == what_happened(whole)
