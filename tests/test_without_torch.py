"""Without torch what needs it says how to install it: exit code 3, and in Python an ImportError."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import netspec
from netspec.cli import main

TORCH = "torch: pip install 'netspec-compiler[torch]'"
COMMANDS = {
    "build nin -o model.py --verify": "the verification",
    "weights nin in.pt -o out.pt": "reading weights",
    "optimize nin -o fast.yaml --weights in.pt --weights-out out.pt": "reading weights",
    "export nin -o out.pt2": ".pt2",
    "profile nin": "running a network",
    "bench nin --weights in.pt": "running a network",
    "bench nin --data in.npz --engines eager": "reading labelled images",
    "bench nin": "eager",
    "sweep nin --set classes=10 --bench eager": "eager",
    "import torch:torchvision.models:alexnet() -o net.yaml": "reading a PyTorch module",
    "import in.pt2 -o net.yaml": "reading an exported program",
}


@pytest.fixture(autouse=True)
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    for end in ("pt", "pt2", "npz"):
        Path(f"in.{end}").write_bytes(b"anything")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_with_what_to_type(command: str, tmp_path: Path, capsys):
    before = sorted(tmp_path.iterdir())
    assert main(command.split()) == 3
    said = capsys.readouterr()
    assert f"{COMMANDS[command]} needs" in said.err and TORCH in said.err and not said.out
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "use",
    [
        lambda net: net.build(),
        lambda net: net.load_weights("in.pt"),
        lambda net: net.optimize().build(),
    ],
)  # fmt: skip
def test_python_is_told_what_to_type(use):
    with pytest.raises(ImportError) as raised:
        use(netspec.load("nin"))
    assert str(raised.value) == f"running a network needs {TORCH}"


def test_all_else_goes_on_without_torch():
    net = netspec.load("nin")
    assert net.parameters and net.to_python() and net.render() and str(net.report())
