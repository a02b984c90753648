"""What the tests of the training examples share: how an example is run, and what it came to."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCRIPTS = ROOT / "tests" / "training"

SMALL = ("--spec", str(EXAMPLES / "small.yaml"), "--lr", "0.02", "--scale", "0.0157")
TINY = (*SMALL, "--batch", "16", "--epochs", "0.14", "--evaluate-every", "6")  # 12 steps
SHARED = (*TINY, "--set", "dropout=0.0", "--save-every", "5")  # processes differ in dropout alone
LINEAR = """netspec: 1
name: Linear
params: {classes: 10}
inputs: {image: [3, 8, 8]}
graph:
  flat: flatten
  fc:   {linear: $classes}
outputs: {logits: fc}
"""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run(*command: object, **environment: str) -> str:
    """Run Python in a process of its own with one thread; return what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    argv = [sys.executable, *map(str, command)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def example(name: str, *argv: object) -> None:
    """Run an example in this process."""
    try:
        import_module(name).main([str(argument) for argument in argv])
    finally:
        torch.use_deterministic_algorithms(False)


def state(out: Path, name: str = "checkpoint.pt") -> dict:
    return torch.load(out / name, weights_only=True)


def learned(out: Path) -> dict:
    """What a run has come to, without how it was told to stop and where it was written."""
    return {key: value for key, value in state(out).items() if key != "recipe"}


def assert_same(one: object, other: object, where: str = "") -> None:
    """Compare two checkpoints bit by bit."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}/{i}")
    else:
        assert torch.equal(one, other) if torch.is_tensor(one) else one == other, where
