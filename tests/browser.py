"""A headless Chromium, driven as a user acts: over its own debugging pipe, without a library."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)
REASON = "no Chromium is installed"
_SECONDS = 120
"""After which a browser that does not answer is given up."""


class PageError(AssertionError):
    """What a page's script raised."""


class Tab:
    """One page of a browser."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._numbers = count(1)
        self._rest = b""
        self._session = ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        """All addresses that were asked for."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    # ------------------------------------------------------------------ the protocol

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what a method of Chromium's protocol gives."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._note(answer)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            some = os.read(self._reading, 1 << 20)
            assert some, "the browser is gone"
            self._rest += some
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))

    def _note(self, event: Mapping[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(_told(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    # ------------------------------------------------------------------ what a user does

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Give the window a size."""
        scale = 2 if phone else 1
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=phone,
        )  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone, maxTouchPoints=5)
        self.settle()

    def open(self, address: str) -> None:
        """Open an address, and wait until its scripts have run."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        self.settle()

    def run(self, script: str) -> Any:
        """Return what an expression of the page is."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise PageError(_told(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression of the page holds."""
        until = time.monotonic() + _SECONDS
        while not self.run(condition):
            assert time.monotonic() < until, f"{condition} never holds"
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait for two frames, after which what was asked for is drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key: a character, or a name such as Escape."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, modifiers=modifiers, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, modifiers=modifiers)

    def type(self, text: str) -> None:
        """Type a text."""
        self.call("Input.insertText", text=text)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """Put fingers down, move them or lift them: touchStart, touchMove, touchEnd."""
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


def _told(details: Mapping[str, Any]) -> str:
    return str(details.get("exception", {}).get("description", details["text"]))


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are none of the descriptors that the program is given."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


@contextmanager
def browser(folder: Path, *options: str) -> Iterator[Tab]:
    """Start Chromium with a profile in a folder; it ends with the context."""
    assert PROGRAM is not None, REASON
    # The program reads commands from descriptor 3 and writes answers to 4.
    (commands, writing), (reading, answers) = _pipe(), _pipe()

    def descriptors() -> None:
        os.dup2(commands, 3)
        os.dup2(answers, 4)

    command = [PROGRAM, "--headless", "--no-sandbox", "--remote-debugging-pipe", *options]
    command += [f"--user-data-dir={folder}", "--no-first-run", "--disable-gpu", "about:blank"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdout=quiet, stderr=quiet, pass_fds=(3, 4), preexec_fn=descriptors,
        start_new_session=True,
    )  # fmt: skip
    os.close(commands)
    os.close(answers)
    try:
        yield Tab(reading, writing)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(reading)
        os.close(writing)
