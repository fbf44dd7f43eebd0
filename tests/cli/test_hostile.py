"""Malicious input: secrets that nothing may show, files that may not go, files that are torn."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from raynas.analysis.provenance import FILE, read_runs
from raynas.analysis.recorded_plan import read_prediction
from raynas.analysis.saved_results import RECORD, load, save
from raynas.asktell import AskTell
from raynas.errors import RaynasError
from raynas.preflight.search_plan import _Measured
from raynas.proxy import records
from raynas.report.best import full_nodes
from raynas.report.cost import cost_nodes
from raynas.report.proxy_page import study_sections
from raynas.space import Space
from raynas.space.saved import space_to_json
from raynas.stored import open_stored, read_snapshot
from raynas.stored.noted import NotedRule, noted_stop
from raynas.tasks import CostMeter, FunctionTask, LightningTask, Measured
from raynas.tasks.lightning.resume import read_checkpoint
from raynas.testing import TinyNet
from raynas.trials import History

PLANTED = "pl4nt3d"
COUNT = 1000

LEAKY = f"""
import os
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 60)

class Leaky(nas.Task):
    def __init__(self):
        self.api_token = "{PLANTED}-token"
        self.url = "https://user:{PLANTED}-url@host.invalid/data?x=1"
        self.options = {{"password": "{PLANTED}-nested", "headers": [("Authorization", "b")]}}
        self.login = nas.redaction.secret("{PLANTED}-marked")
        self.keys = ["{PLANTED}-listed"]
        self.steps = 5

    def run(self, architecture, context):
        print("using", self.api_token, self.options, self.login, os.environ.get("SERVICE_API_KEY"))
        if architecture.width % 3 == 0:
            raise RuntimeError(f"no answer from {{self.url}} to {{self.login}} with {{self.keys}}")
        if architecture.width % 3 == 1:
            raise nas.InfeasibleArchitecture(f"password={{self.options['password']}}, too wide")
        return nas.Measurement({{"reward": float(architecture.width)}})

class Paid(nas.rewards.Reward):
    def __init__(self):
        self.access_key = "{PLANTED}-reward"

    def __call__(self, measurement):
        return measurement.metrics["reward"]

search = nas.Search(
    space=Net,
    task=Leaky(),
    reward=Paid(),
    controller="random",
    rules=(),
    limits=nas.Limits(trials=8, failed=8, parallel=2),
    callbacks=["tensorboard"],
)
"""


def test_secrets_appear_in_no_file_and_no_line(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_API_KEY", f"{PLANTED}-environment")
    code_file = tmp_path / "code" / "leaky.py"
    code_file.parent.mkdir()
    code_file.write_text(LEAKY)
    results = tmp_path / "raynas-results"
    said = [run("search", code_file)]
    assert said[0][0] == 0, said[0]
    trials = json.loads((results / "leaky" / "trials.json").read_text())["trials"]
    told = [trial["number"] for trial in trials if trial["outcome"]["kind"] != "failed"]
    assert 0 < len(told) < len(trials)
    commands = (["report"], ["status"], ["watch", "--once"], *(["trial", n] for n in told))
    said += [run(command[0], code_file, *command[1:]) for command in commands]
    code_file.write_text(LEAKY.replace(f"{PLANTED}-token", f"{PLANTED}-other"))
    changed = run("search", code_file)
    assert changed[0] == 2
    assert "task: api_token was a secret (" in changed[2]
    for _, out, err in (*said, changed):
        assert PLANTED not in out + err
    files = [path for path in results.rglob("*") if path.is_file()]
    assert len(files) > 8
    leaks = [str(path) for path in files if PLANTED.encode() in path.read_bytes()]
    assert leaks == []
    text = "".join(path.read_text(errors="replace") for path in files if path.suffix != ".html")
    for words in ("no answer from https://***@host.invalid", "password=***, too wide", "using ***"):
        assert words in text


SMALL = """
import raynas as nas
from raynas.space import integer, searchable

@searchable
class Net:
    width: int = integer(1, 60)

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(lambda net: float(net.width)),
    full=nas.FunctionTask(lambda net: float(net.width)),
    controller="random",
    limits=nas.Limits(trials=2, parallel=1),
    checkpoints="kept",
)
"""


def test_files_of_others_are_all_there_afterwards(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "small.py"
    file.write_text(SMALL)
    temporary = tmp_path / "tmp"
    names = ["notes.txt", "0", "trial-0", ".hidden", "journal.log.bak", "report.html.unfinished"]
    names += ["raynas-trial-0.ckpt", "raynas-trial-1.ckpt"]
    folders = ["small", "small/logs", "small/checkpoints", "small/tune", "small/tune/trials"]
    folders += ["small-full", "small-full/weights", "small-again"]
    places = [tmp_path / "raynas-results" / folder for folder in folders]
    places += [tmp_path / "kept", tmp_path / "kept" / "small", tmp_path]
    places += [temporary / name for name in ("raynas-2026-results", "raynas-tune-x", "raynas-1-a")]
    planted = [place / name for place in places for name in names]
    for path in planted:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLANTED)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for command in (["search"], ["report"], ["train", "--top", "1", "--no-baseline"], ["status"]):
        code, out, err = run(command[0], file, *command[1:])
        assert (code, err) == (0, ""), out
    assert [path for path in planted if not path.exists() or path.read_text() != PLANTED] == []


def test_a_report_of_somebody_elses_is_left_alone(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object]
) -> None:
    file = tmp_path / "small.py"
    file.write_text(SMALL)
    mine = tmp_path / "raynas-results" / "small" / "trials.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text(PLANTED)
    code, _, err = run("search", file)
    assert code == 0
    assert "trials.csv was not written by raynas and was left as it is: move it away" in err
    assert mine.read_text() == PLANTED


def test_files_with_the_names_of_ours_are_left_alone_and_named(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, without_ray: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a command writes may be there already, from somebody else."""
    file = tmp_path / "small.py"
    file.write_text(SMALL)
    commands = ["search"], ["report"], ["train", "--top", "1", "--no-baseline"]
    for command in commands:
        assert run(command[0], file, "--folder", "first", *command[1:])[0] == 0
    names = [path.relative_to("first") for path in Path("first").rglob("*") if path.is_file()]
    # A journal of others ends the command, as does a record; a lock has no text.
    names = [n for n in names if n.name not in ("journal.log", "journal.log.in-use", RECORD)]
    for place in (Path("second") / name for name in names):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(PLANTED)
    said = [run(command[0], file, "--folder", "second", *command[1:]) for command in commands]
    text = caplog.text + "".join(out + err for _, out, err in said)
    assert {"events.jsonl", "provenance.jsonl", "trials.csv"} <= {name.name for name in names}
    for name in names:
        assert (Path("second") / name).read_text() == PLANTED, name
    named = {name.name for name in names if str(name) in text}
    assert named == {
        "events.jsonl",
        "full.csv",
        "provenance.jsonl",
        "report.html",
        "rules.json",
        "search.json",
    }


def mutated(whole: bytes, rng: random.Random) -> bytes:
    """`whole` as a torn, damaged or hostile writer leaves it."""
    start, end = sorted(rng.randrange(len(whole) + 1) for _ in range(2))
    values = [b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b'"\\ud800"', b"true", b"9" * 400]
    match rng.randrange(7):
        case 0:
            return whole[:start]
        case 1:
            return whole[:start] + whole[end:]
        case 2:
            return whole[:start] + rng.randbytes(rng.randrange(1, 9)) + whole[end:]
        case 3:
            return whole[:end] + whole[start:]
        case 4:
            return rng.choice([b"[" * 100_000, b"\x00" * 50, b"\xff\xfe", b"", *values])
        case _:
            return _with_another_value(whole, rng.choice(values), rng)


def _with_another_value(whole: bytes, value: bytes, rng: random.Random) -> bytes:
    """JSON with `value` in place of one of its own; anything else with it somewhere."""
    try:
        data = json.loads(whole)
    except ValueError:
        place = rng.randrange(len(whole) + 1)
        return whole[:place] + value + whole[place:]
    marker = "another-value"
    node = data
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = rng.choice(keys)
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            node[key] = marker
            return json.dumps(data).encode().replace(f'"{marker}"'.encode(), value)
        node = inner


MODELS = {
    "settings": {"candidates": 4, "models": 4, "full": 2, "cost": "parameters", "max_steps": None},
    "cost": "parameters",
    "models": [
        {"cost": 5.0, "score": 0.5, "low": 0.4, "high": 0.6, "known": known}
        for known in (True, False)
    ],
    "candidates": [[0.5, 5.0], [0.6, 7.0]],
}
DESIGN = {
    "goal": {"tau": 0.6, "most": 0.1},
    "candidates": [
        {"name": "all", "readings": [{"cost": 0.1, "tau": 0.7, "low": 0.5, "steps": 3}]},
    ],
    "setting": {"data": 0.5, "input": 1.0, "build": {"width": 0.5}},
    "steps": 40,
    "max_steps": None,
    "agreement": {"tau": 0.7, "low": 0.6, "high": 0.8},
    "cost": 0.05,
}
PLAN = {"trials": {"likely": 40}, "seconds": {"likely": 60.5}, "parallel": 2, "words": "soon"}
SEARCHED = {
    "format": 1,
    "name": "tiny",
    "sources": {"/code/tiny.py": "0" * 64},
    "store": "journal.log",
    "seed": 0,
    "identity": {},
    "space": space_to_json(Space(TinyNet)),
    "reward": None,
    "reward_shown": "Metric(name='reward', mode='max')",
    "objectives": [{"name": "reward", "mode": "max"}],
    "rules": [["TrialLimit", None], ["Own", None]],
    "limit": 10,
    "reserved": {"cpu": 1.0, "gpu": 0.5},
    "like_itself": True,
}
RULES = {
    "at": 1.7e9,
    "ended": 0,
    "stop": {"rule": "own", "reason": "Enough.", "advice": "Stop."},
    "rules": [{"state": "half way", "progress": 0.5}],
}
FULL = {
    "rows": [
        {"search_trial": 1, "stage1": 0.5, "mean": 0.6, "interval": 0.1, "gain": 0.05,
         "is_baseline": False, "architecture": {"class": "TinyNet"}},
    ],
}  # fmt: skip
SPEED = {
    "own": {name: {"seconds": 0.1, "batch": 32} for name in ("baseline", "largest")},
    "loadings": [{"workers": 0, "error": "", "seconds": 0.01}],
    "workers": 0,
    "recommended": 64,
}
BASELINE = {"runs": [{"value": 0.5, "seconds": 12.5, "steps": 90}]}
TASK = LightningTask(pl.LightningModule, pl.LightningDataModule, "loss", 30, mode="min")
METRICS = {"meter": "m", "architecture": "a", "metrics": {"flops": 12.0, "parameters": 3.0}}


def read_plan(folder: Path) -> None:
    plan = read_prediction(folder)
    assert plan is None or (plan.trials >= 0 and plan.seconds > 0 and plan.parallel > 0)


def read_provenance(folder: Path) -> None:
    for facts in read_runs(folder):
        assert all(isinstance(word, str) for pair in facts.items() for word in pair)


def read_models(folder: Path) -> None:
    records.read_references(SimpleNamespace(folder=folder))  # type: ignore[arg-type]


def read_design(folder: Path) -> None:
    records.read_design(SimpleNamespace(folder=folder))  # type: ignore[arg-type]


def read_metrics(folder: Path) -> None:
    name = next(folder.glob("*.json"))
    task = Measured(FunctionTask(lambda net: 1.0), CostMeter(), cache=folder)
    task._measured = lambda *_: {"flops": 1.0}  # type: ignore[method-assign, assignment]
    with pytest.MonkeyPatch.context() as patch:
        hashed = SimpleNamespace(hexdigest=lambda: name.stem)
        patch.setattr("raynas.tasks.meters.measured.hashlib.sha256", lambda _: hashed)
        found = task._stored(CostMeter(), TinyNet(1, "conv"))
    assert all(isinstance(value, float) for value in found.values())


def read_kept(folder: Path) -> None:
    found = read_checkpoint(folder / "trial.ckpt", "task")
    assert found is None or isinstance(found, dict)


def read_saved(folder: Path) -> None:
    assert isinstance(load(folder / "found.json"), dict | None)


def read_search(folder: Path) -> None:
    """A search is looked at from its folder alone."""
    journal = folder / "journal.log"
    if not journal.exists():
        AskTell(TinyNet, "random", store=journal, name="tiny").close()
    found = read_snapshot(folder)
    if found is None:
        return
    with suppress(RaynasError), open_stored(found, folder) as run:
        view = run.view()
        cost_nodes(view)
        assert all(isinstance(state, str) for state in run.states())


def read_rules(folder: Path) -> None:
    rule = NotedRule(folder, 0, "Own")
    assert 0 <= rule.progress(History(), 0.0) < 1
    assert isinstance(rule.state(History(), 0.0), str)
    noted_stop(folder, History())


def read_full(folder: Path) -> None:
    beside = folder.with_name(f"{folder.name}-full")
    beside.mkdir(exist_ok=True)
    (beside / "full.json").write_bytes((folder / "full.json").read_bytes())
    full_nodes(SimpleNamespace(folder=folder, history=History()))  # type: ignore[arg-type]


def read_times(folder: Path) -> None:
    """What a plan reads of earlier measurements."""
    times = _Measured(
        SimpleNamespace(task=TASK, full=TASK),  # type: ignore[arg-type]
        load(folder / "speed.json"),
        load(folder / "baseline.json"),
    )
    seconds, words = times.trial(History())
    assert math.isfinite(seconds.high)
    assert isinstance(words, str)
    full = times.full()
    assert full is None or math.isfinite(full)


def write_beside(folder: Path) -> None:
    """The list of written files may be anything: what is not in it is not replaced."""
    mine = folder / "mine.json"
    mine.write_text(PLANTED)
    try:
        save({}, mine)
    except RaynasError:
        assert mine.read_text() == PLANTED


KINDS: dict[str, tuple[str, Any, Callable[[Path], None]]] = {
    "plan": ("plan.json", PLAN, read_plan),
    "provenance": (FILE, {"started": "now", "seed": "0", "task": "Task: steps=5"}, read_provenance),
    "models": ("models.json", MODELS, read_models),
    "design": ("design.json", DESIGN, read_design),
    "page": ("design.json", DESIGN, study_sections),
    "metrics": ("abc.json", METRICS, read_metrics),
    "found": ("found.json", PLAN, read_saved),
    "search": ("search.json", SEARCHED, read_search),
    "rules": ("rules.json", RULES, read_rules),
    "full": ("full.json", FULL, read_full),
    "speed": ("speed.json", SPEED, read_times),
    "baseline": ("baseline.json", BASELINE, read_times),
    "written": (".made-by-raynas", {"report.html": 1}, write_beside),
    "checkpoint": ("trial.ckpt", None, read_kept),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_side_file_is_read_or_refused_and_not_changed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, data, read = KINDS[kind]
    monkeypatch.setattr(records, "find_references", lambda laboratory, **settings: settings)
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    path = tmp_path / name
    if data is None:
        kept = {"identity": "task", "loader": {"epoch": 1, "batch": 2}}
        torch.save({"raynas": kept, "state": {"weight": torch.zeros(2)}}, path)
    else:
        path.write_text(json.dumps(data))
    whole = path.read_bytes()
    read(tmp_path)
    rng = random.Random(0)
    for _ in range(COUNT if kind != "page" else COUNT // 5):
        torn = mutated(whole, rng)
        path.write_bytes(torn)
        said = name
        try:
            read(tmp_path)
        except RaynasError as error:
            said = str(error)
        assert name in said
        if kind not in ("metrics", "written"):
            assert path.read_bytes() == torn
