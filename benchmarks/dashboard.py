"""How long the dashboard takes to open and to update: `python benchmarks/dashboard.py`.

Writes a journal of 10,000 trials, serves the dashboard over it in this process, opens it in a
headless Chromium, and appends trials one by one as a search would. Prints a table in Markdown:
wall time, and for what happens in this process its CPU time, which says more on a busy machine.
Needs the extra `dev` and Chromium with its driver.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raynas.dashboard.follower import Follower
from raynas.dashboard.server import serve
from raynas.report import SearchView
from raynas.report.figure_style import Drawing
from raynas.rewards import Metric
from raynas.space import Space
from raynas.stopping import FailureShare, NoConvergence, TrialLimit
from raynas.store import Store
from raynas.testing.spaces import ToyNet, toy_reward
from raynas.trials import Completed, Failed, Measurement

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SPACE = Space(ToyNet)
REWARD = Metric("accuracy")
IDENTITY = {"seed": "0", "reward": repr(REWARD)}


def tell_one(store: Store[ToyNet], rng: np.random.Generator) -> None:
    """Ask for a random architecture and tell how it ended."""
    net = SPACE.sample(rng)
    trial = store.ask(net)
    if rng.random() < 0.05:
        store.tell(trial.number, Failed("Traceback\nRuntimeError: out of memory"), sync=False)
        return
    reward = toy_reward(net) + float(rng.normal(0, 0.02))
    metrics = {"accuracy": reward, "parameters": 1000.0 * net.width * len(net.blocks)}
    store.tell(trial.number, Completed(Measurement(metrics, 30.0, 100), reward), sync=False)


def timed(what: str, do: Callable[[], object], rows: list[tuple[str, float, float]]) -> None:
    """Do it, and note its wall and CPU time in seconds."""
    wall, cpu = time.perf_counter(), time.thread_time()
    do()
    rows.append((what, time.perf_counter() - wall, time.thread_time() - cpu))


def seconds_until(chrome: Chrome, script: str) -> float:
    """Wall seconds until `script` gives something true."""
    start = time.perf_counter()
    while not chrome.execute_script(script):
        time.sleep(0.01)
    return time.perf_counter() - start


def browse(address: str, grow: Callable[[], None], trials: int, updates: int) -> dict[str, float]:
    """Open the page and see it update, in seconds."""
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    chrome = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    drawn = "return document.querySelectorAll('.js-plotly-plot .main-svg').length > 0"
    try:
        found: dict[str, float] = {}
        for visit in ("first visit", "second visit"):
            start = time.perf_counter()
            chrome.get(address)
            seconds_until(chrome, drawn)
            found[f"page open, {visit}"] = time.perf_counter() - start
        chrome.execute_script(_OBSERVE)
        for number in range(updates):
            grow()
            ended = f"{trials + number + 1:,}"
            shown = f"return document.querySelector('.tiles').textContent.includes('{ended}')"
            seconds_until(chrome, shown)
        spans = chrome.execute_script("return window.spans")
        if spans:
            found["update, figure drawn anew in the browser (median)"] = (
                statistics.median(spans) / 1e3
            )
        start = time.perf_counter()
        chrome.get(f"{address}/trials")
        seconds_until(chrome, "return document.querySelectorAll('.ag-row').length > 0")
        found["table of all trials open"] = time.perf_counter() - start
        return found
    finally:
        chrome.quit()


_OBSERVE = """
window.spans = [];
const react = window.Plotly.react;
window.Plotly.react = function (...given) {
  const start = performance.now();
  return react.apply(this, given).then(drawn => {
    window.spans.push(performance.now() - start);
    return drawn;
  });
};
"""


def _made(follower: Follower, key: str) -> None:
    """Make a part as for an answer, its figures as JSON."""
    part, _ = follower.part(key)
    for block in part.blocks:
        if isinstance(block, Drawing):
            block.figure.to_json()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--updates", type=int, default=5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    rows: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "journal.log"
        writer = Store(place, "bench", SPACE, IDENTITY)
        for _ in range(arguments.trials):
            tell_one(writer, rng)
        reader: list[Store[ToyNet]] = []
        timed(
            "open the journal",
            lambda: reader.append(Store(place, "bench", SPACE, IDENTITY, read_only=True)),
            rows,
        )
        known = [reader[0].follow(reader[0].load())]
        timed("load the history", lambda: reader[0].load(), rows)

        def look() -> SearchView:
            known[0] = reader[0].follow(known[0])
            rules = (FailureShare(), NoConvergence(), TrialLimit(2 * arguments.trials))
            return SearchView(
                "bench", SPACE, known[0], REWARD, rules, 2 * arguments.trials, now=time.time()
            )

        timed("look, nothing new", look, rows)
        tell_one(writer, rng)
        timed("look, one trial new", look, rows)
        clock = iter(range(0, 10**9, 1000))
        follower = Follower(look, lambda: float(next(clock)))
        follower.part("overview")  # so that what is imported on first use is there
        for key in ("overview", "rules", "best", "tradeoffs", "learning", "choices", "failures"):
            tell_one(writer, rng)
            timed(f"look, and make the part {key!r}", lambda key=key: _made(follower, key), rows)
        print(f"| {arguments.trials:,} trials | wall, s | CPU, s |\n|---|---:|---:|")
        for what, wall, cpu in rows:
            print(f"| {what} | {wall:.3f} | {cpu:.3f} |", flush=True)
        with serve(look) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.port}"
            trials = len(known[0])
            found = browse(address, lambda: tell_one(writer, rng), trials, arguments.updates)
            server.shutdown()
    for what, wall in found.items():
        print(f"| {what} | {wall:.3f} | |")


if __name__ == "__main__":
    main()
