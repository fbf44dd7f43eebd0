"""`raynas dashboard`: a search as a live web page on this machine."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from raynas.cli.following import followed
from raynas.cli.search_file import Looked, ResultsFolder, SearchName
from raynas.cli.terminal import say

__all__ = ["dashboard"]

_LOOPBACK = "127.0.0.1"


def dashboard(
    file: Looked,
    port: Annotated[
        int, typer.Option(help="Serve the page at this port of this machine; 0 takes a free one.")
    ] = 8642,
    browser: Annotated[
        bool, typer.Option("--browser", help="Open the page in the browser.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Show a search as a live web page, while it runs or afterwards. Ctrl-C ends the page.

    The page can be reached from this machine only. From another one, forward the port:
    ssh -L 8642:127.0.0.1:8642 MACHINE. Needs the extra `dashboard`.
    """
    from raynas.dashboard.server import serve

    with (
        followed(file, name, folder, whole=True) as (shown, look),
        serve(look, _LOOPBACK, port) as server,
    ):
        address = f"http://{_LOOPBACK}:{server.port}/"
        say(f"{shown}: {address} (Ctrl-C ends it)")
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
