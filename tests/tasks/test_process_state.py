from __future__ import annotations

import builtins
import gc
import io
import locale
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing

from raynas.errors import TaskError
from raynas.tasks import process_state


def _found() -> dict[str, Any]:
    """What another trial would find in this process, read without `process_state`."""
    return {
        "dtype": torch.zeros(1).dtype,
        "device": torch.zeros(1).device.type,
        "grad": (torch.ones(1, requires_grad=True) * 2).requires_grad,
        "anomaly": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        "threads": torch.get_num_threads(),
        "matmul": _or_error(torch.get_float32_matmul_precision),
        "tf32": (
            _or_error(lambda: torch.backends.cudnn.allow_tf32),
            _or_error(lambda: torch.backends.cuda.matmul.allow_tf32),
        ),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "flash": torch.backends.cuda.flash_sdp_enabled(),
        "sharing": torch.multiprocessing.get_sharing_strategy(),
        "group": torch.distributed.is_initialized(),
        "errors": np.geterr(),
        "digits": repr(np.array([1 / 3])),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "path": (id(sys.path), list(sys.path)),
        "arguments": list(sys.argv),
        "signals": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)],
        "streams": [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "print": builtins.print,
        "hooks": (sys.excepthook, threading.excepthook),
        "filters": list(warnings.filters),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "a library's log": logging.getLogger("lightning").level,
        "umask": _umask(),
        "recursion": sys.getrecursionlimit(),
        "garbage": gc.isenabled(),
        "locale": locale.setlocale(locale.LC_ALL),
        "timeout": socket.getdefaulttimeout(),
        "start method": multiprocessing.get_start_method(allow_none=True),
    }


def _or_error(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RuntimeError as error:  # torch's two interfaces to one thing can contradict each other
        return str(error)


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def _join_process_group() -> None:
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )


def _ignore_warnings() -> None:
    warnings.simplefilter("ignore")
    warnings.filters.append(warnings.filters[0])


_CHANGES: dict[str, tuple[Callable[[], Any], ...]] = {
    "dtype": (lambda: torch.set_default_dtype(torch.float64),),
    "device": (lambda: torch.set_default_device("meta"),),
    "grad": (lambda: torch.set_grad_enabled(False),),
    "anomaly": (lambda: torch.autograd.set_detect_anomaly(True, False),),
    "threads": (lambda: torch.set_num_threads(torch.get_num_threads() + 2),),
    "matmul": (
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: setattr(torch.backends.mkldnn.matmul, "fp32_precision", "bf16"),
        lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    ),
    "tf32": (
        lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
        lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
        lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "ieee"),
    ),
    "cudnn": (
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
        lambda: setattr(torch.backends.cudnn, "deterministic", True),
    ),
    "algorithms": (lambda: torch.use_deterministic_algorithms(True),),
    "warn only": (lambda: torch.use_deterministic_algorithms(True, warn_only=True),),
    "flash": (lambda: torch.backends.cuda.enable_flash_sdp(False),),
    "sharing": (lambda: torch.multiprocessing.set_sharing_strategy("file_system"),),
    "group": (_join_process_group,),
    "errors": (lambda: np.seterr(all="raise"),),
    "digits": (lambda: np.set_printoptions(precision=2),),
    "folder": (lambda: os.chdir("/"),),
    "environment": (
        lambda: os.environ.update(RAYNAS_OF_A_TRIAL="1"),
        lambda: os.environ.pop("PATH"),
        os.environ.clear,
    ),
    "path": (
        lambda: sys.path.insert(0, "/nowhere"),
        lambda: setattr(sys, "path", ["/nowhere"]),
    ),
    "arguments": (lambda: sys.argv.append("--lr"),),
    "signals": (
        lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        lambda: signal.signal(signal.SIGUSR1, lambda *_: None),
    ),
    "streams": (
        lambda: setattr(sys, "stdout", io.StringIO()),
        lambda: setattr(sys, "stdin", None),
    ),
    "print": (lambda: setattr(builtins, "print", lambda *_: None),),
    "hooks": (
        lambda: setattr(sys, "excepthook", lambda *_: None),
        lambda: setattr(threading, "excepthook", lambda *_: None),
    ),
    "filters": (_ignore_warnings, warnings.resetwarnings),
    "logging": (
        lambda: logging.root.setLevel(logging.DEBUG),
        lambda: logging.basicConfig(force=True),
        lambda: logging.disable(logging.CRITICAL),
    ),
    "a library's log": (lambda: logging.getLogger("lightning").setLevel(logging.CRITICAL),),
    "umask": (lambda: os.umask(0o077),),
    "recursion": (lambda: sys.setrecursionlimit(12_345),),
    "garbage": (gc.disable,),
    "locale": (lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),),
    "timeout": (lambda: socket.setdefaulttimeout(3.0),),
    "start method": (
        lambda: torch.multiprocessing.set_start_method("spawn", force=True),
        lambda: multiprocessing.set_start_method("forkserver", force=True),
    ),
}


def test_every_kind_of_state_is_changed_and_put_back() -> None:
    before = _found()
    assert before.keys() == _CHANGES.keys()
    for kind, changes in _CHANGES.items():
        for change in changes:
            with process_state.restored() as lasting:
                change()
                now = _found()
            assert now[kind] != before[kind], f"the change of {kind} changes nothing"
            assert _found() == before, kind
            assert lasting == []


def test_a_trial_in_a_thread_leaves_nothing_to_the_next_one() -> None:
    kinds = set(_CHANGES) - {"signals"}  # which no thread but the main one can set
    found: list[dict[str, Any]] = []

    def trial(*changes: Callable[[], Any]) -> None:
        with process_state.restored():
            found.append(_found())
            for change in changes:
                change()

    for changes in ([], [change for kind in kinds for change in _CHANGES[kind]], []):
        thread = threading.Thread(target=trial, args=changes)
        thread.start()
        thread.join()
    assert found[2] == found[0]


def test_state_survives_errors_and_a_working_directory_that_was_removed(tmp_path: Path) -> None:
    before = os.getcwd()
    (tmp_path / "gone").mkdir()

    @process_state.restored()
    def trial() -> None:
        os.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        trial()
    assert os.getcwd() == before


def test_what_cannot_be_put_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    with process_state.restored() as lasting:
        os.chdir(tmp_path)
        (tmp_path / "gone").rmdir()
    assert lasting == ["working directory"]


def test_torch_is_put_back_where_the_trial_imports_it_first() -> None:
    script = """
import sys
from raynas.errors import TaskError
from raynas.tasks import process_state
with process_state.restored():
    pass
assert "torch" not in sys.modules
with process_state.restored():
    import torch
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(7)
assert torch.get_default_dtype() == torch.float32
assert torch.get_num_threads() == 2
assert not any("process_state" in type(finder).__module__ for finder in sys.meta_path)
"""
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )


def test_settings_travel_to_another_process(tmp_path: Path) -> None:
    script = """
import pickle, sys, numpy
from raynas.errors import TaskError
from raynas.tasks import process_state
values = pickle.loads(sys.stdin.buffer.read())
process_state.adopt(values)
process_state.adopt(values)
assert "torch" not in sys.modules
with process_state.restored():
    import torch
assert torch.get_default_dtype() == torch.float64
assert torch.get_float32_matmul_precision() == "high"
assert torch.backends.cudnn.benchmark and sys.getrecursionlimit() == 4321
assert numpy.geterr()["divide"] == "raise"
assert process_state.settings() == values
assert not any("process_state" in type(finder).__module__ for finder in sys.meta_path)
"""
    with process_state.restored():
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
        sys.setrecursionlimit(4321)
        np.seterr(divide="raise")
        values = pickle.dumps(process_state.settings())
    subprocess.run([sys.executable, "-c", script], check=True, input=values)


def test_a_setting_that_cannot_be_had_is_named() -> None:
    with pytest.raises(TaskError, match="recursion limit: set in the process that started the"):
        process_state.adopt({"": pickle.dumps({"recursion limit": -1})})
