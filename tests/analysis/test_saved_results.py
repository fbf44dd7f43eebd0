"""Findings kept in the search's folder."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from raynas.analysis.saved_results import RECORD, load, replace_file, replace_text, save
from raynas.analysis.tables import as_csv
from raynas.errors import RaynasError


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "search" / "plan.json"
    save({"trials": 3}, path)
    save({"trials": 4}, path)
    assert load(path) == {"trials": 4}
    visible = [file.name for file in path.parent.iterdir() if not file.name.startswith(".")]
    assert visible == ["plan.json"]


def test_a_file_of_somebody_elses_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("precious")
    with pytest.raises(RaynasError, match=r"plan\.json was not written by raynas and was left as"):
        save({}, path)
    assert path.read_text() == "precious"
    path.rename(tmp_path / "plan.json.unfinished")
    save({}, path)
    assert (tmp_path / "plan.json.unfinished").read_text() == "precious"


@pytest.mark.parametrize("kind", ["text", "names", "link", "dangling", "folder"])
def test_a_record_of_others_is_left_alone_and_nothing_written(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "search"
    folder.mkdir()
    record, other = folder / RECORD, tmp_path / "other"
    if kind == "folder":
        record.mkdir()
    elif kind in ("text", "names"):
        record.write_text("precious\n" if kind == "text" else "plan.json\n")
    else:
        record.symlink_to(other)
    if kind == "link":
        other.write_text("")
    before = record.lstat()
    with pytest.raises(RaynasError, match=rf"{RECORD} was not written by raynas and was left"):
        save({}, folder / "plan.json")
    assert [path.name for path in folder.iterdir()] == [RECORD]
    assert (before.st_ino, before.st_mtime_ns) == (
        record.lstat().st_ino,
        record.lstat().st_mtime_ns,
    )
    assert not other.exists() or other.read_text() == ""


def test_a_write_that_fails_keeps_the_file_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    replace_text(path, "whole")

    def torn(draft: Path) -> None:
        draft.write_text("ha")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, torn)
    assert path.read_text() == "whole"
    assert {file.name for file in tmp_path.iterdir()} == {"page.html", ".made-by-raynas"}


@pytest.mark.parametrize("text", [None, "", "{", "[1]"])
def test_what_is_not_there_or_torn_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_text(text)
    assert load(path) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "search").write_text("a file")
    with pytest.raises(RaynasError, match=r"cannot write .*plan\.json: .*; fix this"):
        save({}, tmp_path / "search" / "plan.json")


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "a\r=1", "plain", "a=1"]
    frame = pd.DataFrame({"=cmd": texts, "number": [-1.5] * len(texts), "none": None})
    read = pd.read_csv(io.StringIO(as_csv(frame), newline=""), keep_default_na=False)
    assert list(read.columns) == ["'=cmd", "number", "none"]
    assert list(read["'=cmd"]) == [
        *(f"'{text}".replace("\r", "\n") for text in texts[:-3]),
        "a\n=1",
        *texts[-2:],
    ]
    assert list(read["number"]) == [-1.5] * len(texts)


def test_a_record_of_names_alone_is_taken_over(tmp_path: Path) -> None:
    record, report = tmp_path / RECORD, tmp_path / "report.html"
    record.write_text("report.html\ntrials.csv\n")
    report.write_text("old")
    replace_text(report, "new")
    assert report.read_text() == "new"
    assert record.read_text() == "raynas wrote report.html\nraynas wrote trials.csv\n"
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RaynasError, match=r"notes\.txt was not written by raynas"):
        replace_text(tmp_path / "notes.txt", "new")


@pytest.mark.parametrize("text", ["mine\n", "../report.html\nreport.html\n", "see report.html\n"])
def test_a_file_of_a_users_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(RaynasError, match=r"\.made-by-raynas was not written by raynas"):
        replace_text(tmp_path / "report.html", "new")
    assert (tmp_path / RECORD).read_text() == text
