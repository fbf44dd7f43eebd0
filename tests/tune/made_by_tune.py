"""Configs of trials, made of a searcher's suggestions as Tune makes them, without Ray."""

from __future__ import annotations

import copy
from typing import Any

from ray.tune.impl.placeholder import (
    create_resolvers_map,
    inject_placeholders,
    resolve_placeholders,
)
from ray.tune.utils import flatten_dict, merge_dicts


def proposed(searcher: Any, param_space: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The configs of `count` trials, or of fewer where the space has fewer."""
    resolvers = create_resolvers_map()
    config = inject_placeholders(copy.deepcopy(param_space), resolvers)
    assert searcher.set_search_properties("loss", "min", config)
    configs = []
    for number in range(count):
        suggestion = searcher.suggest(str(number))
        if suggestion == "FINISHED":
            break
        merged = merge_dicts(config, copy.deepcopy(suggestion))
        resolve_placeholders(merged, resolvers)
        result = {"loss": 1.0, "training_iteration": 1, "config": merged}
        searcher.on_trial_complete(str(number), flatten_dict(result))
        configs.append(merged)
    return configs
