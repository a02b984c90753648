"""Shell completion: made from the parsers, and what the shells make of it."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netspec.cli import COMMANDS
from netspec.cli.completion import SHELLS, parameters
from netspec.cli.options import all_options
from netspec.language import shipped
from netspec.ops.base import REGISTRY
from netspec.text.explain import codes
from tests.support import ROOT, printed


def script(shell: str) -> str:
    return printed(f"completion {shell}", errors=False)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_option_and_name_is_there(shell):
    text = script(shell)
    for command, options in all_options().items():
        assert command in text
        for option in options:
            assert all(flag.lstrip("-") in text for flag in option.flags)
    for name in (*REGISTRY, *codes(), *shipped.names()):
        assert name in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_accepts_it(shell, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    path = tmp_path / "script"
    path.write_text(script(shell), encoding="utf-8")
    result = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_parameters_are_those_of_the_specs_in_the_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text("netspec: 1\nname: N\nparams: {width: 8}\ninputs: {x: [3, 8, 8]}\n")
    assert parameters(["net.yaml"]) == []  # it is not finished
    Path("net.yaml").write_text(
        "netspec: 1\nname: N\nparams: {width: 8}\ninputs: {x: [3, 8, 8]}\n"
        "graph: {a: {conv2d: [$width, 1]}}\noutputs: {y: a}\n"
    )
    hostile = Path("net.yaml").read_text().replace("width", "$(touch it)")
    Path("hostile.yaml").write_text(hostile)  # bash would run what stands in a word
    assert parameters(["hostile.yaml"]) == []
    words = ["googlenet", "-o", "-", "none.yaml", "net.yaml", "--set"]
    assert parameters(words) == [*parameters(["googlenet"]), "width"]


# ------------------------------------------------------------------ the shells at work

LINES = {
    "netspec ": {*COMMANDS},
    "netspec che": {"check"},
    "netspec check --stric": {"--strict"},
    "netspec diff --format j": {"json"},
    "netspec completion z": {"zsh"},
    "netspec build resnet1": {"resnet18", "resnet101", "resnet152"},
    "netspec list resnext": {"resnext50_32x4d"},
    "netspec ops conv2": {"conv2d"},
    "netspec explain NS07": {code for code in codes() if code.startswith("NS07")},
    "netspec ops -": {"-h", "--help", "--ops", "-o", "--output", "--force", "-q", "--quiet"},
    "netspec check n": {"net.yaml", "nin"},
    "netspec fmt n": {"net.yaml"},
    "netspec build net.yaml --set ": {"width=", "depth="},
    "netspec build net.yaml --set w": {"width="},
    "netspec fit net.yaml --vary ": {"width", "depth"},
    "netspec check --root ": {"folder"},
}
"""What is typed, and what is offered among other things; with a beginning, nothing else."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a spec, a folder, and a program `netspec` that is this one."""
    folder = tmp_path_factory.mktemp("completing")
    (folder / "folder").mkdir()
    (folder / "net.yaml").write_text(
        "netspec: 1\nname: N\nparams: {width: 8, depth: 2}\ninputs: {x: [3, 8, 8]}\n"
        "graph: {a: {conv2d: [$width, 1]}}\noutputs: {y: a}\n"
    )
    (folder / ".bin").mkdir()
    program = folder / ".bin" / "netspec"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m netspec "$@"\n')
    program.chmod(0o755)
    return folder


def shell(name: str, code: str, folder: Path) -> str:
    """Return what a shell prints; nothing may be wrong."""
    path = f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    result = subprocess.run(
        [name, *options, "-c", code], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert result.stderr == ""
    return result.stdout


def compare(line: str, offered: set[str]) -> None:
    expected = LINES[line]
    if line.endswith(" "):
        assert expected <= offered, line
    else:
        assert offered == expected, line


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes(folder):
    code = [f"cd {folder}", script("bash")]
    for line in LINES:
        words = " ".join(f"'{word}'" for word in line.split(" "))
        code.append(f"COMP_WORDS=({words}); COMP_CWORD={line.count(' ')}; _netspec")
        code.append('echo "${COMPREPLY[@]}"')
    printed = shell("bash", "\n".join(code), folder).splitlines()
    for line, found in zip(LINES, printed, strict=True):
        compare(line, set(found.split()))


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_keeps_a_name_with_spaces_whole(tmp_path):
    (tmp_path / "a folder").mkdir()
    code = [script("bash"), "for line in 'check a' 'check --root a'; do"]
    code += ["COMP_WORDS=(netspec $line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _netspec"]
    code += ["""printf '%s\\n' "${COMPREPLY[@]: -1}"; done"""]
    assert shell("bash", "\n".join(code), tmp_path) == "a folder\n" * 2


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_offers_no_spec_as_the_value_of_an_option(folder):
    code = [f"cd {folder}", script("bash")]
    for option in ("--block", "--table", "--time"):
        code.append(f"COMP_WORDS=(netspec render {option} n); COMP_CWORD=3; _netspec")
        code.append('echo "${COMPREPLY[@]}"')
    code[-4] = code[-4].replace("render", "report")
    assert shell("bash", "\n".join(code), folder) == "\n\nnet.yaml\n"


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_takes_a_value_behind_an_equals_sign(folder):
    code = [script("bash"), "COMP_WORDS=(netspec diff --format = j); COMP_CWORD=4; _netspec"]
    assert shell("bash", "\n".join([*code, "echo $COMPREPLY"]), folder) == "json\n"


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_completes(folder):
    code = [script("fish")]
    for line in LINES:
        code += [f"complete -C '{line}'", "echo =="]
    blocks = shell("fish", "\n".join(code), folder).split("==\n")
    for line, block in zip(LINES, blocks, strict=False):
        compare(line, {offer.partition("\t")[0].rstrip("/") for offer in block.splitlines()})


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("bash") or sys.platform == "win32", reason="no bash")
def test_bash_completes_at_a_terminal(folder):
    import pty

    number, fd = pty.fork()
    if number == 0:
        path = f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}"
        os.chdir(folder)
        words = ["env", f"PATH={path}", f"PYTHONPATH={ROOT}", "bash", "--norc", "--noprofile", "-i"]
        os.execvp("env", words)
    (folder / "script.bash").write_text(script("bash"), encoding="utf-8")
    os.write(fd, b"source script.bash; PS1=is'_'ready\n")
    shown(fd, b"is_ready")  # from the prompt on, keys are read one by one
    os.write(fd, b"netspec build net.yaml --set w\t64")
    try:
        assert b"--set width=64" in shown(fd, b"64")
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)


def shown(fd: int, end: bytes) -> bytes:
    """Return what a terminal shows up to some bytes."""
    seen = b""
    while end not in seen and select.select([fd], [], [], 60)[0]:
        seen += os.read(fd, 4096)
    return seen


ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; LISTMAX=1000; stty -echo"
zpty -w z "source ./script.zsh"
zpty -w z "bindkey '^I' complete-word; unset zle_bracketed_paste; print is'_'ready"
read_until() {
    local text="" chunk
    repeat 600; do
        while zpty -r -t z chunk; do text+=$chunk; done
        [[ $text == *$1* ]] && break
        sleep 0.1
    done
    print -r -- ${(V)text}
}
read_until is_ready > /dev/null
"""


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh_completes(folder):
    (folder / "script.zsh").write_text(script("zsh"), encoding="utf-8")
    code = [ZSH]
    for line, expected in LINES.items():
        last = sorted(expected)[-1].rstrip("=")
        code.append(f"zpty -w -n z '{line}'$'\\t'; read_until '{last}'; print -- '=='")
        code.append("zpty -w -n z $'\\x15'")
    blocks = shell("zsh", "\n".join(code), folder).split("==\n")
    for expected, block in zip(LINES.values(), blocks, strict=False):
        assert all(word.rstrip("=") in block for word in expected), block
