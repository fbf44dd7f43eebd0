"""`scripts/check-gpu`: its claims on a GPU where there is one, and its logic on a stand-in."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PATIENCE = 900.0


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def part(name: str) -> Any:
    return importlib.import_module(f"gpu_checks.{name}")


CLAIMS = {
    "precision": (
        "auto precision",
        "bf16 trains",
        "loss scaling",
        "mixed precision gains",
    ),
    "sharing": (
        "a share sees one device",
        "quarters run together",
        "no share sees none",
        "sharing is faster",
    ),
    "memory": ("memory floor", "leaks replace workers", "broken contexts replace workers"),
    "out_of_memory_retries": (
        "errors are recognized",
        "too large is infeasible",
        "neighbors live",
    ),
    "auto_packing": ("auto packs by memory",),
    "latency": (
        "percentiles are ordered",
        "latency is stable",
        "latency agrees with events",
        "latency beside a neighbor",
    ),
    "energy": ("energy is read", "energy of a run"),
    "determinism": (
        "same seed same figures",
        "other seed other figures",
        "peak memory is the trials",
    ),
    "resume": ("resumed equals whole", "resumed with loss scaling"),
    "ddp": ("two processes share a device", "four processes", "devices with nccl"),
    "onnx": ("onnx on the device",),
    "commands": ("raynas speed", "raynas profile"),
    "overhead": ("task overhead", "search overhead"),
    "compiling": ("every trial is compiled", "compiled steps"),
}


@cache
def seen_on_a_gpu(name: str, folder: Path) -> dict[str, Any]:
    """The rows of a check, which runs once for all of its claims."""
    check = part("check").CHECKS[name]
    rows = part("runner").run_here(check, gpu=True, seconds=PATIENCE, log=folder / "log")
    return {row.claim: row for row in rows}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("name", "claim"), [(name, claim) for name, claims in CLAIMS.items() for claim in claims]
)
def test_on_a_gpu(name: str, claim: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    part("every")
    row = seen_on_a_gpu(name, tmp_path_factory.getbasetemp())[claim]
    if row.verdict == "skipped":
        pytest.skip(row.seen)
    assert row.verdict == "ok", row.seen


def test_every_claim_is_a_test() -> None:
    every = part("every")
    checks = part("check").CHECKS
    assert list(CLAIMS) == list(every.ORDER)
    assert {name: tuple(check.claims) for name, check in checks.items()} == CLAIMS


def seen(name: str, folder: Path) -> dict[str, Any]:
    """The rows of a check in this process, on the stand-in."""
    part("every")
    check = part("check").CHECKS[name]
    place = part("check").Place(gpu=False, folder=str(folder), quick=True)
    rows = list(check.run(place))
    assert [row.claim for row in rows] == list(check.claims), "every claim has its row, in order"
    return {row.claim: row for row in rows}


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("name", ["memory", "out_of_memory_retries", "auto_packing"])
def test_device_memory_on_a_stand_in(name: str, tmp_path: Path) -> None:
    for row in seen(name, tmp_path).values():
        assert row.verdict == "ok", f"{row.claim}: {row.seen}"


def test_processes_that_train_together_on_a_stand_in(tmp_path: Path) -> None:
    rows = seen("ddp", tmp_path)
    assert rows["four processes"].verdict == "ok", rows["four processes"].seen
    assert rows["devices with nccl"].verdict == "skipped"


def test_a_fake_device_keeps_what_torch_keeps(tmp_path: Path) -> None:
    gib = 2**30
    device = part("fake_device").FakeDevice(tmp_path, 16 * gib, gib)
    tensor = device.allocate(10 * gib)
    with pytest.raises(torch.OutOfMemoryError, match=r"allocate 6\.00 GiB.* 5\.00 GiB is free"):
        device.allocate(6 * gib)
    del tensor
    assert (device.allocated, device.reserved, device.most_allocated) == (0, 10 * gib, 10 * gib)
    assert device.free() == (5 * gib, 16 * gib), "freed memory is the process's own as yet"
    device.empty_cache()
    assert device.free() == (15 * gib, 16 * gib)
    (tmp_path / "process-99999999").write_text(str(14 * gib))
    assert device.free() == (15 * gib, 16 * gib), "a process that has ended holds nothing"
    (tmp_path / "process-1").write_text(str(14 * gib))
    assert device.free() == (gib, 16 * gib)
    device.broken = "CUDA error: device-side assert triggered"
    with pytest.raises(RuntimeError, match="device-side assert"):
        device.allocate(1)


PLANTED = """
import os, sys, time, types
from gpu_checks.check import Row, check

sys.modules["gpu_checks.every"] = types.ModuleType("gpu_checks.every")  # to start fast

@check(1, first="one", second="two")
def {name}(place):
    yield Row.judged("first", True, "seen")
    {rest}
"""


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("raise ValueError('no such kernel')", r"ended with exit code 1: ValueError: no such ker"),
        ("os._exit(7)", r"the check ended with exit code 7: nothing printed"),
        ("time.sleep(900)", r"the check timed out after 20 s: nothing printed"),
    ],
    ids=["raises", "dies", "hangs"],
)
def test_a_check_that_ends_early_leaves_its_rows(
    rest: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"planted_{abs(hash(rest))}"
    (tmp_path / "sitecustomize.py").write_text(PLANTED.format(name=name, rest=rest))
    monkeypatch.syspath_prepend(str(tmp_path))
    check = part("check").Check(name, {"first": "one", "second": "two"}, 1, iter)
    rows = part("runner").run_here(check, gpu=False, seconds=20, log=tmp_path / "log")
    assert [(row.claim, row.verdict) for row in rows] == [("first", "ok"), ("second", "not run")]
    assert re.search(words, rows[1].seen), rows[1].seen
    assert f"== {name}: " in (tmp_path / "log").read_text()


def test_results_are_written_after_each_check_and_count(tmp_path: Path) -> None:
    runner, checks = part("runner"), part("check")
    check = checks.Check("some", {"a": "one", "b": "two | three"}, 1, iter)
    results = runner.Results(tmp_path / "check-gpu.json", True)
    row = checks.Row
    results.add(check, [row.judged("a", True, "1 | 2"), row.judged("b", None, "3")], 0.5)
    assert results.failed() == 0
    results.add(check, [row.judged("a", False, "4"), row("b", "not run", "5")], 0.5)
    assert results.failed() == 2
    written = json.loads((tmp_path / "check-gpu.json").read_text())
    assert [one["verdict"] for one in written["rows"]] == ["ok", "figures", "failed", "not run"]
    text = part("table").table(written)
    assert "| some | a | ok | 1 / 2 | one |" in text
    assert text.endswith("4 claims: 1 ok, 1 figures, 1 failed, 1 not run")
    assert part("table").machine_text(written).startswith("stand-in on the CPU (")


def test_checks_that_no_time_is_left_for_are_named(tmp_path: Path) -> None:
    runner = part("runner")
    part("every")
    results = runner.Results(tmp_path / "check-gpu.json", True)
    runner.run_all(["onnx"], results, tmp_path / "log", gpu=False, until=0.0, say=print)
    (row,) = results.content["rows"]
    assert (row["verdict"], row["seen"]) == ("not run", "time was up before it began")


def test_checks_that_need_not_be_alone_share_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, checks = part("runner"), part("check")
    together = threading.Barrier(2)
    order: list[str] = []

    def run_here(check: Any, **_: Any) -> list[Any]:
        if not check.alone:
            together.wait(PATIENCE)
        order.append(check.name)
        return [checks.Row("a", "ok", "seen")]

    monkeypatch.setattr(runner, "run_here", run_here)
    made = {
        name: checks.Check(name, {"a": "one"}, 60, iter, alone)
        for name, alone in {"first": True, "b": False, "c": False, "last": True}.items()
    }
    monkeypatch.setattr(runner, "CHECKS", made)
    results = runner.Results(tmp_path / "check-gpu.json", False)
    until = time.monotonic() + PATIENCE
    runner.run_all(made, results, tmp_path / "log", gpu=True, until=until, say=lambda _: None)
    assert [row["check"] for row in results.content["rows"]] == list(made)
    assert (order[0], order[-1]) == ("first", "last")
    assert set(order) == set(made)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [str(ROOT / "scripts" / "check-gpu"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What the command writes to stderr, run in this process, which has imported torch."""
    monkeypatch.setattr(sys, "argv", ["check-gpu", *arguments])
    assert part("__main__").main() == 2
    return capsys.readouterr().err


def test_what_cannot_be_checked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = refused(monkeypatch, capsys, "--only", "warp")
    assert "--only warp: use precision, sharing, memory," in words
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = refused(monkeypatch, capsys, "--out", str(tmp_path))
    assert "finds no GPU here: see `nvidia-smi`, or give --stand-in" in words


CODE = "\n".join(f"x{n} = {n * n * 7919 % 10007}" for n in range(200))


def archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pieces of 1 KiB of a small package for this Python."""
    wheels = part("wheels")

    def install(wanted: list[str], site: Path, python: str) -> None:
        assert (wanted, python) == (["Ray==2.60.0"], here())
        for name in ("ray/tune.py", "ray/jars/large.jar"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(CODE)

    monkeypatch.setattr(wheels, "_install", install)
    constraints = folder / "constraints.txt"
    constraints.write_text("ray==2.60.0\n")
    found = wheels.pack(folder / "pieces", constraints, ("Ray",), here(), 256 / 2**20)
    assert len(found["pieces"]) > 1
    return wheels


def here() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_packages_travel_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = archive(tmp_path, monkeypatch)
    assert wheels.unpack(tmp_path / "pieces", tmp_path / "site") == []
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    compiled = tmp_path / "site" / "ray" / "__pycache__"
    (source,) = (path for path in files if path.parent != compiled)
    assert source == tmp_path / "site" / "ray" / "tune.py"
    assert source.read_text() == CODE
    assert [path.name for path in files if path.parent == compiled] == [
        f"tune.{sys.implementation.cache_tag}.pyc"
    ]


def test_pieces_that_are_missing_or_damaged_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = archive(tmp_path, monkeypatch)
    (tmp_path / "pieces" / "piece-00").unlink()
    (tmp_path / "pieces" / "piece-01").write_bytes(b"other")
    assert wheels.unpack(tmp_path / "pieces", tmp_path / "site") == ["piece-00", "piece-01"]
    assert not (tmp_path / "site").exists()
    done = command("--unpack", str(tmp_path / "pieces"), str(tmp_path / "site"))
    assert done.returncode == 1
    assert "missing or damaged: piece-00, piece-01" in done.stderr


def test_pieces_for_another_python_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = archive(tmp_path, monkeypatch)
    manifest = tmp_path / "pieces" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(here(), "3.99"))
    with pytest.raises(ValueError, match=r"are for Python 3\.99, .* --python 3\.\d+"):
        wheels.unpack(tmp_path / "pieces", tmp_path / "site")


def test_the_chart_is_drawn_of_the_rates(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = part("chart")
    rates = {"plain loop": 100.0, "1": 90.0, "2": 170.0, "4": 300.0}
    rows = [{"data": {}}, {"data": {"rates": rates}}]
    results = {"rows": rows, "machine": {"gpus": [], "cores": 2}}
    assert chart.rates(results) == rates
    chart.chart(results, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="have no rates: run `scripts/check-gpu --only sharing`"):
        chart.rates({"rows": rows[:1]})
