"""The report and the dashboard in a real browser, with what users typed as hostile as it gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from chromium import chromium, until
from report_samples import HOSTILE, completed, long_history, view

from raynas.dashboard.server import serve
from raynas.report import page
from raynas.trials import History, Trial

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CSS = "css selector"
KEPT = "return Object.entries(localStorage).map(String).join()"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with chromium() as browser:
        yield browser


def complaints(chrome: Chrome) -> list[str]:
    """What the page wrote to the browser's log as an error."""
    return [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]


def one(chrome: Chrome, selector: str) -> Any:
    return until(chrome, lambda c: c.find_element(CSS, selector))


def text_of(chrome: Chrome, selector: str = "body") -> str:
    return str(chrome.find_element(CSS, selector).text)


def untouched(chrome: Chrome) -> bool:
    """Whether nothing that a user typed became an element or ran."""
    images = chrome.find_elements(CSS, "img[src='x']")
    return not images and chrome.title != "broken"


def test_the_report_draws_its_figures_and_runs_nothing_of_a_users(
    chrome: Chrome, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(view(long_history())))
    chrome.get(file.as_uri())
    for figure in chrome.find_elements(CSS, ".figure"):
        chrome.execute_script("arguments[0].scrollIntoView()", figure)
        until(chrome, lambda _, shown=figure: shown.find_elements(CSS, ".main-svg"))
    assert HOSTILE in text_of(chrome)
    chrome.find_element(CSS, "#failures summary").click()
    assert HOSTILE in text_of(chrome, "#failures pre")
    assert untouched(chrome)
    assert complaints(chrome) == []


def test_the_report_turns_dark_and_light(chrome: Chrome, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(view(long_history())))
    chrome.get(file.as_uri())
    script = "return getComputedStyle(document.body).backgroundColor"
    before = chrome.execute_script(script)
    one(chrome, "#theme").click()
    assert chrome.execute_script(script) != before
    one(chrome, "#theme").click()
    assert chrome.execute_script(script) == before


class Growing:
    """A search that grows when it is told to."""

    def __init__(self, history: History) -> None:
        self.history = history

    def look(self) -> Any:
        return view(self.history)

    def grow(self) -> None:
        number = len(self.history)
        trial = Trial(number, self.history[0].architecture, completed(5.0), 200.0, 201.0)
        self.history = self.history.asked(trial)


@pytest.fixture(scope="module")
def search() -> Growing:
    return Growing(long_history())


@pytest.fixture(scope="module")
def address(search: Growing) -> Iterator[str]:
    with serve(search.look) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()


FITS = """
const right = document.documentElement.clientWidth;
return document.documentElement.scrollWidth <= right && [...document.querySelectorAll(
  '.js-plotly-plot, h1, button')].every(part => part.getBoundingClientRect().right <= right)
"""


def test_the_report_and_the_dashboard_fit_a_phone(tmp_path: Path, address: str) -> None:
    """Also a name without spaces; the column of choices leaves room for their figures."""
    file = tmp_path / "report.html"
    file.write_text(page(view(long_history())))
    with chromium(width=390, dark=True) as phone:
        for where in (file.as_uri(), address, f"{address}/choices"):
            phone.get(where)
            one(phone, ".js-plotly-plot .main-svg")
            assert phone.execute_script("return document.documentElement.clientWidth") == 390
            assert phone.execute_script(FITS), where
        choice = one(phone, "td code")
        assert choice.text == "width"
        assert choice.size["width"] < 100


def test_the_live_page_shows_new_trials_by_itself(
    chrome: Chrome, address: str, search: Growing
) -> None:
    chrome.get(address)
    one(chrome, ".js-plotly-plot .main-svg")
    assert HOSTILE in text_of(chrome, "h1")
    before = len(search.history)
    assert f"{before} of 100" in text_of(chrome, ".tiles")
    search.grow()
    until(chrome, lambda c: f"{before + 1} of 100" in text_of(c, ".tiles"))
    assert "5" in text_of(chrome, ".tile b")
    assert untouched(chrome)
    assert complaints(chrome) == []


def test_trials_are_sorted_by_clicks_and_opened_by_one(
    chrome: Chrome, address: str, search: Growing
) -> None:
    chrome.get(address)
    until(chrome, lambda c: c.find_elements(CSS, "nav a"))[1].click()
    first = "[row-index='0'] [col-id='objective0']"
    best = f"{max(search.history.rewards):.5g}"
    until(chrome, lambda c: text_of(c, first) == best)
    assert HOSTILE[:20] in text_of(chrome, ".ag-root")
    assert untouched(chrome)
    search.grow()
    rows = f"of {len(search.history)}"
    until(chrome, lambda c: rows in text_of(c, ".ag-paging-panel"))
    seconds = "[row-index='0'] [col-id='seconds']"
    for sort in ("ascending", "descending"):  # trials that failed have none, and come last
        one(chrome, ".ag-header-cell[col-id='seconds']").click()
        one(chrome, f".ag-header-cell[col-id='seconds'][aria-sort='{sort}']")
        until(chrome, lambda c: text_of(c, seconds) != "")
    head = one(chrome, ".ag-header-cell[col-id='number']")
    head.click()
    until(chrome, lambda c: text_of(c, "[row-index='0'] [col-id='number']") == "0")
    until(chrome, lambda c: "columnState" in c.execute_script(KEPT))
    chrome.refresh()
    until(chrome, lambda c: text_of(c, "[row-index='0'] [col-id='number']") == "0")
    one(chrome, "[row-index='3'] [col-id='outcome']").click()
    until(chrome, lambda c: text_of(c, "h2") == "Trial 3")
    assert chrome.current_url == f"{address}/trial/3"
    assert f"RuntimeError: {HOSTILE} 3" in text_of(chrome, "pre")
    assert untouched(chrome)
    assert complaints(chrome) == []


def test_every_page_of_the_dashboard_opens(chrome: Chrome, address: str) -> None:
    chrome.get(address)
    links = until(chrome, lambda c: c.find_elements(CSS, "nav a"))
    titles = [link.text for link in links]
    assert len(titles) == 11
    for link, title in zip(links, titles, strict=True):
        link.click()
        shown = "The search" if title == titles[0] else title
        until(chrome, lambda c, wanted=shown: text_of(c, "h2") == wanted)
        assert untouched(chrome)
    chrome.get(f"{address}/trial/0")
    one(chrome, ".js-plotly-plot .main-svg")
    chrome.get(f"{address}/trial/999")
    until(chrome, lambda c: "There is no such trial yet" in text_of(c))
    assert complaints(chrome) == []


def test_another_host_name_is_refused(address: str) -> None:
    with urlopen(address) as answer:  # noqa: S310 - our own server
        assert answer.status == 200
        assert answer.headers["X-Frame-Options"] == "DENY"
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(address, headers={"Host": "evil.example"}))  # noqa: S310
