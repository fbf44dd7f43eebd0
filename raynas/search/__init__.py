"""Stage 1: puts space, controller, task, reward, rules, store and Tune together."""

from raynas.search.definition import Search
from raynas.search.limits import Limits
from raynas.search.result import SearchResult
from raynas.search.run import SearchRun, script_name
from raynas.search.validation import KEPT

__all__ = ["KEPT", "Limits", "Search", "SearchResult", "SearchRun", "script_name"]
