"""What is kept of choices is what would be computed anew, and nothing else is taken for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_samples import long_history, view

from raynas.analysis.choice_matrix import INACTIVE, Coded
from raynas.report import choice_findings as module
from raynas.report.choice_findings import KEPT_AS, ChoiceFindings, choice_findings, keep_findings
from raynas.report.files import write_report
from raynas.report.sections import section


def trials(seed: int = 0) -> Coded:
    """Of choices that interact, some of which are not everywhere."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, (120, 4))
    codes[codes[:, 0] == 2, 3] = INACTIVE
    rewards = codes[:, :3] @ [1.0, 1.2, 1.0] + 3.0 * (codes[:, 0] * codes[:, 1] == 4)
    names = ("first", "second", "third", "fourth")
    rewards += rng.normal(0, 0.05, 120)
    return Coded(names, (("a", "b", "c"),) * 4, codes, rewards, (False,) * 4)


COMPUTED = """
import sys
import numpy as np
from raynas.analysis.choice_matrix import Coded
from raynas.report.choice_findings import choice_findings
codes = np.random.default_rng(0).integers(0, 3, (120, 2))
labels = (("a", "b", "c"),) * 2
found = choice_findings(Coded(("x", "y"), labels, codes, codes.prod(axis=1) * 1.0, (False,) * 2))
assert found.interactions
heavy = {"optuna.importance", "pandas", "ray", "scipy", "sklearn", "torch"} & sys.modules.keys()
assert not heavy, heavy
"""


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, ChoiceFindings]:
    found = choice_findings(trials(), tmp_path)
    keep_findings(found, tmp_path)
    return tmp_path, found


def plain(found: ChoiceFindings) -> str:
    return repr(asdict(found))


def never(data: Coded) -> Any:
    raise AssertionError("computed again")


def test_computing_them_imports_no_large_library() -> None:
    subprocess.run([sys.executable, "-c", COMPUTED], check=True)


def test_what_was_kept_is_read_and_equal(
    kept: tuple[Path, ChoiceFindings], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found = kept
    assert found.interactions
    assert len(found.effects) >= 3
    monkeypatch.setattr(module, "_computed", never)
    again = choice_findings(trials(), folder)
    assert plain(again) == plain(found)
    assert [effect.tried.dtype for effect in again.effects] == [np.int64] * len(found.effects)
    assert (again.ranked, again.top) == (found.ranked, found.top)
    assert choice_findings(trials(), known=again) is again, "what is known is not read again"


OTHER: dict[str, Callable[[Coded], Coded]] = {
    "reward": lambda data: replace(data, rewards=data.rewards + (np.arange(120) == 7) * 1e-9),
    "code": lambda data: replace(data, codes=np.where(data.codes == INACTIVE, 0, data.codes)),
    "label": lambda data: replace(data, labels=(("a", "b", "d"), *data.labels[1:])),
    "name": lambda data: replace(data, paths=("other", *data.paths[1:])),
    "order": lambda data: replace(data, ordered=(True, *data.ordered[1:])),
    "fewer": lambda data: data.only(60),
}


@pytest.mark.parametrize("change", OTHER)
def test_of_other_trials_nothing_is_taken(
    kept: tuple[Path, ChoiceFindings], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[Coded] = []

    def compute(data: Coded) -> ChoiceFindings:
        computed.append(data)
        return ChoiceFindings({})

    monkeypatch.setattr(module, "_computed", compute)
    choice_findings(OTHER[change](trials()), *kept)
    assert len(computed) == 1


def test_another_version_computes_again(
    kept: tuple[Path, ChoiceFindings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "__version__", "0.0.0")
    monkeypatch.setattr(module, "_computed", lambda data: ChoiceFindings({}))
    assert choice_findings(trials(), kept[0]).importances == {}


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "no effects": lambda kept: kept.pop("effects"),
    "no list": lambda kept: kept.update(effects=3),
    "a figure short": lambda kept: kept["effects"][0]["expected"].pop(),
    "another field": lambda kept: kept["effects"][0].update(more=[]),
    "text for a share": lambda kept: kept["importances"]["fANOVA"].update(first="much"),
    "a ragged table": lambda kept: kept["interactions"][0]["expected"][0].pop(),
    "three paths": lambda kept: kept["interactions"][0]["paths"].append("x"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_not_as_it_was_written_is_computed_anew(
    kept: tuple[Path, ChoiceFindings], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = kept[0] / KEPT_AS
    data = json.loads(file.read_text())
    BROKEN[how](data)
    file.write_text(json.dumps(data))
    monkeypatch.setattr(module, "_computed", lambda data: ChoiceFindings({}))
    assert choice_findings(trials(), kept[0]).importances == {}


def test_nothing_is_kept_where_nothing_was_found_or_a_users_file_is(tmp_path: Path) -> None:
    nothing = choice_findings(trials().only(5), tmp_path)
    assert (nothing.importances, nothing.effects, nothing.interactions) == ({}, (), ())
    keep_findings(nothing, tmp_path)
    assert not (tmp_path / KEPT_AS).exists()
    (tmp_path / KEPT_AS).write_text("mine")
    keep_findings(choice_findings(trials(), tmp_path), tmp_path)
    assert (tmp_path / KEPT_AS).read_text() == "mine"


def test_what_a_report_found_is_kept_with_it_and_taken_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = replace(view(long_history()), folder=tmp_path)
    first = section(seen, "choices")
    assert first.findings is not None
    assert first.findings.importances
    write_report(seen, tmp_path, [first])
    monkeypatch.setattr(module, "_computed", never)
    again = section(seen, "choices")
    assert again.findings is not None
    assert plain(again.findings) == plain(first.findings)
    (tmp_path / KEPT_AS).unlink()
    assert section(seen, "choices", first).findings is first.findings
    with pytest.raises(AssertionError, match="computed again"):
        section(seen, "choices")
