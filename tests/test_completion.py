"""Shell completion: made from the parsers, and accepted by the shells that are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from netspec.cli import COMMANDS, main
from netspec.cli.completion import SHELLS, commands


@pytest.fixture
def script(capsys):
    def get(shell: str) -> str:
        assert main(["completion", shell]) == 0
        return capsys.readouterr().out

    return get


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_there(shell, script):
    text = script(shell)
    for command, options in commands().items():
        assert command in text
        for option in options:
            assert all(flag.lstrip("-") in text for flag in option.flags)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_accepts_it(shell, script, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    path = tmp_path / "script"
    path.write_text(script(shell))
    result = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def complete(script: str, directory, *words: str) -> set[str]:
    """Return what bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
        '_netspec; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(
        ["bash", "--norc", "-c", code], capture_output=True, text=True, cwd=directory
    )
    assert result.stderr == ""
    return set(result.stdout.split())


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes(script, tmp_path):
    (tmp_path / "net.yaml").touch()
    text = script("bash")
    assert set(COMMANDS) <= complete(text, tmp_path, "netspec", "")
    assert complete(text, tmp_path, "netspec", "che") == {"check"}
    assert "--strict" in complete(text, tmp_path, "netspec", "check", "--s")
    assert complete(text, tmp_path, "netspec", "check", "n") == {"net.yaml"}
    assert complete(text, tmp_path, "netspec", "diff", "--format", "j") == {"json"}
    assert complete(text, tmp_path, "netspec", "completion", "z") == {"zsh"}
