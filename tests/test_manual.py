"""The manual page is what the parsers say; `make man`, or `pytest --update`, writes it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from docs.writers.manual import manual
from netspec.cli import COMMANDS
from netspec.cli.options import all_options
from tests.support import ROOT

PAGE = ROOT / "man/netspec.1"


def test_the_page_is_that_of_the_program(update: bool):
    if update:
        PAGE.write_text(manual(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == manual()


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_a_reader_finds_each_option():
    checked = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True
    )
    # The version says which page it is; a date would be another at each build.
    assert [line for line in checked.stdout.splitlines() if "missing date" not in line] == []
    shown = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=200", PAGE], capture_output=True, text=True
    )
    text = re.sub(".\b", "", shown.stdout)  # bold is a letter, a backspace and the same letter
    _, *parts = re.split(r"^ {3}netspec (\w+)$", text, flags=re.MULTILINE)
    names, sections = parts[::2], parts[1::2]
    assert names == [*COMMANDS]
    for section, (command, options) in zip(sections, all_options().items(), strict=True):
        for option in options:
            if option.name != "help":
                assert all(flag in section for flag in option.flags), command
