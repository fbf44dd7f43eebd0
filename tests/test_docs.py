"""The pages of the documentation: their code runs, prints what they show, and their links hold."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import raynas

PROJECT = Path(__file__).parent.parent
DOCS = PROJECT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if not {"_build", "generated"} & {*page.parts})
ROOT_PAGES = [
    PROJECT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")
]

# Python that runs, whether listed or in a cell of a notebook, and right after it what it prints
BLOCK = re.compile(
    r"^```(?:python|\{code-cell\} python)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?",
    re.M | re.S,
)
FENCE = re.compile(r"^( *)(```+|:::+).*?^\1\2$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A block of code, the line before it, and what the page says that it prints."""

    code: str
    line: int
    shown: str | None


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(found["code"], text[: found.start("code")].count("\n"), found["shown"])
        for found in BLOCK.finditer(text)
    ]


def on_ray(page: Path) -> bool:
    """Whether code of the page starts Ray."""
    code = "".join(block.code for block in blocks(page))
    return bool(re.search(r"\.run\(\)|\.fit\(\)$|^import ray$|\.fit\(\)\.|ray\.init", code, re.M))


WITH_CODE = [page for page in PAGES if blocks(page)]
ON_RAY = [page for page in WITH_CODE if on_ray(page)]


def named(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


@pytest.mark.parametrize("page", sorted({*WITH_CODE} - {*ON_RAY}), ids=named)
def test_the_python_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its blocks, one after another in one module; what a block prints is what it shows."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"page_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(page):
        code = compile("\n" * block.line + block.code, page, "exec")
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(code, vars(module))  # noqa: S102 - the page is ours
        if block.shown is not None:
            assert printed.getvalue() == block.shown, f"{page}:{block.line}"


# As in a notebook, everything is defined in the main module. One session of Ray serves all pages.
# Workers import torch and Lightning for seconds: those of one page do, and `scripts/docs` runs all.
WITH_WORKERS = "tutorials/first-search"
NOTEBOOK = """
import json, os, sys, traceback
from raynas.garbage import freeze_imported, importing
with importing():
    __import__("pytorch_lightning")  # no page gets its name
    import ray
    import raynas.tune.run as run
    import trials_here
    from raynas.tune.ray_session import start as start_ray
freeze_imported()
on_ray = run.run_trials
start_ray(num_cpus=2, include_dashboard=False)
main, start = vars(sys.modules["__main__"]), set()
start.update(main)
pages = json.loads(sys.argv[1])
for name, cells in pages.items():
    os.makedirs(name, exist_ok=True)
    os.chdir(name)
    run.run_trials = on_ray if name.endswith(sys.argv[2]) else trials_here.run_trials
    for line, cell in cells:
        try:
            exec(compile("\\n" * line + cell, name, "exec"), main)
        except BaseException:
            traceback.print_exc()
            sys.exit(f"{name}: the block after line {line} failed")
    for added in set(main) - start - {"start"}:
        del main[added]
    import json, os, sys, traceback
ray.shutdown()
"""


# `scripts/docs` runs all trials, and to their end.
SHORTER = (
    (r"Limits\(trials=\d+(, parallel=\d+)?", "Limits(trials=2, parallel=1"),
    (r"num_samples=\d+", "num_samples=2"),
    (r"max_concurrent_trials=\d+", "max_concurrent_trials=1"),
    (r"max_steps=(\d{3}|[6-9]\d)\b", "max_steps=20"),
)


def shortened(code: str) -> str:
    for pattern, shorter in SHORTER:
        code = re.sub(pattern, shorter, code)
    return code


def test_the_python_of_the_pages_on_ray_runs(tmp_path: Path) -> None:
    """With two short trials a search, one at a time."""
    cells = {
        str(tmp_path / named(page)): [(block.line, shortened(block.code)) for block in blocks(page)]
        for page in ON_RAY
    }
    assert len(cells) >= 7
    assert str(tmp_path / WITH_WORKERS) in cells
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, json.dumps(cells), WITH_WORKERS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        # HOME is where Ray Tune puts results
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT / "tests")},
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_page_of_python_shows_code_early() -> None:
    """A guide begins with the shortest thing that works."""
    for page in (*DOCS.glob("how-to/*.md"), *DOCS.glob("tutorials/*.md")):
        if page.stem != "index":
            before, _, _ = page.read_text().split("---\n")[-1].partition("```")
            assert before.count("\n") < 40, page


def anchors(page: Path) -> set[str]:
    """The names of its headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [*PAGES, *ROOT_PAGES], ids=lambda page: page.relative_to(PROJECT).as_posix()
)
def test_every_link_inside_the_project_holds(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page}: {target}"


def test_every_page_that_the_project_names_is_there() -> None:
    """In code, tests, cluster files and pages."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git repository")
    for name in listed.stdout.split("\n"):
        file = PROJECT / name
        if file.suffix in {".py", ".md", ".yaml", ".yml", ".json", ".toml"} and file.is_file():
            for page in re.findall(r"\bdocs/[\w/-]+\.\w+", file.read_text()):
                assert (PROJECT / page).exists(), f"{name} names {page}"


def test_every_public_name_is_in_the_api_reference() -> None:
    listed = set(
        re.findall(r"^ +(raynas\.\w+)$", (DOCS / "reference" / "api.md").read_text(), re.M)
    )
    names = {f"raynas.{name}" for name in raynas.__all__}
    assert names <= listed, names - listed


def test_every_page_is_in_a_table_of_contents() -> None:
    listed: set[Path] = {DOCS / "index.md"}
    for page in PAGES:
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), re.M | re.S):
            names = (line for line in tree.split("\n") if line and not line.startswith(":"))
            listed |= {page.parent / f"{name}.md" for name in names}
    assert {*PAGES} <= listed, {*PAGES} - listed
