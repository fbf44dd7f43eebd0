"""Which of Tune's trials in flight has which number in the search."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raynas.asktell import AskTell
from raynas.tune.flat_config import config_of
from raynas.tune.trial_configs import Configs

__all__ = ["TrialNumbers"]


class TrialNumbers(dict[str, int]):
    """Numbers of the trials in flight, by Tune's names of them."""

    def find(
        self,
        trial_id: str,
        result: Mapping[str, Any] | None,
        search: Callable[[], AskTell[Any]],
        configs: Configs,
    ) -> int | None:
        """The number of one of Tune's trials; None of one that is not in flight.

        ``Tuner.restore(restart_errored=True)`` runs failed trials again under new ids: such a one
        is known by its config, and takes the place of the failed one.

        Args:
            trial_id: Tune's name of the trial.
            result: Last result of the trial, which has its config; None after an error.
            search: Gives the search, which may have to be opened.
            configs: The configs of the search.
        """
        if trial_id not in self and result is not None:
            number = configs.failed_with(config_of(result), search().history)
            if number is not None:
                search().reopen(number)
                self[trial_id] = number
        return self.get(trial_id)

    def write(self, path: str) -> None:
        """Write the numbers to a file."""
        Path(path).write_text(json.dumps(self))

    @classmethod
    def read(cls, path: str) -> TrialNumbers:
        """What `write` wrote."""
        return cls(json.loads(Path(path).read_text()))
