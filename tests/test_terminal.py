"""What reaches a terminal: nothing raw, in any encoding, also where a stream is closed."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netspec.cli import COMMANDS, main
from tests.support import ROOT

SPEC = """\
netspec: 1
name: Net
inputs: {image: [3, 8, 8]}
graph:
  conv: {conv2d: [4, 3], padding: 1}
  out:  relu
outputs: {result: out}
"""
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
HOSTILE = "\x1b\x07\x08\r\n\t\x7f\x9b\x85\u2028\u202e\u200b\ufeff\udcff'\"`$*% #:;{}ab漢é"
NETSPEC = (sys.executable, "-m", "netspec")
names = st.text(st.sampled_from(HOSTILE), min_size=1, max_size=12)


@contextlib.contextmanager
def inside(directory: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def commands(name: str) -> list[list[str]]:
    """Return uses of every command in which a hostile name can reach the terminal."""
    good, bad, odd = f"{name}.yaml", f"bad{name}.yaml", f"odd{name}.yaml"
    return [
        *(["check", *words] for words in ([good], [bad], [good, bad], [name], [f"dir{name}"])),
        *(["check", bad, "--format", f] for f in ("concise", "json", "github", "sarif")),
        *(["check", good, option, name] for option in ("--set", "--root", "--format", name)),
        ["check", good, "--set", f"{name}=1"],
        ["check", f"dir{name}", "--strict"],
        *(["fmt", "--check", path] for path in (good, bad, odd)),
        *(["fmt", "--diff", path] for path in (good, bad, odd)),
        ["fmt", name],
        ["build", good, "-o", f"{name}.py"],
        ["build", good, "-o", f"{name}.py", "--check"],
        ["build", good, "-o", odd],
        ["build", good, "-o", odd, "--check"],
        ["build", good, "-o", f"{name}/x.py"],
        ["build", good, "-o", good, "--force"],
        ["build", good, "-o", f"dir{name}"],
        ["build", good, "-o", "-", "--features", name],
        ["render", good, "-o", name],
        ["render", good, "-o", "-"],
        ["render", good, "-o", odd, "--format", "dot"],
        ["render", good, "-o", f"{name}.svg", "--timeout", name],
        ["report", good],
        ["report", good, "--format", name],
        ["report", good, "--plot", name],
        ["report", bad, "--depth", name],
        ["compare", good, good],
        ["compare", good, name],
        ["diff", good, odd],
        ["diff", good, odd, "--format", "json"],
        *([command, name] for command in ("explain", "ops", "init", "completion", "schema")),
        [name],
        [f"-{name}"],
        ["--version"],
        [],
    ]


def files_called(name: str) -> None:
    """Write a good and a wrong spec, and one that `fmt` would change."""
    Path(f"{name}.yaml").write_text(SPEC)
    Path(f"bad{name}.yaml").write_text(SPEC.replace("relu", "rleu"))
    Path(f"odd{name}.yaml").write_text(SPEC.replace("out:  ", "out: "))
    Path(f"dir{name}").mkdir()
    Path(f"dir{name}", f"{name}.yaml").write_text(SPEC.replace("relu", "rleu"))


def printed(words: list[str]) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            code = main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
    for stream in streams:
        stream.flush()
    data = b"".join(stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    return code, data.decode("utf-8", "surrogateescape")


@settings(max_examples=12, deadline=None)
@given(names)
def test_no_command_prints_a_hostile_name_raw(name):
    lead = "x\nforged "
    with tempfile.TemporaryDirectory() as directory, inside(directory):
        files_called(lead + name)
        for words in commands(lead + name):
            code, text = printed(words)
            assert not RAW.search(text), (words, text)
            assert not re.search("^forged", text, re.MULTILINE), (words, text)
            assert code in (0, 1, 2, 3), (words, text)


def test_a_failure_while_watching_prints_no_hostile_name_raw(tmp_path):
    path = tmp_path / "\x1b[31m\nforged.yaml"
    path.write_text(SPEC)
    command = [*NETSPEC, "check", str(path), "--watch"]
    with subprocess.Popen(command, stderr=-1, stdout=-1, bufsize=0) as child:
        assert child.stderr is not None
        assert b"is fine" in child.stderr.readline()
        path.unlink()
        text = child.stderr.readline().decode()
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
    assert "there is no file" in text and "\\x1b[31m\\x0aforged" in text
    assert not RAW.search(text)


def test_everything_that_is_printed_goes_through_one_module():
    """Only `show` writes to a stream; `files` writes what a command makes."""
    for path in sorted((ROOT / "netspec").rglob("*.py")):
        if path.name in ("show.py", "files.py", "verify.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called != "print", path
                assert not re.match(r"sys\.std(out|err)\.", called), path


# ------------------------------------------------------------------ encodings

TEXTS = [
    *(["report", "{g}", "--format", f] for f in ("text", "markdown", "csv", "json", "html")),
    ["report", "{g}", "--format", "latex"],
    ["report", "{g}", "--paper"],
    ["compare", "{g}", "{g}"],
    *(["diff", "{g}", "{b}", "--format", f] for f in ("text", "json")),
    ["check", "{g}", "--set", "classes=0"],
    *(["ops", op] for op in ("max_pool2d", "linear")),
    ["ops"],
    ["explain"],
    ["explain", "NS053"],
    ["schema"],
    *(["completion", shell] for shell in ("bash", "zsh", "fish")),
    *([command, "--help"] for command in COMMANDS),
    ["--help"],
]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16"])
def test_every_text_can_be_said_in_any_encoding(encoding, monkeypatch):
    for words in TEXTS:
        out = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(sys, "stdout", out)
        specs = {"g": ROOT / "specs/googlenet.yaml", "b": ROOT / "specs/googlenet_bn.yaml"}
        try:
            code = main([word.format(**specs) for word in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        assert code == (1 if "--set" in words else 0), words
        text = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
        if "json" in words:
            json.loads(text)
        if "html" in words:
            assert "\\x" not in text and "\\u" not in text


def test_a_name_that_the_stream_cannot_show_is_escaped():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [*NETSPEC, "check", "漢.yaml"]
    result = subprocess.run(command, capture_output=True, env=environment)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr == b"netspec: there is no file \\u6f22.yaml\n"


# ------------------------------------------------------------------ closed and broken streams


@pytest.mark.skipif(sys.platform == "win32", reason="shell syntax")
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("check {g} >&-", 0),
        ("check {w} >&-", 3),
        ("report {g} >&-", 3),
        ("build {g} -o - >&-", 3),
        ("build {g} -o /dev/stdout >&-", 3),
        ("--help >&-", 3),
        ("check - <&-", 2),
        ("check {g} 2>&-", 0),
        ("check {w} 2>&-", 1),
        ("check absent.yaml 2>&-", 2),
        ("check --nope 2>&-", 2),
        ("2>&-", 2),
        ("build {g} -o net.py <&- >&- 2>&-", 0),
        ("check absent.yaml 2>/dev/full", 2),
        ("check --nope 2>/dev/full", 2),
        ("--help >/dev/full", 3),
        ("check {w} {g} absent.yaml >/dev/full", 2),
    ],
)
def test_closed_and_broken_streams(line, status, tmp_path):
    wrong = ROOT / "tests/readme/stride.yaml"
    text = line.format(g=ROOT / "specs/googlenet.yaml", w=wrong)
    program = f"PYTHONPATH={ROOT} {sys.executable} -m netspec"
    result = subprocess.run(["bash", "-c", f"{program} {text}"], capture_output=True, cwd=tmp_path)
    assert result.returncode == status
    assert b"Traceback" not in result.stderr and b"Exception" not in result.stderr
    if "net.py" in line:
        assert (tmp_path / "net.py").read_text().startswith("# Generated by netspec")


# ------------------------------------------------------------------ signals


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_any_moment_is_silent(sent, status):
    """Once we run; what Python prints while it looks for our first line is Python's."""
    spec = str(ROOT / "specs/googlenet.yaml")
    ours = 0
    for i in range(24):
        with subprocess.Popen([*NETSPEC, "check", spec], stderr=-1, cwd=ROOT) as child:
            assert child.stderr is not None
            time.sleep(0.01 * i)
            child.send_signal(sent)
            text = child.stderr.read()
            ours += child.wait(20) == status
        assert not re.search(rb"/netspec/(?!__init__|__main__)", text), text.decode()
    assert ours
