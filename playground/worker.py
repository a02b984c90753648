"""The language server in the page's web worker: a folder in memory, and one client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from netspec.server.folder import Folder
from netspec.server.lsp import Session
from netspec.server.requests import requests


def start(root: str, texts: Mapping[str, str], send: Callable[[str], None]) -> Session:
    """Return the session of a page that works in a folder, in which these texts stand, by path.

    The paths come with a link: what is no spec of the folder is left out.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # the page is told all of it
    folder = Folder(root)
    for path, text in texts.items():
        where = f"{folder.root}/{path}"
        if folder.has(where):
            folder.save(where, text, folder.state(where).stamp)
    return Session(send, folder.extended, requests=requests(folder))
