"""What pickle refuses reaches another process all the same, with the rest of its module."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raynas.cli.search_file import _module
from raynas.tasks import user_code

MODULE = """
import contextvars, functools, threading, weakref
import torch

LOCK, LOCAL, FACTOR = threading.Lock(), threading.local(), 1.0
VARIABLE = contextvars.ContextVar("variable", default=2.0)
WEAK = weakref.WeakValueDictionary()
FILE = open(__file__)


class Net:
    @functools.cached_property
    def five(self):
        return 5.0

    @functools.lru_cache
    def six(self):
        return 6.0

    @functools.singledispatchmethod
    def kind(self, x):
        return 0.0

    @kind.register
    def _(self, x: str):
        return 7.0


class Registry:
    def __init__(self):
        self.lock, self.items = threading.RLock(), {"net": Net}


REGISTRY = Registry()


class Holds:
    def __init__(self):
        self.generator = (x for x in ())


HOLDS = Holds()


@functools.cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def scaled(x):
    return 0.0


@scaled.register
def _(x: Net):
    return x.five * FACTOR


@torch.jit.script
def scripted(x: torch.Tensor) -> torch.Tensor:
    return x + 1


@torch.compile
def compiled(x):
    return x


def change():
    global FACTOR
    FACTOR = 3.0


def everything():
    with LOCK, REGISTRY.lock:
        LOCAL.x = FACTOR
    assert REGISTRY.items["net"] is Net
    return [
        VARIABLE.get(), len(WEAK), FILE.name, fib(20), fib.cache_info().maxsize, LOCAL.x,
        Net().five, Net().six(), Net().kind("x"), scaled(Net()), scaled(1), compiled.__name__,
        float(scripted(torch.zeros(()))),
    ]  # fmt: skip


def holds():
    return HOLDS


class Prefetcher:
    def __init__(self):
        self.thread = threading.Thread(target=print)


PREFETCHER = Prefetcher()


def prefetches():
    return PREFETCHER
"""
READ = """
import pickle, sys, tempfile
packed = pickle.load(open("packed", "rb"))
packed.enter()
with tempfile.TemporaryDirectory() as folder:
    everything = packed.unpacked(folder)
    print(everything(), everything() == pickle.loads(pickle.dumps(everything))())
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("_sources", "_modules", "_arrived"):
        monkeypatch.setattr(user_code, name, {})
    file = tmp_path / "odd_globals.py"
    file.write_text(MODULE)
    found = _module(str(file))
    yield found
    found.FILE.close()
    del sys.modules[found.__name__]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_pickle_refuses_is_made_again_where_it_arrives(module: Any, tmp_path: Path) -> None:
    module.change()
    here = module.everything()
    (tmp_path / "packed").write_bytes(pickle.dumps(user_code.packed(module.everything)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == f"{here} True\n", done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("function", "what"), [("holds", "generator"), ("prefetches", "Thread")])
def test_an_object_of_an_own_class_that_cannot_be_pickled_is_refused(
    module: Any, function: str, what: str
) -> None:
    with pytest.raises(TypeError, match=f"cannot pickle '{what}' object"):
        user_code.packed(getattr(module, function))
