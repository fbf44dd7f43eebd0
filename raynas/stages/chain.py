"""Several searches in a row, each built on what the ones before it found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from raynas.analysis.saved_results import load, save
from raynas.arguments import checked
from raynas.errors import ConfigurationError, RaynasError, StoreError
from raynas.full_training.stage2 import trained_of
from raynas.search import KEPT, Search, SearchResult, script_name
from raynas.space import Space
from raynas.stages.results import Basis, Results, StageResult, basis_of
from raynas.trials import History, Stop

__all__ = ["FILE", "PASSED", "Built", "StageChain", "StageLike", "Stages"]

FILE = "stages.json"
_FORMAT = 1  # version of the file

PASSED = Stop(
    "stages",
    "A later stage was built on what it found.",
    "To go on with it all the same: `raynas search FILE:STAGE`.",
)
"""Why a stage is not run that a later one follows."""

StageLike: TypeAlias = Search | Callable[[Results], Search]
"""A search, or what makes one of the results of the stages before it."""


@checked
@dataclass(frozen=True)
class Stages:
    """Searches that follow one another, as ``search = Stages({...})`` in a search file.

    ``raynas search FILE`` runs them in order, and goes on where it was when it is run again.
    ``FILE:NAME`` means a single stage in every command.

    Args:
        stages: The stages by name, in order. A stage is a `Search`, or a function that takes the
            results of the stages before it, a mapping from their names to `StageResult`, and
            returns a `Search`. It is called again whenever the file is run, and must return the
            same search for the same results. `raynas.stages` has functions for usual chains.
        name: Name of the chain; by default that of its file.
        folder: Parent of the chain's results folder, in which each stage has a folder and store.

    Raises:
        ConfigurationError: There are no stages, or one has an impossible name or is something else.
    """

    stages: Mapping[str, StageLike]
    name: str | None = None
    folder: str | Path = "raynas-results"

    def __post_init__(self) -> None:
        if not isinstance(self.stages, Mapping) or not self.stages:
            raise ConfigurationError(
                f"stages={self.stages!r}: must be a dictionary from the names of stages to their "
                "searches, as Stages({'architecture': Search(...), 'augmentation': ...})"
            )
        for name, stage in self.stages.items():
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name):
                raise ConfigurationError(
                    f"stages has the name {name!r}: use letters, digits and '_', a letter first"
                )
            if not isinstance(stage, Search) and not callable(stage):
                raise ConfigurationError(
                    f"stages[{name!r}]={stage!r}: must be a raynas Search, or a function from the "
                    "results of earlier stages to one"
                )

    def run(self) -> dict[str, SearchResult]:
        """Run the stages in order to their ends, or go on with them where they were.

        Returns:
            What each stage found; where a signal interrupted one, it is the last.

        Raises:
            ConfigurationError: No trial of a stage has a reward, or a stage cannot be built.
        """
        return dict(StageChain(self, self.name or script_name()).run())


@dataclass(frozen=True)
class Built:
    """A stage's search, and what it is built on.

    Attributes:
        name: Name of the stage.
        search: The search, which has its own name and folder in the chain's.
        basis: How much of each earlier stage it is built on.
    """

    name: str
    search: Search
    basis: Mapping[str, Basis]


@dataclass(frozen=True)
class StageChain:
    """Stages under the name that their results have.

    Args:
        stages: The stages.
        name: Name of the chain.
    """

    stages: Stages
    name: str
    _known: dict[str, StageResult] = field(default_factory=dict, compare=False, repr=False)

    @property
    def folder(self) -> Path:
        """Folder of the chain, in which each stage has its own."""
        return Path(self.stages.folder).expanduser().absolute() / self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return tuple(self.stages.stages)

    @property
    def begun(self) -> tuple[str, ...]:
        """Names of the stages that were started, in order."""
        noted = self._noted()
        return tuple(name for name in self.names if name in noted)

    @property
    def current(self) -> str:
        """The latest stage that was started; the first one where none was."""
        return self.begun[-1] if self.begun else self.names[0]

    def build(self, name: str, *, again: bool = False) -> Built:
        """The search that a stage is, built on what the stages before it found.

        A stage that was started goes by the results that there were then, whatever has been added
        since.

        Args:
            name: Name of the stage.
            again: Whether to build it anew where there are other results now, as ``--again`` does.

        Raises:
            ConfigurationError: There is no such stage; one before it has no result yet; what it
                was built on is gone; or it cannot be built.
        """
        self._check(name)
        earlier = {one: self.result(one) for one in self.names[: self.names.index(name)]}
        noted = self._noted().get(name)
        now = {one: basis_of(result) for one, result in earlier.items()}
        basis = now if noted is None or again else self._as_noted(name, noted, earlier)
        for one, result in earlier.items():
            if not result.history.completed:
                raise ConfigurationError(
                    f"the stage {name!r} is built on {one!r}, which has no result yet: let "
                    f"`raynas search FILE:{one}` run first"
                )
        search = self._made(name, {one: basis[one].of(earlier[one]) for one in earlier})
        anew = noted is not None and basis != noted
        return Built(name, replace(search, again="all" if anew else again or search.again), basis)

    def note(self, built: Built) -> None:
        """Note that a stage is started, and what it is built on; after its store was opened."""
        noted: dict[str, Mapping[str, Basis]] = {**self._noted(), built.name: built.basis}
        stages = {
            stage: {"built_on": {one: asdict(basis) for one, basis in entry.items()}}
            for stage, entry in noted.items()
        }
        save({"format": _FORMAT, "chain": self.name, "stages": stages}, self.folder / FILE)

    def result(self, name: str) -> StageResult:
        """What a stage has found so far; nothing where it was not started.

        Raises:
            ConfigurationError: There is no such stage, or it cannot be built.
            StoreError: Its results cannot be read.
        """
        self._check(name)
        if name in self._known:
            return self._known[name]
        search = self.build(name).search
        found = StageResult(name, search)
        if name in self._noted():
            history = _history_of(search)
            trained, _ = trained_of(search, search.name or "")
            found = StageResult(name, search, history, trained)
        self._known[name] = found
        return found

    def forget(self, name: str) -> None:
        """Read the results of a stage, and of those after it, anew when they are next asked for."""
        for one in self.names[self.names.index(name) :]:
            self._known.pop(one, None)

    def passed(self, name: str) -> bool:
        """Whether a later stage was started already."""
        return any(self.names.index(one) > self.names.index(name) for one in self.begun)

    def run(self) -> Iterator[tuple[str, SearchResult]]:
        """Run each stage; ends after one that was interrupted.

        Raises:
            ConfigurationError: No trial of a stage has a reward, or a stage cannot be built.
        """
        for name in self.names:
            built = self.build(name)
            if self.passed(name):
                known = self.result(name)
                space = Space.of(built.search.space)
                yield name, SearchResult(known.history, PASSED, self.folder, space)
                continue
            with built.search.open() as run:
                self.note(built)
                result = run.go()
            self.forget(name)
            yield name, result
            if result.stop is None:
                return
            self.check_found(name, result.history)

    def check_found(self, name: str, history: History) -> None:
        """Check that another stage can be built on a stage that ended with `history`.

        Raises:
            ConfigurationError: No trial has a reward.
        """
        if not history.completed and name != self.names[-1]:
            following = self.names[self.names.index(name) + 1]
            raise ConfigurationError(
                f"no trial of the stage {name!r} has a reward, so {following!r} cannot be built on "
                f"it: see `raynas report FILE:{name}`, and try it again with "
                f"`raynas search FILE:{name} --again`"
            )

    def _made(self, name: str, earlier: Results) -> Search:
        made = self.stages.stages[name]
        if not isinstance(made, Search):
            try:
                made = made(earlier)
            except RaynasError as error:
                raise type(error)(f"stage {name!r}: {error}") from error
        if not isinstance(made, Search):
            raise ConfigurationError(
                f"stages[{name!r}] makes {made!r}: it must return a raynas Search"
            )
        return replace(made, name=f"{self.name}-{name}", folder=self.folder)

    def _as_noted(
        self, name: str, noted: Mapping[str, Basis], earlier: Results
    ) -> Mapping[str, Basis]:
        """What the started stage `name` was built on, if that is still there."""
        try:
            if noted.keys() != earlier.keys():
                raise ConfigurationError(
                    f"it was built on {', '.join(noted) or 'no stage'}, and now follows "
                    f"{', '.join(earlier) or 'no stage'}: undo that"
                )
            for one, basis in noted.items():
                basis.of(earlier[one])
        except ConfigurationError as error:
            raise ConfigurationError(
                f"stage {name!r}: {error}, or set this stage's results aside and build it on those "
                f"of now with `raynas search FILE:{name} --again`"
            ) from None
        return noted

    def _check(self, name: str) -> None:
        if name not in self.stages.stages:
            raise ConfigurationError(
                f"{self.name} has no stage {name!r}: use one of {', '.join(self.names)}"
            )

    def _noted(self) -> dict[str, dict[str, Basis]]:
        """The basis that each started stage has of each earlier one."""
        found: Any = load(self.folder / FILE) or {}
        if found.get("format") != _FORMAT:
            return {}
        try:
            return {
                stage: {one: Basis(**basis) for one, basis in entry["built_on"].items()}
                for stage, entry in found["stages"].items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{self.folder / FILE} is damaged ({error!r}): bring it back from a copy, or "
                "move the chain's folder away to begin anew"
            ) from None


def _history_of(search: Search) -> History:
    """The stored trials of `search`, which was started."""
    as_stored = replace(search, keep=KEPT, again=False)
    with as_stored.open(read_only=True) as run:
        return run.history
