"""`--watch`: run again on every kind of save, fast, and keep the last good output."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netspec.cli import main
from tests.support import ROOT

SPEC = (ROOT / "specs/googlenet.yaml").read_text()
OTHER = SPEC.replace("drop: {dropout: 0.7}", "drop: {dropout: 0.5}")
WRONG = SPEC.replace("flat:         flatten", "flat:         flaten")


class Watcher:
    """A command that watches, and the lines that it prints."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "netspec", *arguments, "--watch"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
        )
        assert self._process.stdout
        self._stream = self._process.stdout
        os.set_blocking(self._stream.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stream, selectors.EVENT_READ)
        self._text = ""

    def until(self, words: str, seconds: float = 20) -> float:
        """Wait for words in what is printed; return when they came, and forget up to them."""
        deadline = time.monotonic() + seconds
        while words not in self._text:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{words!r} not in {self._text!r}")
            if self._selector.select(0.5):
                self._text += (self._stream.read() or b"").decode()
        self._text = self._text.partition(words)[2]
        return time.monotonic()

    def silent(self, seconds: float = 0.3) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._selector.select(end - time.monotonic()):
                self._text += (self._stream.read() or b"").decode()
        return not self._text.strip()

    def close(self) -> None:
        """Read no more."""
        self._selector.close()
        self._stream.close()

    def ended(self) -> int:
        """Wait until the command ends by itself; return its exit code."""
        return self._process.wait(20)

    def stop(self, number: int = signal.SIGINT) -> int:
        self._process.send_signal(number)
        return self._process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def launch(*arguments: str) -> Watcher:
        started.append(Watcher(*arguments))
        return started[-1]

    (tmp_path / "net.yaml").write_text(SPEC)
    yield launch
    for watcher in started:
        watcher.stop(signal.SIGKILL)


def test_it_ends_when_nobody_reads_what_it_prints(start, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(WRONG)
    watcher = start("check", str(path))
    watcher.until("did you mean")
    watcher.close()
    path.write_text(WRONG + "# again\n")
    assert watcher.ended() == 141


def rename_over(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def delete_and_create(path: Path, text: str) -> None:
    path.unlink()
    time.sleep(0.1)
    path.write_text(text)


def write_in_halves(path: Path, text: str) -> None:
    path.write_text(text[: len(text) // 2])
    with path.open("a") as file:
        file.write(text[len(text) // 2 :])


@pytest.mark.parametrize(
    "save",
    [Path.write_text, rename_over, delete_and_create, write_in_halves],
    ids=lambda f: f.__name__,
)
def test_every_kind_of_save_counts(save, start, tmp_path):
    path = tmp_path / "net.yaml"
    watcher = start("check", str(path))
    watcher.until("is fine")
    save(path, WRONG)
    watcher.until("did you mean `flatten`?")
    save(path, SPEC)
    watcher.until("multiply-adds\n")
    assert watcher.silent()
    assert watcher.stop() == 130


def test_an_extended_file_counts_too(start, tmp_path):
    (tmp_path / "googlenet.yaml").write_text(SPEC)
    variant = tmp_path / "googlenet_bn.yaml"
    shutil.copy(ROOT / "specs/googlenet_bn.yaml", variant)
    watcher = start("check", str(variant))
    watcher.until("GoogLeNetBN is fine")
    (tmp_path / "googlenet.yaml").write_text(WRONG)
    watcher.until("extended here")
    (tmp_path / "googlenet.yaml").unlink()
    watcher.until("there is no file")
    (tmp_path / "googlenet.yaml").write_text(SPEC)
    watcher.until("GoogLeNetBN is fine")


def test_build_keeps_the_last_good_output(start, tmp_path):
    path, output = tmp_path / "net.yaml", tmp_path / "net.py"
    watcher = start("build", str(path), "-o", str(output))
    watcher.until("net.py: GoogLeNet, 6,998,552 parameters")
    first = output.read_bytes()
    path.write_text(WRONG)
    watcher.until("has 1 error")
    assert output.read_bytes() == first
    path.write_text(OTHER)
    watcher.until("net.py: GoogLeNet, 6,998,552 parameters")
    assert b"0.5" in output.read_bytes()
    assert watcher.stop(signal.SIGTERM) == 143
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.py", "net.yaml"]


def test_render_redraws(start, tmp_path):
    path, output = tmp_path / "net.yaml", tmp_path / "net.dot"
    watcher = start("render", str(path), "-o", str(output))
    watcher.until("net.dot: GoogLeNet, 6,998,552 parameters")
    first = output.read_bytes()
    path.write_text(SPEC.replace("  norm2:        {local_response_norm: 5}\n", ""))
    watcher.until("net.dot: GoogLeNet, 6,998,552 parameters")
    assert output.read_bytes() != first


def test_a_directory_is_watched_for_new_specs(start, tmp_path):
    watcher = start("check", str(tmp_path))
    watcher.until("net.yaml: GoogLeNet is fine")
    (tmp_path / "net.yaml").write_text(WRONG)
    watcher.until("did you mean `flatten`?")
    (tmp_path / "net.yaml").write_text(SPEC)
    watcher.until("net.yaml: GoogLeNet is fine")
    (tmp_path / "other.yaml").write_text(SPEC)
    watcher.until("other.yaml: GoogLeNet is fine")


@pytest.mark.long
def test_what_cannot_be_watched_ends_at_once(tmp_path):
    assert main(["check", "--watch", "-"]) == 2
    assert main(["check", "--watch", str(tmp_path / "nothing.yaml")]) == 2
