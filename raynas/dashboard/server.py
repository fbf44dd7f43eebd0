"""Serves the dashboard on the loopback interface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raynas.analysis.search_view import SearchView
from raynas.dashboard.app import dashboard
from raynas.dashboard.follower import Follower
from raynas.errors import RaynasError

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

__all__ = ["serve"]


@contextmanager
def serve(
    look: Callable[[], SearchView], host: str = "127.0.0.1", port: int = 0
) -> Iterator[BaseWSGIServer]:
    """A bound server, whose `serve_forever` answers until its `shutdown`.

    Args:
        look: Gives the search as it is now.
        host: Address to bind to, which should be a loopback one.
        port: Port, or 0 for a free one, then found in the server's `port`.

    Raises:
        RaynasError: Dash is not installed, or the port is taken.
    """
    hosts: set[str] = set()
    app = dashboard(Follower(look), hosts)
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request says nothing here

    try:
        server = make_server(host, port, app.server, threaded=True)
    except (OSError, SystemExit) as error:
        raise RaynasError(
            f"port={port} on {host} cannot be used ({error}): give another one, or 0 for any "
            "that is free"
        ) from error
    hosts.update(f"{name}:{server.port}" for name in (host, "localhost"))
    try:
        yield server
    finally:
        server.server_close()
