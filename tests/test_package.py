"""What strangers install: its name, what it draws in, and the files it is made of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netspec.runtime.installed import EXTRAS
from netspec.version import DISTRIBUTION, installation
from tests.support import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

OTHER_PROJECT = re.compile(
    r"\bnetspec\[(?=[a-z{])"
    r"|\b(?:pip|pipx|uv|uvx|tool) +(?:install|add|run|uninstall) +(?:-\S+ +|\S+\.txt +)*"
    r"['\"]?netspec(?![-\w/])"
)
"""What would install, or ask for, another project's package."""


def tracked() -> list[Path]:
    """Return the repository's files."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the repository's files are known to git alone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize(
    ("text", "is_another"),
    [
        ("pip install 'netspec[figures]'", True),
        ("pip install -q -c constraints.txt netspec==0.2.6", True),
        ('dependencies = ["netspec[torch]"]', True),
        ("uv tool install netspec", True),
        ("pip install 'netspec-compiler[figures]'", False),
        ("pip install -e . && netspec build", False),
        ("pip install netspec_compiler-0.1.0-py3-none-any.whl", False),
    ],
)
def test_the_other_project_is_known(text, is_another):
    assert bool(OTHER_PROJECT.search(text)) is is_another


def test_nothing_installs_the_other_project():
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        data = path.read_bytes()
        if b"\0" not in data and (match := OTHER_PROJECT.search(data.decode(errors="replace"))):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert found == []


def test_the_project_is_called_what_the_hints_say():
    assert PROJECT["name"] == DISTRIBUTION
    assert installation(["torch", "plot"]) == "pip install 'netspec-compiler[torch,plot]'"
    assert installation() == "pip install netspec-compiler"


def test_a_hint_names_an_extra_of_the_project():
    assert EXTRAS.keys() <= PROJECT["optional-dependencies"].keys()
