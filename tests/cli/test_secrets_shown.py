"""Secrets planted in every place where a search file can have one, and what the commands show.

Trials run in this process instead of on Ray; `test_hostile` has a search that runs on it. What code
of the user's prints in the process of a command is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raynas.asktell import AskTell
from raynas.errors import ConfigurationError, SpaceError
from raynas.redaction import secret
from raynas.space import Space, choice, integer, searchable
from raynas.store import Store
from raynas.testing import TinyNet
from raynas.trials import Failed, Infeasible, Measurement, Point

PLANTED = "pl4nt3d"
IN_ENVIRONMENT = f"{PLANTED}-environment"

LEAKY = f"""
import os
from functools import partial

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, searchable

@searchable
class Net:
    width: int = choice(2, 3, 4, 5, 6, 7, 8, default=2)

    def build(self):
        return nn.Sequential(nn.Linear(3, self.width), nn.Linear(self.width, 1))

class Module(pl.LightningModule):
    def __init__(self, network, api_token, url):
        super().__init__()
        self.save_hyperparameters("api_token", "url")
        self.network, self.api_token = network, api_token

    def training_step(self, batch, index):
        return nn.functional.mse_loss(self.network(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("loss", nn.functional.mse_loss(self.network(batch[0]), batch[1]))
        self.log("of-" + os.environ["SERVICE_API_KEY"], 1.0)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

class Data(pl.LightningDataModule):
    def __init__(self, url, password):
        super().__init__()
        self.url, self.password = url, password

    def setup(self, stage):
        inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
        self.pairs = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))

    def train_dataloader(self):
        return DataLoader(self.pairs, batch_size=8, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.pairs, batch_size=8)

class Logger(pl.Callback):
    def __init__(self, api_key):
        self.api_key = api_key

module = partial(
    Module, api_token="{PLANTED}-token", url="https://user:{PLANTED}-url@h.invalid/x?sig={PLANTED}-sig"
)
data = partial(Data, "s3://k:{PLANTED}-s3@h/b", "{PLANTED}-password")
more = {{"mode": "min", "trainer": {{"callbacks": [Logger("{PLANTED}-callback")]}}}}
search = nas.Search(
    Net,
    nas.LightningTask(module, data, "loss", 4, **more),
    full=nas.LightningTask(module, data, "loss", 8, validation="own", **more),
    controller="random", limits=nas.Limits(trials=2), rules=(),
    store="sqlite:///trials.db",
)
"""
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("check",),
    ("profile",),
    ("data",),
    ("baseline", "--no-optimizers"),
    ("plan",),
    ("search", "--no-check"),
    ("report",),
    ("status",),
    ("watch", "--once"),
    ("trial", "0"),
    ("train", "--top", "1", "--no-baseline"),
    ("export", "--format", "weights"),
    ("augment", "--max-steps", "8", "--trials", "1"),
    ("proxy", "variance", "--repeats", "2"),
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_API_KEY", IN_ENVIRONMENT)


@pytest.mark.usefixtures("without_ray")
def test_no_command_shows_or_writes_a_secret(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "code" / "leaky.py"
    own.parent.mkdir()
    own.write_text(LEAKY)
    for command, *options in COMMANDS:
        code, out, err = run(command, own, *options)
        assert code in (0, 1), err
        assert PLANTED not in out + err, command
    assert PLANTED not in caplog.text
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != own]
    written = [path for path in written if "__pycache__" not in path.parts]
    assert {"report.html", "plan.json", "data.json", "full.json", "trials.db"} <= {
        path.name for path in written
    }
    assert [path for path in written if PLANTED.encode() in path.read_bytes()] == []
    assert "of-***" in (tmp_path / "raynas-results/leaky/trials.csv").read_text()


def test_a_name_that_is_a_secret_is_refused_before_anything_is_written(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "leaky.py"
    file.write_text(LEAKY)
    for command in ("plan", "search", "report", "status"):
        code, out, err = run(command, file, "--name", IN_ENVIRONMENT)
        assert code == 2
        assert "name holds a secret, and names are stored and shown: give another name" in err
        assert PLANTED not in out + err
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in ([], ["__pycache__"])
    with pytest.raises(ConfigurationError, match="name holds a secret"):
        Store(tmp_path / "journal.log", IN_ENVIRONMENT, Space(TinyNet), {})
    assert not (tmp_path / "journal.log").exists()


def test_a_name_that_is_a_word_is_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    Store(tmp_path / "journal.log", "postgres", Space(TinyNet), {}).close()


@pytest.mark.parametrize(
    "option",
    [
        secret(f"{PLANTED}-marked"),
        IN_ENVIRONMENT,
        f"https://user:{PLANTED}@h.invalid/data",
        ("data", f"https://user:{PLANTED}@h.invalid/data"),
        f"password={PLANTED}-option",
        ("key", IN_ENVIRONMENT),
    ],
)
def test_an_option_that_holds_a_secret_is_refused(option: object) -> None:
    with pytest.raises(SpaceError, match=r"option 1 of choice\(\) holds a secret") as refusal:
        choice("none", option)
    assert PLANTED not in str(refusal.value)


@pytest.mark.parametrize("option", ["cls_token", "password", "user@host", ("token", "class")])
def test_other_options_are_options(option: object) -> None:
    @searchable
    class Net:
        which: object = choice("none", option)
        width: int = integer(1, 3)

    assert Space(Net).size == 6


@pytest.mark.parametrize(
    "told",
    [
        Failed(f"no\nkey {IN_ENVIRONMENT} password={PLANTED}-note"),
        Infeasible(f"key {IN_ENVIRONMENT}", Measurement({f"of-{IN_ENVIRONMENT}": 1.0})),
        Measurement(
            {"reward": 1.0, f"of-{IN_ENVIRONMENT}": 1.0},
            curve=(Point(1, {"reward": 1.0, f"of-{IN_ENVIRONMENT}": 1.0}),),
        ),
    ],
)
def test_what_is_told_is_stored_without_secrets(told: Any, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    with AskTell(TinyNet, "random", store=path) as search:
        number = search.ask().number
        search.report(number, Point(1, {"reward": 1.0, f"of-{IN_ENVIRONMENT}": 1.0}))
        search.tell(number, told)
        assert PLANTED not in repr(search.history[number])
    assert PLANTED not in path.read_text()
    assert "***" in path.read_text()


def test_a_cluster_is_named_without_its_password(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = SimpleNamespace(
        running=lambda name: None, submit=lambda job: "job-1", follow=lambda *_: interrupted()
    )

    def interrupted() -> int:
        raise KeyboardInterrupt

    @contextmanager
    def jobs_at(cluster: str) -> Iterator[Any]:
        assert PLANTED in cluster
        yield job

    monkeypatch.setattr("raynas.tune.jobs.jobs_at", jobs_at)
    (tmp_path / "leaky.py").write_text(
        "import raynas as nas\nfrom raynas.testing import TinyNet\n"
        "search = nas.Search(TinyNet, nas.FunctionTask(lambda net: 1.0))\n"
    )
    address = f"https://user:{PLANTED}@head.invalid:8265"
    code, out, err = run("submit", "leaky.py", "--cluster", address)
    assert (code, err) == (0, "")
    assert "leaky is job job-1 on https://***@head.invalid:8265" in out
    assert "--cluster 'https://***@head.invalid:8265' ends it" in out
    assert PLANTED not in out
