"""`netspec serve`: a page on which specs are edited and seen at once."""

from __future__ import annotations

import errno
import gc
import logging
import os
import secrets
import socket
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from urllib.parse import quote

from netspec.cli.arguments import add_flag, add_number, add_ops
from netspec.cli.common import refuse_shipped
from netspec.cli.exits import Exit, Failure
from netspec.cli.own import ops_for, own_ops
from netspec.cli.show import say
from netspec.runtime.installed import require
from netspec.text import files
from netspec.text.diagnostics import escape

HOST = "127.0.0.1"
PORT = 8317
TOKEN = "NETSPEC_SERVE_TOKEN"
_MOST = 2**25
"""The largest message that is taken, in bytes: a spec of the largest size, escaped."""


def add(parser: ArgumentParser) -> None:
    parser.add_argument("spec", nargs="?", default=".", help="a spec, or a directory of specs (.)")
    help = f"of 127.0.0.1, 0 for any that is free ({PORT}, or any if that is taken)"
    add_number(parser, "--port", help, least=0)
    add_flag(parser, "--open", "open the page in the browser")
    add_ops(parser)
    parser.epilog = f"The URL has a new token each time, or what {TOKEN} says."


def run(options: Namespace) -> int:
    require("netspec serve", ["serve"])
    own_ops(options)
    directory, start = _place(options.spec)
    from netspec.server.folder import Folder
    from netspec.server.web import application

    listening = _listen(options.port)
    port = listening.getsockname()[1]
    token = os.environ.get(TOKEN) or secrets.token_urlsafe()
    app = application(Folder(directory, start), token, port, partial(ops_for, options))
    url = f"http://{HOST}:{port}/?token={quote(token, safe='')}"
    say(f"{escape(directory)} is at {url} until Ctrl-C")
    if options.open:
        import webbrowser

        webbrowser.open(url)
    gc.enable()  # it runs for hours
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # the page is told all of it
    _serve(app, listening)
    return Exit.FINE


def _place(path: str) -> tuple[str, str | None]:
    """Return the directory to serve, and the spec to begin with."""
    refuse_shipped([path])
    real = Path(os.path.realpath(path))
    if real.is_dir():
        return str(real), None
    if not real.is_file():
        raise files.absent(path)
    if real.suffix != ".yaml":
        raise Failure(f"{path}: expected a .yaml file, or a directory", Exit.USAGE)
    return str(real.parent), str(real)


def _listen(port: int | None) -> socket.socket:
    """Return a socket of this machine alone."""
    listening = socket.socket()
    if os.name == "posix":  # where it frees no port that another program has
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, PORT if port is None else port))
    except (OSError, OverflowError) as error:
        if port is not None:
            number = getattr(error, "errno", errno.EINVAL)
            line = f"port {port}: {getattr(error, 'strerror', error)}"
            raise files.refusal(number, line) from None
        listening.bind((HOST, 0))
    listening.listen()  # who opens the URL at once waits
    return listening


def _serve(app: object, listening: socket.socket) -> None:
    import asyncio

    import uvicorn

    config = uvicorn.Config(app, log_level="warning", ws_max_size=_MOST)  # type: ignore[arg-type]  # an ASGI application
    server = uvicorn.Server(config)
    # Signals stay ours: they end it at once, and what was half written is removed.
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    asyncio.run(server.serve([listening]))
