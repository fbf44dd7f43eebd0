"""How architectures and the configs of Tune's trials correspond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from raynas.asktell import AskTell
from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space
from raynas.store.log import announce
from raynas.tasks.budgeted import BUDGET
from raynas.trials import History, Proposal
from raynas.tune.flat_config import flat
from raynas.tune.option_objects import Objects
from raynas.tune.param_space import from_param_dict, from_tune, holds_domain, to_param_dict
from raynas.tune.trainable import NUMBER

__all__ = ["Configs"]


class Configs:
    """Translates architectures to configs and back, for a space or a Tuner's ``param_space``.

    A config of a space is flat and holds the trial's number. One of a param_space has its shape,
    and nothing else in it.

    Args:
        space: A searchable class, its `Space`, a dict of Tune's domains, or None for what
            `search` will be given.

    Raises:
        ConfigurationError: A field has the name of the trial's number, or `space` is a function.
        SpaceError: See `raynas.tune.param_space.from_tune`.
    """

    def __init__(self, space: type[Any] | Space[Any] | Mapping[str, Any] | None) -> None:
        self._given = space is not None
        self._space: Space[Any] | None = None
        self._param_space: dict[str, Any] | None = None
        self._objects: Objects | None = None
        if callable(space) and not isinstance(space, type):
            raise ConfigurationError(
                f"space={getattr(space, '__name__', space)}: a function that calls "
                "trial.suggest_... is not read; give what it chooses as the Tuner's param_space, "
                "or as a @searchable class"
            )
        if isinstance(space, Mapping):
            self._take(dict(space))
        elif space is not None:
            self._space = Space.of(space)
            if any(column.path == NUMBER for column in self._space.columns):
                raise ConfigurationError(
                    f"a field of {self._space!r} is named {NUMBER!r}: rename it"
                )

    @property
    def space(self) -> Space[Any] | None:
        """The space that is searched; None as long as none is known."""
        if self._space is None and self._param_space is not None:
            self._space = from_tune(self._param_space)
        return self._space

    def known_space(self) -> Space[Any]:
        """The space that is searched.

        Raises:
            ConfigurationError: None is known.
        """
        if self.space is None:
            raise ConfigurationError(
                "space=None: give NASSearcher(space=...), or the Tuner a param_space to choose from"
            )
        return self.space

    def search(self, param_space: dict[str, Any]) -> None:
        """Search a Tuner's `param_space`, or see that it leaves the space alone that was given.

        Raises:
            ConfigurationError: It has something to choose beside a space, or is another one than
                before.
            SpaceError: See `raynas.tune.param_space.from_tune`.
        """
        if not self._given:
            self._take(param_space)
            return
        for key, value in param_space.items():
            if holds_domain(value):
                raise ConfigurationError(
                    f"param_space[{key!r}] = {value!r}: NASSearcher has a space of its own; omit "
                    "that to search param_space, which otherwise may hold constants only"
                )

    def config(self, architecture: Any, number: int) -> dict[str, Any]:
        """The config of `architecture`, as trial `number` gets it."""
        if self._param_space is not None:
            return to_param_dict(self._param_space, architecture)
        return {**self.known_space().to_config(architecture), NUMBER: number}

    def proposed(self, proposal: Proposal, with_budget: bool) -> dict[str, Any]:
        """The config of a proposal, with its budget where the search has several."""
        config = self.config(proposal.architecture, proposal.number)
        return {**config, BUDGET: proposal.budget} if with_budget else config

    def failed_with(self, config: Mapping[str, Any], history: History) -> int | None:
        """The number of the latest failed trial of a flat config."""
        for trial in history.unrewarded[::-1]:
            asked = self.config(trial.architecture, trial.number)
            if flat(asked).items() <= config.items():
                return trial.number
        return None

    def architecture(self, point: Any, name: str) -> Any:
        """The architecture of `point`, which is one or a config of one.

        Args:
            point: The architecture, or a config, nested or with keys such as ``"a/b"``.
            name: How errors name it.

        Raises:
            ConfigurationError: It is none of the space.
        """
        space = self.known_space()
        try:
            if not isinstance(point, Mapping):
                space.check(point)
                return point
            if self._param_space is None:
                return space.from_config({k: v for k, v in point.items() if k != NUMBER})
            whole = _nested(point, list(self._param_space))
            return from_param_dict(space, self._param_space, whole)
        except SpaceError as error:
            raise ConfigurationError(f"{name}: {error}") from None

    def note_objects(
        self, search: AskTell[Any], number: int, result: Mapping[str, Any] | None
    ) -> None:
        """Note which objects a trial of a param_space had; see `Objects.note`."""
        if self._objects is not None and result is not None:
            config = self.config(search.history[number].architecture, number)
            self._objects.note(search.store, number, config, result)

    def exhausted(self, history: History) -> None:
        """Say that a param_space has no config left, before Tune ends the run without a word."""
        if self._param_space is not None:
            announce(
                "All %d configs that param_space can become were tried, apart from what Tune draws "
                "by itself: the run ends before num_samples",
                len(history),
            )

    def _take(self, param_space: dict[str, Any]) -> None:
        space = from_tune(param_space)
        if self.space is not None and space.describe() != self.space.describe():
            raise ConfigurationError(
                "param_space is another one than in this searcher's first Tuner: "
                "give each Tuner a searcher of its own"
            )
        self._space = self._space or space
        self._param_space = param_space
        self._objects = Objects(param_space)

    def __getstate__(self) -> dict[str, Any]:
        # A class that from_tune made cannot be found by name where the state is read.
        space = self._space if self._param_space is None else None
        return {**self.__dict__, "_space": space}


def _nested(config: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """`config` with ``"a/b"``, unless it is one of `keys`, taken apart: Tune's flat form."""
    whole: dict[str, Any] = {}
    for key, value in config.items():
        parts = key.split("/") if isinstance(key, str) and key not in keys else [key]
        place = whole
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return whole
