"""A search followed from stage to stage, and while its store does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from raynas.analysis.search_view import SearchView
from raynas.cli.search_file import chain_of, opened, searchable
from raynas.errors import RaynasError, StoreError
from raynas.stored import Look
from raynas.trials import Stop
from raynas.wording import as_typed, moment

if TYPE_CHECKING:
    from raynas.stages import StageChain

__all__ = ["followed", "following", "with_next_stage"]


@contextmanager
def followed(
    target: str, name: str | None, folder: Path | None, *, whole: bool = False
) -> Iterator[tuple[str, Callable[[], SearchView]]]:
    """The name of a search, and what gives it as it is now.

    Of stages in a row that are not named singly, it is the latest one that was started, also when
    the next one is started meanwhile.

    Args:
        target: A results folder, or a file or module, see `opened`.
        name: Name that it ran under, where the file or another name does not say.
        folder: Folder of the results, in place of the file's.
        whole: Whether architectures are drawn, see `opened`.

    Raises:
        ConfigurationError: See `opened`.
        StoreError: There is no such search, or it cannot be read.
    """
    chain = chain_of(target, name, folder)
    shown = as_typed(searchable(target), name, folder)
    stage = None if chain is None else chain.current
    with ExitStack() as stack:
        run = stack.enter_context(opened(target, name, folder, whole=whole))
        look = following(run, shown)

        def latest() -> SearchView:
            nonlocal stage, look
            if chain is not None and (now := chain.current) != stage:
                with suppress(RaynasError):  # it is only just being made: look again later
                    again = stack.enter_context(opened(target, name, folder, whole=whole))
                    stage, look = now, following(again, shown)
            view = look()
            if chain is None:
                return view
            return replace(view, ended_by=with_next_stage(chain, view.stop))

        yield run.name if chain is None else chain.name, latest


def with_next_stage(chain: StageChain | None, stop: Stop | None) -> Stop | None:
    """Why the latest stage ended, with the stage that follows it as the next step, if one does."""
    if chain is None or stop is None or chain.current == chain.names[-1]:
        return stop
    following_one = chain.names[chain.names.index(chain.current) + 1]
    advice = f"The stage {following_one!r} is next: `raynas search FILE` goes on with it."
    return replace(stop, advice=advice)


def following(run: Look, target: str = "FILE") -> Callable[[], SearchView]:
    """Gives the search as it is now, or as it was last seen while its store does not answer.

    Args:
        run: Search to look at.
        target: What names the search in commands, see `SearchView.target`.
    """
    last = replace(run.view(), target=target)

    def look() -> SearchView:
        nonlocal last
        try:
            run.follow()
            last = replace(run.view(), target=target)
        except StoreError as error:
            trouble = f"Shown as of {moment(last.now)}, as the store does not answer: {error}"
            return replace(last, trouble=trouble)
        return last

    return look
