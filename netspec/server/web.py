"""The page over HTTP, for one user on one machine: static files, and a WebSocket for each tab.

Whoever connects has the token, comes from the page itself (Origin) and asks for this machine by its
own name (Host). Another site's script in the same browser has the first of these never, the second
never, and the third only by a trick with names.
"""

from __future__ import annotations

import asyncio
import hmac
import mimetypes
import pkgutil
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from watchfiles import Change, awatch

from netspec.server.client import Ops
from netspec.server.folder import Folder
from netspec.server.lsp import Session, no_ops
from netspec.server.requests import requests
from netspec.text.diagnostics import SpecError

_ASSET = re.compile(r"[A-Za-z0-9_-]+\.(?:html|css|js|svg|txt)", re.ASCII)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://{host}; "
    "img-src 'self' blob: data:; font-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # The URL has the token.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REFUSED = 1008


def application(folder: Folder, token: str, port: int, ops: Ops = no_ops) -> ASGIApp:
    """Return what answers at a port of this machine, for the page of a directory."""
    site = _Site(folder, token, ops)
    routes = [Route("/", _asset), Route("/{name}", _asset), WebSocketRoute("/lsp", site.connect)]
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    return _Guard(Starlette(routes=routes, lifespan=site.lifespan), hosts)


async def _asset(request: Request) -> Response:
    """Answer with one of the page's files."""
    name = request.path_params.get("name", "index.html")
    data = None
    with suppress(OSError):
        data = pkgutil.get_data("netspec", f"data/live/{name}") if _ASSET.fullmatch(name) else None
    if data is None:
        return PlainTextResponse("not found", 404)
    return Response(data, media_type=mimetypes.guess_type(name)[0])


class _Guard:
    """Refuses who asks for another host, and adds the headers that bind the page."""

    def __init__(self, app: ASGIApp, hosts: set[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        host = HTTPConnection(scope).headers.get("host", "")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY.format(host=host)
                headers.update(_HEADERS)
            await send(message)

        if host in self._hosts:
            await self._app(scope, receive, guarded)
        elif scope["type"] == "http":
            await PlainTextResponse("another host", 403)(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).close(_REFUSED)


class _Site:
    """The tabs that are open on a directory."""

    def __init__(self, folder: Folder, token: str, ops: Ops) -> None:
        self._folder, self._token, self._ops = folder, token, ops
        self._tabs: set[Session] = set()
        # One thread for all: what is saved, read and told has one order.
        self._work = ThreadPoolExecutor(1)

    async def connect(self, socket: WebSocket) -> None:
        """Answer a tab until it goes."""
        if not self._may_connect(socket):
            await socket.close(_REFUSED)
            return
        await socket.accept()
        loop, outgoing = asyncio.get_running_loop(), asyncio.Queue[str]()

        def send(message: str) -> None:
            loop.call_soon_threadsafe(outgoing.put_nowait, message)

        session = Session(send, self._folder.extended, self._ops, requests(self._folder))
        self._tabs.add(session)
        sending = asyncio.create_task(_send(socket, outgoing))
        try:
            await self._answer(socket, session)
        finally:
            self._tabs.discard(session)
            sending.cancel()

    def _may_connect(self, socket: WebSocket) -> bool:
        token = socket.query_params.get("token", "")
        is_known = hmac.compare_digest(token.encode(), self._token.encode())
        return is_known and socket.headers.get("origin") == f"http://{socket.headers['host']}"

    async def _answer(self, socket: WebSocket, session: Session) -> None:
        """Take messages; what is typed faster than it is compiled is compiled once."""
        incoming = asyncio.Queue[str | None]()
        receiving = asyncio.create_task(_receive(socket, incoming))
        try:
            while session.exit_code is None and (message := await incoming.get()) is not None:
                await self._do(partial(session.receive, message))
                if incoming.empty():
                    await self._do(session.settle)
        finally:
            receiving.cancel()

    async def _do(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._work, work)

    # ------------------------------------------------------------------ the disk

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Watch the directory as long as the site is there."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            self._work.shutdown(wait=False, cancel_futures=True)

    async def _watch(self) -> None:
        changes = awatch(
            self._folder.root,
            watch_filter=lambda change, path: self._folder.has(path),
            ignore_permission_denied=True,
        )
        async for found in changes:
            await self._do(partial(self._tell, found))

    def _tell(self, changes: set[tuple[Change, str]]) -> None:
        """Tell each tab what has changed on disk."""
        paths = sorted({path for _, path in changes})
        for path in paths:
            with suppress(SpecError, OSError):  # who reads it is told what is wrong with it
                state = self._folder.state(path)._asdict()
                for tab in [*self._tabs]:
                    tab.client.notify("netspec/changed", {"uri": tab.client.uri(path), **state})
        is_other = any(change != Change.modified for change, _ in changes)
        for tab in [*self._tabs]:
            if is_other:
                tab.client.notify("netspec/filesChanged", {})
            tab.client.disturbed()
            tab.settle()


async def _send(socket: WebSocket, outgoing: asyncio.Queue[str]) -> None:
    with suppress(WebSocketDisconnect):  # the other side of it says so, too
        while True:
            await socket.send_text(await outgoing.get())


async def _receive(socket: WebSocket, incoming: asyncio.Queue[str | None]) -> None:
    """Queue what comes; None once the tab is gone."""
    with suppress(WebSocketDisconnect, KeyError):  # KeyError: bytes, which no page of ours sends
        while True:
            incoming.put_nowait(await socket.receive_text())
    incoming.put_nowait(None)
