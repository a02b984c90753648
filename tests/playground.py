"""The playground as the tests and benchmarks use it: built from fetched parts, behind a server."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support import ROOT

PARTS = ROOT / "build/parts"
BUILDER = runpy.run_path(str(ROOT / "playground/build.py"))
IS_FETCHED = BUILDER["is_fetched"](PARTS)
REASON = "`make playground` has not fetched its parts"


def build(folder: Path) -> None:
    """Put the playground of this very tree into a folder."""
    BUILDER["build"](PARTS, folder)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve static files, as `python -m http.server` does; give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
