"""The data of one trial as the Trainer takes them: the user's own data module, as far as it can be.

Only what stage 1 must change is changed, on the very object that the user's class made: its loaders
in stage 1; and `prepare_data`, `setup` and the loaders draw from the generators of the split's
seed, so that every trial has the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from raynas.errors import TaskError
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.ddp import Whole, ranks
from raynas.tasks.lightning.loader_collections import batches_an_epoch
from raynas.tasks.lightning.split import Loaders, Split, hold_out, validation_loader
from raynas.tasks.once_a_node import once_a_node
from raynas.tasks.random_state import isolated

if TYPE_CHECKING:
    from raynas.tasks.lightning.loader_state import LoaderPositions

__all__ = ["TrialData"]

_PREPARED = "prepared"
_SET_UP = "set up"
_REPLACED = ("prepare_data", "setup", "teardown", "train_dataloader", "val_dataloader")
_HOOKS = (
    "on_before_batch_transfer",
    "transfer_batch_to_device",
    "on_after_batch_transfer",
    "state_dict",
    "load_state_dict",
    "on_exception",
)


class TrialData:
    """What `Trainer.fit` takes for one trial.

    Args:
        data: What the task is given.
        package: ``"pytorch_lightning"`` or ``"lightning.pytorch"``, whose Trainer takes it.
        positions: Follows the training loaders, where a trial keeps checkpoints.
    """

    def __init__(
        self, data: LightningData, package: str, positions: LoaderPositions | None = None
    ) -> None:
        self._data = data
        self._positions = positions
        self._first: Any = None
        self._parts: Split | None = None
        self._set_up = False
        self._given: Any = None
        with isolated(data.seed):
            made = data.make()
        self.user = Loaders(*made) if isinstance(made, tuple) else made
        self.own: dict[str, Callable[..., Any]] = {
            name: getattr(self.user, name) for name in _REPLACED if hasattr(self.user, name)
        }
        self.module = None if isinstance(self.user, Loaders) else _of_package(self.user, package)
        if self.module is not None:
            for name in _REPLACED:
                setattr(self.module, name, partial(_replaced, self, name))

    def __getstate__(self) -> dict[str, Any]:
        return {}  # a data set may hold the data module, and loader workers may pickle the data set

    def __deepcopy__(self, memo: Any) -> TrialData:
        return self

    def fit_arguments(self) -> dict[str, Any]:
        """The arguments of `Trainer.fit` that say what to train and validate on."""
        if self.module is not None:
            return {"datamodule": self.module}
        self._set_up = True
        return {
            "train_dataloaders": self.train_dataloader(),
            "val_dataloaders": self.val_dataloader(),
        }

    def give(self, loader: Any) -> None:
        """Train on `loader` instead, and validate on nothing."""
        self._given = loader

    def close(self) -> None:
        """Leave a data module that is used again as it was."""
        for name in _REPLACED if self.module is self.user and self._data.reuse else ():
            vars(self.module).pop(name, None)

    def batches(self, limit: int | float | None) -> float:
        """Training batches an epoch, infinite where that is unknown.

        Raises:
            TaskError: The data module is not set up yet.
        """
        if not self._set_up:
            raise TaskError(
                "trainer.max_epochs is read before the data module is set up, when it is not known "
                "yet; read it in configure_optimizers, or later"
            )
        if self._first is None:
            self._first = self._train_loader()
        return -(-batches_an_epoch(self._first, limit) // ranks())

    def prepare_data(self) -> None:
        """The data module's own, once a machine for each run."""
        cache = self._data.cache
        if _PREPARED in cache or "prepare_data" not in self.own:
            return
        source = self._data.source
        name = f"{getattr(source, '__module__', '')}.{getattr(source, '__qualname__', '')}"
        with isolated(self._data.seed):
            once_a_node(name, self._data.token, self.own["prepare_data"])
        cache[_PREPARED] = True

    def setup(self, stage: str) -> None:
        """The data module's own; once a process where it is used again."""
        if self.module is not None and self.module is not self.user:
            with suppress(TypeError):
                vars(self.user)["trainer"] = self.module.trainer
        if "setup" in self.own and _SET_UP not in self._data.cache:
            with isolated(self._data.seed):
                self.own["setup"](stage)
        if self._data.reuse:
            self._data.cache[_SET_UP] = True
        self._set_up = True

    def teardown(self, stage: str) -> None:
        """The data module's own, unless it is used again."""
        if "teardown" in self.own and not self._data.reuse:
            self.own["teardown"](stage)

    def train_dataloader(self) -> Any:
        """Stage 1's or all of the training data; followed where the trial keeps checkpoints."""
        if self._given is not None:
            return self._given
        loader, self._first = self._first, None
        if loader is None:
            loader = self._train_loader()
        return loader if self._positions is None else self._positions.follow(loader)

    def val_dataloader(self) -> Any:
        """Stage 1's held-out part, or the data module's own validation set."""
        if self._given is not None:
            return []
        with isolated(self._data.seed):
            if self._data.validation == "own":
                loader = self._own_validation()
            else:
                loader = self._split().validation
        return Whole(loader) if ranks() > 1 else loader

    def _train_loader(self) -> Any:
        from torch.utils.data import DataLoader

        with isolated(self._data.seed):
            if self._data.validation == "own":
                loader = self.own["train_dataloader"]()
            else:
                self._parts = None
                loader = self._split().train
        if ranks() > 1 and not isinstance(loader, DataLoader):
            raise TaskError(
                f"data: train_dataloader() gives a {type(loader).__name__}: on several GPUs it "
                "must be a torch DataLoader, of which each gets a share"
            )
        return loader

    def _split(self) -> Split:
        if self._parts is None:
            plain = getattr(self.user, "plain_train_dataset", None)
            whole = self.own["train_dataloader"]()
            self._parts = hold_out(self._data, whole, self._own_validation, plain)
        return self._parts

    def _own_validation(self) -> Any:
        return validation_loader(self.user, self.own.get("val_dataloader"))


def _replaced(trial: TrialData, name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(trial, name)(*args, **kwargs)


def _of_package(user: Any, package: str) -> Any:
    """`user`, or a data module of `package` that hands all on to it."""
    if isinstance(user, import_module(package).LightningDataModule):
        return user
    made = _delegate_class(package)(user)
    for name in _HOOKS:
        if name in _overridden(user):
            setattr(made, name, getattr(user, name))
    return made


def _overridden(user: Any) -> set[str]:
    """Names that the classes of `user` define, apart from those of Lightning and Python."""
    own = [
        cls
        for cls in type(user).__mro__
        if not cls.__module__.startswith(("pytorch_lightning.", "lightning.")) and cls is not object
    ]
    return {name for cls in own for name in vars(cls)}


@cache
def _delegate_class(package: str) -> Any:
    base = import_module(package).LightningDataModule

    def begin(self: Any, user: Any) -> None:
        base.__init__(self)
        self.user = user

    def look(self: Any, name: str) -> Any:
        if name == "user" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.user, name)

    return type("DataModule", (base,), {"__init__": begin, "__getattr__": look})
