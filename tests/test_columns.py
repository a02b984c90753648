"""What is printed follows COLUMNS, or else the terminal; what a file holds does not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from netspec.cli.show import columns
from netspec.language import shipped
from netspec.text.diagnostics import display_width
from netspec.text.explain import codes, explain, flowed
from tests.support import ROOT, printed

REPORT = f"report {ROOT}/specs/googlenet.yaml"
COMMANDS = (
    REPORT,
    f"report {ROOT}/specs/googlenet.yaml --paper",
    f"compare {ROOT}/specs/googlenet.yaml {ROOT}/specs/resnet18.yaml",
    f"sweep {ROOT}/specs/googlenet_width.yaml --set width=0.5,1",
    "ops",
    "ops conv2d",
    *(f"check {path}" for path in sorted((ROOT / "tests/errors").glob("b*.yaml"))),
)


def words(text: str) -> list[str]:
    """Return what a text says, without what only lays it out."""
    return sorted(set(re.sub(r"[^\w.,×:/]+", " ", text).split()))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", [64, 80, 140])
def test_no_line_is_longer_and_no_word_is_lost(
    command: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command = command.replace(f"{ROOT}/", "")
    whole = printed(command)
    monkeypatch.setenv("COLUMNS", str(width))
    text = printed(command)
    # What begins with a path has no good place to break.
    shown = (line for line in text.splitlines() if not re.match(" *--> | *tests/", line))
    long = [line for line in shown if display_width(line) > width and " " in line.strip()]
    assert long == []
    # A wider text has the columns that were left out, a narrower one shows less of a long line.
    assert {*words(whole)} - {*words(text)} == set() or "check" in command


@pytest.mark.parametrize("code", codes())
def test_a_page_of_another_width_says_the_same(code: str) -> None:
    page = explain(code)
    for width in (50, 100):
        text = flowed(page, width)
        assert text.split() == page.split()
        blocks = re.compile(r"(?ms)^```.*?^```$")
        assert blocks.findall(text) == blocks.findall(page)
        assert max(map(len, blocks.sub("", text).splitlines())) <= width


@pytest.mark.parametrize("command", [REPORT, "list"])
def test_a_file_is_the_same_whatever_the_terminal(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "names", lambda: ["alexnet", "googlenet"])
    printed(f"{command} -o {tmp_path}/a.txt")
    monkeypatch.setenv("COLUMNS", "60")
    printed(f"{command} -o {tmp_path}/b.txt")
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert printed(command) != (tmp_path / "a.txt").read_text()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_columns_are_those_said_or_those_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import struct
    import termios

    _, end = os.openpty()
    with os.fdopen(end, "w") as terminal:
        assert columns(terminal) is None  # a terminal that does not know
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 71, 0, 0))
        assert columns(terminal) == 71
        for said in ("", "0", "-5", "abc", "1" * 9, "٣"):
            monkeypatch.setenv("COLUMNS", said)
            assert columns(terminal) == 71
        monkeypatch.setenv("COLUMNS", "90")
        assert columns(terminal) == columns(None) == 90
        monkeypatch.setenv("COLUMNS", "3")
        assert columns(terminal) == 40
