"""What a stranger installs runs as it does here: `tests/installed.py` in every place."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

import pytest

from netspec.cli import COMMANDS
from tests import installed


def test_every_command_is_run():
    assert set(COMMANDS) <= {shlex.split(line)[1] for line in installed.COMMANDS}


@pytest.mark.long
def test_the_installed_wheel_does_the_same_in_every_place():
    with tempfile.TemporaryDirectory() as folder:
        try:
            programs = installed.install(Path(folder))
        except installed.Unavailable as error:
            pytest.skip(f"the wheel cannot be built and installed here: {error}")
        found = {name: installed.problems(programs, name) for name in installed.PLACES}
    assert not any(found.values()), found
