"""A journal whose lines prove themselves: what is refused, and what a repair gives back."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from raynas.asktell import AskTell
from raynas.cli import main
from raynas.errors import DamagedStoreError, StoreError
from raynas.rewards import Metric
from raynas.space import choice, integer, searchable
from raynas.store.journal_rebuild import Rebuilt, write_journal
from raynas.store.journal_state import CREATE_STUDY, STUDY_ATTR
from raynas.store.repair import repair_journal
from raynas.testing import ToyNet
from raynas.trials import Failed, Stopped

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
OLD = Path(__file__).parent / "made_by_0_1_0"


def search_at(store: Any, **options: Any) -> AskTell[Any]:
    return AskTell(ToyNet, "random", **{"seed": 0, "store": store, **options})


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Eight trials, all but the last with a reward."""
    path = tmp_path / "journal.log"
    with search_at(path) as search:
        for number in range(8):
            search.ask()
            if number < 7:
                search.tell(number, float(number))
    return path


def known(path: Path, **options: Any) -> list[tuple[Any, Any]]:
    with search_at(path, **options) as search:
        return [(trial.architecture, trial.reward) for trial in search.history]


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def line_of(path: Path, number: int, words: bytes) -> int:
    """The place of the first line about trial `number` that has `words` in it."""
    about = b'"number":%d,' % number
    return next(i for i, line in enumerate(lines_of(path)) if about in line and words in line)


def changed(path: Path, change: Callable[[list[bytes]], Any]) -> None:
    lines = lines_of(path)
    change(lines)
    path.write_bytes(b"".join(lines))


def blank(line: bytes) -> bytes:
    """A line of which several bytes changed."""
    return line[:40] + bytes(60) + line[100:]


def test_damaged_journals_never_put_a_reward_on_another_architecture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chaos_mutations  # type: ignore[import-not-found] # of benchmarks/

    counts = chaos_mutations.prove(64, seed=1)
    sys.modules.pop("chaos_mutations")
    assert counts["refused"] > 40
    right = {"refused", "loaded", "beyond repair"}
    assert {what: n for what, n in counts.items() if n and what not in right} == {}


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines, at: lines.__setitem__(at, blank(lines[at])), r"line {n} .*is damaged"),
        (lambda lines, at: lines.pop(at), r"line {n} .*\(trial 3\) does not follow the line bef"),
        (lambda lines, at: lines.insert(at, lines[at]), r"line {m} .*\(trial 3\) does not follow"),
        (lambda lines, at: lines.append(lines.pop(at)), r"line {n} .*does not follow the line"),
    ],
    ids=["changed", "gone", "doubled", "moved"],
)
def test_damage_is_located_and_nothing_changes(
    journal: Path, read_only: bool, change: Any, message: str
) -> None:
    place = line_of(journal, 3, b'"params"')
    changed(journal, lambda lines: change(lines, place))
    before = journal.read_bytes()
    message = message.format(n=place + 1, m=place + 2)
    with pytest.raises(DamagedStoreError, match=message) as refused:
        search_at(journal, read_only=read_only)
    assert f"Run `raynas repair {journal}`" in str(refused.value)
    assert refused.value.line in (place + 1, place + 2)
    assert journal.read_bytes() == before


def test_one_changed_bit_is_turned_back(journal: Path) -> None:
    whole = known(journal, read_only=True)
    for place in range(len(lines_of(journal))):
        raw = bytearray(journal.read_bytes())
        raw[sum(map(len, lines_of(journal)[:place])) + 25] ^= 4
        damaged = journal.with_name(f"damaged-{place}.log")
        damaged.write_bytes(raw)
        done = repair_journal(damaged)
        assert "had one changed bit, which is turned back" in done.damage[0]
        assert known(damaged) == whole
        assert done.aside is not None
        assert done.aside.read_bytes() == raw


@pytest.mark.parametrize("length", [1, 7, 300])
def test_no_whole_result_is_lost_next_to_a_block_of_zeros(tmp_path: Path, length: int) -> None:
    """Wherever the block begins: in a line, at its end, or over the ends of several.

    Each choice occurs in several trials: one that no other line declares is lost with its own.
    """
    path = tmp_path / "journal.log"
    with search_at(path) as search:
        one, other = search.ask().architecture, search.ask().architecture
        for number in range(8):
            if number > 1:
                search.propose((one, other)[number % 2])
            search.tell(number, float(number))
    raw, truth = path.read_bytes(), known(path)
    results = [line for line in raw.splitlines() if b'"user_attr":{"outcome"' in line]
    ends = [place for place, byte in enumerate(raw) if byte == ord("\n")]
    first = raw.index(b'{"op_code":4')  # before it stands what the search is
    places = {*ends, *(end + 1 for end in ends[:-1]), *range(first, len(raw), 97)}
    for place in sorted(place for place in places if place >= first):
        damaged = raw[:place] + bytes(len(raw[place : place + length])) + raw[place + length :]
        path.write_bytes(damaged)
        repair_journal(path)
        after = known(path)
        kept = sum(reward is not None for _, reward in after)
        assert kept >= sum(result in damaged for result in results), place
        for number, (architecture, reward) in enumerate(after):
            assert reward is None or (architecture, reward) == truth[number]


def test_a_trial_survives_the_loss_of_its_proposal(journal: Path) -> None:
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'"params"')))
    done = repair_journal(journal)
    assert (done.trials, done.ended) == (8, 7)
    assert done.damage == ["lines are missing or unreadable in 1 place"]
    assert known(journal) == whole
    study = optuna.load_study(
        study_name="search", storage=JournalStorage(JournalFileBackend(str(journal)))
    )
    assert [trial.value for trial in study.trials] == [*map(float, range(7)), None]


def test_a_trial_without_its_outcome_runs_again(journal: Path) -> None:
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'{"outcome"')))
    done = repair_journal(journal)
    assert done.lost == ["results of 2 trials, if they had any: they run again"]
    with search_at(journal) as search:
        assert [trial.number for trial in search.history.running] == [3, 7]
        assert search.ask().number == 3
        assert search.history[3].architecture == whole[3][0]


def test_a_trial_that_is_lost_altogether_leaves_the_others_their_numbers(journal: Path) -> None:
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'"params"')))
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'{"outcome"')))
    done = repair_journal(journal)
    assert done.lost[0] == "trial 3: it stands as stopped, with the architecture of trial 2"
    after = known(journal)
    assert [after[n] for n in range(8) if n != 3] == [whole[n] for n in range(8) if n != 3]
    with search_at(journal) as search:
        assert search.history[3].outcome == Stopped("raynas repair: its record is lost")


def test_lines_of_other_journals_are_left_out(journal: Path, tmp_path: Path) -> None:
    whole = known(journal, read_only=True)
    with search_at(tmp_path / "other.log", seed=1) as other:
        other.ask()
    changed(journal, lambda lines: lines.insert(5, lines_of(tmp_path / "other.log")[2]))
    assert "1 line of another journal left out" in repair_journal(journal).damage
    assert known(journal) == whole


def test_several_searches_of_one_journal_are_rebuilt(journal: Path) -> None:
    with search_at(journal, name="second", seed=2) as second:
        second.tell(second.ask().number, 9.0)
        of_second = second.history
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'"params"')))
    repair_journal(journal)
    assert known(journal) == whole
    with search_at(journal, name="second", seed=2) as second:
        assert second.history.rewards == (9.0,)
        assert second.history[0].architecture == of_second[0].architecture


@pytest.mark.parametrize("place", [0, 1])
def test_what_a_search_is_survives_the_loss_of_a_line(journal: Path, place: int) -> None:
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.pop(place))
    repair_journal(journal)
    assert known(journal) == whole


def test_a_whole_journal_is_left_as_it_is(journal: Path) -> None:
    before = journal.read_bytes()
    done = repair_journal(journal)
    assert (done.damage, done.aside) == ([], None)
    assert journal.read_bytes() == before
    assert not list(journal.parent.glob("*damaged*"))


def test_a_repaired_journal_goes_on(journal: Path) -> None:
    changed(journal, lambda lines: lines.pop(4))
    repair_journal(journal)
    with search_at(journal) as search:
        assert search.ask().number == 7
        assert search.ask().number == 8
    assert len(known(journal)) == 9


def test_what_cannot_be_repaired_is_said(journal: Path, tmp_path: Path) -> None:
    with (
        search_at(journal),
        pytest.raises(StoreError, match=r"is in use by this very process: wait"),
    ):
        repair_journal(journal)
    with pytest.raises(StoreError, match=r"FILE=.*none: there is no such journal; give"):
        repair_journal(tmp_path / "none")
    changed(journal, lambda lines: lines.__setitem__(slice(2, None), [b'{"op_code":4}\n']))
    before = journal.read_bytes()
    with pytest.raises(StoreError, match=r"no trial in .* can be proved: it was left as it is"):
        repair_journal(journal)
    assert journal.read_bytes() == before


@pytest.mark.parametrize("links", [True, False])
def test_a_repair_on_a_full_disk_changes_nothing_and_says_so(
    journal: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    lines = lines_of(journal)
    journal.write_bytes(b"".join(lines[:5] + lines[6:]))
    before = sorted(journal.parent.iterdir()), journal.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if links:
        monkeypatch.setattr("os.fsync", full)
    else:
        monkeypatch.setattr("os.link", full)
        monkeypatch.setattr("shutil.copy2", full)
    with pytest.raises(StoreError, match=r"cannot repair .*No space left.* was left as it is; fix"):
        repair_journal(journal)
    assert (sorted(journal.parent.iterdir()), journal.read_bytes()) == before


def test_a_whole_last_line_without_its_line_end_is_no_unfinished_one(journal: Path) -> None:
    whole = known(journal, read_only=True)
    changed(journal, lambda lines: lines.append(lines.pop()[:-1] + b"\x0b"))
    with pytest.raises(DamagedStoreError, match=r"line \d+ of .* \(trial 7\) is damaged"):
        search_at(journal)
    repair_journal(journal)
    assert known(journal) == whole


def test_another_program_may_add_notes_but_no_results(journal: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name="search", storage=storage)
    study.set_user_attr("note", "a good one")
    storage.set_trial_system_attr(study.trials[7]._trial_id, "note", "as well")
    optuna.create_study(study_name="other", storage=storage).optimize(
        lambda trial: trial.suggest_float("x", 0, 1), n_trials=2
    )
    assert len(known(journal)) == 8
    storage.set_trial_state_values(
        study.trials[7]._trial_id, optuna.trial.TrialState.COMPLETE, [1.0]
    )
    with pytest.raises(DamagedStoreError, match="changes the search, but was not written by rayn"):
        search_at(journal, read_only=True)
    repair_journal(journal)
    with search_at(journal) as search:
        assert [trial.number for trial in search.history.running] == [7]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A journal that raynas 0.1.0 wrote, without checksums."""
    path = tmp_path / "journal.log"
    path.write_bytes((OLD / "journal.log").read_bytes())
    return path


def old_search(path: Any) -> AskTell[Any]:
    return search_at(path, seed=5, reward=Metric("accuracy"))


def test_a_journal_of_an_older_version_goes_on_and_is_checked_from_then_on(old: Path) -> None:
    before = old.read_bytes()
    with old_search(old) as search:
        rewards = search.history.rewards
        assert (len(search.history), search.waiting) == (14, 2)
        search.tell(search.ask().number, 0.75)
    assert old.read_bytes().startswith(before)
    with old_search(old) as search:
        assert sorted(search.history.rewards) == sorted((*rewards, 0.75))
        assert search.waiting == 1
    assert repair_journal(old).aside is None
    changed(old, lambda lines: lines.pop(7))
    with pytest.raises(
        DamagedStoreError, match=r"is about a trial|does not follow the line before"
    ):
        old_search(old)
    with pytest.raises(StoreError, match=r"one of the lines 1 to \d+ .*, which carry no checksums"):
        repair_journal(old)


def test_lines_without_checksums_are_kept_up_to_the_damage(old: Path) -> None:
    with old_search(old) as search:
        whole = search.history
        before = len(lines_of(old))
    changed(old, lambda lines: lines.__setitem__(20, lines[20][:30] + b"\n"))
    with pytest.raises(DamagedStoreError, match=r"line 21 of .* is damaged"):
        old_search(old)
    done = repair_journal(old)
    assert done.damage == ["line 21 is damaged"]
    assert done.lost[0] == f"{before - 21} lines after it, which no checksum proves to be ours"
    with old_search(old) as search:
        assert 0 < len(search.history) < 14
        for trial in search.history.completed:
            assert whole[trial.number].architecture == trial.architecture
            assert whole[trial.number].reward == trial.reward


def test_the_command_says_what_it_did(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["raynas", "repair", str(journal.parent)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"{journal} is whole: nothing was changed"
    changed(journal, lambda lines: lines.pop(line_of(journal, 3, b'{"outcome"')))
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    assert "damage: lines are missing or unreadable in 1 place" in said
    assert "lost: results of 2 trials, if they had any: they run again" in said
    assert "has 8 trials again, 6 with an outcome; the damaged file is" in said
    monkeypatch.setattr(sys, "argv", ["raynas", "repair", str(journal.parent / "none")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "there is no such journal" in capsys.readouterr().err


MUTATIONS: dict[str, Callable[[list[bytes], int], Any]] = {
    "deleted": lambda lines, at: lines.pop(at),
    "doubled": lambda lines, at: lines.insert(at, lines[at]),
    "swapped": lambda lines, at: lines.insert(max(0, at - 1), lines.pop(at)),
    "changed": lambda lines, at: lines.__setitem__(at, blank(lines[at])),
    "one bit": lambda lines, at: lines.__setitem__(at, one_bit(lines[at])),
}


def one_bit(line: bytes) -> bytes:
    place = len(line) // 2
    return line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_trials_that_ran_again_keep_their_rewards_in_damaged_journals(
    mutation: str, tmp_path: Path
) -> None:
    """Every line in turn: what loads, and what is repaired, has each reward where it was."""
    path = tmp_path / "journal.log"
    with search_at(path) as search:
        for number in range(6):
            search.ask()
            search.tell(number, Failed("mistake") if number in (1, 4) else float(number))
    with search_at(path, again=True) as search:
        for number in (1, 4):
            assert search.ask().number == number
            search.tell(number, 10.0 + number)
    whole = path.read_bytes()
    right = {(architecture, reward) for architecture, reward in known(path, read_only=True)}
    assert {reward for _, reward in right} == {0.0, 11.0, 2.0, 3.0, 14.0, 5.0}
    right |= {(architecture, None) for architecture, _ in right}
    for place in range(len(whole.splitlines())):
        path.write_bytes(whole)
        changed(path, lambda lines, place=place: MUTATIONS[mutation](lines, place))  # type: ignore[misc]
        try:
            assert set(known(path, read_only=True)) <= right
        except DamagedStoreError:
            with suppress(StoreError):  # Beyond repair, and said.
                repair_journal(path)
                assert set(known(path, read_only=True)) <= right


@searchable
class Left:
    n: int = integer(1, 4)


@searchable
class Right:
    n: int = integer(1, 4)


@searchable
class Either:
    """Two forms that share no choice."""

    part: Left | Right = choice(Left, Right)


def of_two_forms(path: Path) -> None:
    """A search whose last trial alone takes a choice of its form."""
    with AskTell(Either, "random", store=path) as search:
        parts: tuple[Left | Right, ...] = (Left(1), Left(2), Right(2))
        for number, part in enumerate(parts):
            search.propose(Either(part))
            search.tell(number, float(number))


def as_before(path: Path) -> None:
    """Take out of a journal what earlier versions did not write."""
    entries = [json.loads(line) for line in lines_of(path)]
    for entry in entries:
        if entry["op_code"] in (CREATE_STUDY, STUDY_ATTR):
            del entry["distributions"]
    path.unlink()
    write_journal(path, Rebuilt(entries))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_result_outlives_every_line_that_declares_its_choices(
    tmp_path: Path, number: int
) -> None:
    path = tmp_path / "journal.log"
    of_two_forms(path)
    places = [line_of(path, n, b'"distributions"') for n in range(number, 3)]
    changed(path, lambda lines: [lines.__setitem__(at, blank(lines[at])) for at in places])
    repair = repair_journal(path)
    assert (repair.trials, repair.ended, repair.lost) == (3, 3, [])
    with AskTell(Either, "random", store=path) as search:
        found = [(trial.architecture.part, trial.reward) for trial in search.history]
    assert found == [(Left(1), 0.0), (Left(2), 1.0), (Right(2), 2.0)]


def test_the_choices_are_declared_in_two_lines_of_a_study(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    of_two_forms(path)
    for place in (0, line_of(path, 2, b'"distributions"')):
        changed(path, lambda lines, at=place: lines.__setitem__(at, blank(lines[at])))  # type: ignore[misc]
    assert repair_journal(path).ended == 3


@pytest.mark.parametrize(
    ("number", "lost"),
    [
        (1, "trial 1, whose result is there, but of no line that declares part.Left.n: it stands"),
        (2, "trial 2, whose result is there, but of no line that declares part.Right.n: it is ask"),
    ],
)
def test_in_an_older_journal_a_result_that_nothing_declares_is_named(
    tmp_path: Path, number: int, lost: str
) -> None:
    path = tmp_path / "journal.log"
    with AskTell(Either, "random", store=path) as search:
        for n in range(3):
            search.propose(Either(Left(1) if (n == number) == (number == 1) else Right(2)))
            search.tell(n, float(n))
    as_before(path)
    place = line_of(path, number, b'"distributions"')
    changed(path, lambda lines: lines.__setitem__(place, blank(lines[place])))
    repair = repair_journal(path)
    assert repair.ended == (3 if number == 1 else 2)
    assert any(sentence.startswith(lost) for sentence in repair.lost), repair.lost
