"""What a stranger installs runs as it does here: `tests/installed.py` in every place."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netspec.cli import COMMANDS
from tests import installed
from tests.support import ROOT


def test_every_command_is_run():
    assert set(COMMANDS) <= {shlex.split(line)[1] for line in installed.COMMANDS}


def test_no_message_sends_to_what_only_the_repository_has():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "netspec").rglob("*.py")]
    assert not [
        found for text in texts for found in re.findall(r"(?<!/)\b(?:docs|examples)/\w+", text)
    ]
    pages = [page for text in texts for page in re.findall(r"\{SITE\}([\w/]+)/", text)]
    assert pages and all((ROOT / "docs" / f"{page}.md").is_file() for page in pages)


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """The environment's programs, where every user can run them."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield installed.install(Path(folder))
        except installed.Unavailable as error:
            pytest.skip(f"the wheel cannot be built and installed here: {error}")


@pytest.mark.long
@pytest.mark.parametrize("place", installed.PLACES)
def test_the_installed_wheel_does_the_same_in_every_place(programs: Path, place: str) -> None:
    assert installed.problems(programs, place) == []
