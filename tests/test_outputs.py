"""A command that writes several things writes all of them, or none, and refuses before it works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from netspec.cli import main
from netspec.text import files

BAD = ("missing/out", "folder", "net.yaml", "mine")
"""No such directory, none that is a file, what is read, and a file of the user."""
COMMANDS = {
    "optimize": "-o {0} --weights in.pt --weights-out {1}",
    "sweep": "--set size=8,16 -o {0}.csv --plot {1}.svg",
    "bench": "--engines eager -o {0}.json",
    "profile": "-o {0}.json",
    "export": "-o {0}.onnx",
}
SPEC = """\
netspec: 1
name: Net
params: {size: 8}
inputs: {image: [3, $size, $size]}
graph:
  conv: {conv2d: [4, 3]}
  norm: batch_norm2d
outputs: {y: norm}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    module = torch.nn.ModuleDict(
        {"conv": torch.nn.Conv2d(3, 4, 3), "norm": torch.nn.BatchNorm2d(4)}
    )
    torch.save(module.state_dict(), "in.pt")
    for end in ("", ".csv", ".svg", ".json", ".onnx"):
        Path(f"folder{end}").mkdir()
        Path(f"mine{end}").write_text("mine")
        if end:
            os.link("net.yaml", f"net.yaml{end}")
    return tmp_path


def held() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    ("command", "place"),
    [(name, i) for name, text in COMMANDS.items() for i in range(1 + ("{1}" in text))],
)
def test_nothing_is_written_if_something_is_refused(
    command: str,
    place: int,
    bad: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(*arguments: object, **options: object) -> None:
        raise AssertionError("time is spent on what is refused")

    for where in ("sweep.sweep", "bench.bench", "profile.profile"):
        monkeypatch.setattr(f"netspec.cli.{where}", work)
    monkeypatch.setattr("netspec.runtime.export.export", work)
    before = held()
    names = [bad if i == place else f"good{i}" for i in range(2)]
    words = COMMANDS[command].format(*names).split()
    assert main([command, "net.yaml", *words]) == 2
    assert held() == before
    assert capsys.readouterr().out == ""


def test_one_file_is_not_two_outputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("fast.yaml")
    words = COMMANDS["optimize"].format("fast.yaml", "link").split()
    assert main(["optimize", "net.yaml", *words, "--force"]) == 2
    assert "link is named for two outputs" in capsys.readouterr().err
    assert not Path("fast.yaml").exists()


def test_what_the_system_refuses_leaves_the_other_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a disk that is full once the first of two files is on it."""
    old, real = held(), os.fsync
    calls = []

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"^cannot write new: no space left on device$"):
        files.write({"mine": b"new", "new": b"new"})
    assert held() == old
