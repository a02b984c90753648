"""The examples run, resume exactly, and compute the same on one process and on two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = ROOT / "tests" / "training"
sys.path.insert(0, str(EXAMPLES))

SMALL = ("--spec", str(EXAMPLES / "small.yaml"), "--lr", "0.02", "--scale", "0.0157")
TINY = (*SMALL, "--batch", "16", "--epochs", "0.14", "--evaluate-every", "6")  # 12 steps
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run(*command: object) -> str:
    """Run Python in a process of its own with one thread; return what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, *map(str, command)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def example(name: str, *argv: object) -> str:
    return run(EXAMPLES / f"{name}.py", *argv)


def state(out: Path) -> dict:
    return torch.load(out / "checkpoint.pt", weights_only=True)


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


def learned(out: Path) -> dict:
    """What a run has come to, without where it was written and how it was told to stop."""
    return {key: value for key, value in state(out).items() if key != "recipe"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on one process."""
    out = tmp_path_factory.mktemp("trained")
    example("train", *TINY, "--out", out)
    return out


def test_a_resumed_run_ends_with_the_same_bits(trained: Path, tmp_path: Path) -> None:
    example("train", *TINY, "--out", tmp_path, "--stop-at", 5)
    assert state(tmp_path)["step"] == 5
    printed = example("train", *TINY, "--out", tmp_path, "--workers", 1)
    assert "going on at step 5 of 12" in printed
    assert_same(learned(trained), learned(tmp_path))


def test_a_seed_gives_the_same_bits_again_and_another_seed_others(
    trained: Path, tmp_path: Path
) -> None:
    example("train", *TINY, "--out", tmp_path / "again")
    assert_same(learned(trained), learned(tmp_path / "again"))
    example("train", *TINY, "--out", tmp_path / "other", "--seed", 1)
    assert state(trained)["history"] != state(tmp_path / "other")["history"]


@pytest.mark.parametrize("flags", [(), ("--fsdp",)], ids=["ddp", "fsdp"])
def test_two_processes_have_the_gradients_and_the_averages_of_one(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    options = (*TINY, "--set", "dropout=0.0")  # each process draws its own dropout
    run(SCRIPTS / "gradients.py", tmp_path / "one.pt", *options)
    run(*TORCHRUN, SCRIPTS / "gradients.py", tmp_path / "two.pt", *options, *flags)
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)
    assert all(gradient.any() for gradient in one.values())
    example("train", *options, "--out", tmp_path / "one")
    run(*TORCHRUN, EXAMPLES / "train.py", *options, *flags, "--out", tmp_path / "two")
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    for weights in ("model", "state_dict"):
        torch.testing.assert_close(two[weights], one[weights], rtol=1e-4, atol=1e-6)
    assert two["history"][-1] == pytest.approx(one["history"][-1], rel=1e-4)


@pytest.mark.parametrize("flags", [(), ("--fsdp",)], ids=["ddp", "fsdp"])
def test_a_killed_worker_starts_again_and_loses_nothing(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    options = (*TINY, *flags, "--save-every", "5")
    run(*TORCHRUN, EXAMPLES / "train.py", *options, "--out", tmp_path / "alive")
    restarts = (*TORCHRUN, "--max-restarts", "1")
    printed = run(*restarts, SCRIPTS / "dies_once.py", *options, "--out", tmp_path / "killed")
    assert "going on at step 5 of 12" in printed
    assert_same(learned(tmp_path / "alive"), learned(tmp_path / "killed"))


def test_train_imports_a_generated_module(trained: Path, tmp_path: Path) -> None:
    module = tmp_path / "small.py"
    run("-m", "netspec", "build", EXAMPLES / "small.yaml", "-o", module)
    options = ("--module", module, "--set", "size=32", *TINY[2:])
    example("train", *options, "--out", tmp_path / "run")
    assert_same(learned(trained), learned(tmp_path / "run"))


def test_train_reads_a_directory_of_images(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for i, name in enumerate(("black", "white")):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for k in range(4):
                Image.new("L", (40 + k, 50), 255 * i).save(folder / f"{k}.png")
    options = (*SMALL, "--data", tmp_path / "data", "--batch", 4, "--epochs", 2, "--flip", 0.5)
    example("train", *options, "--out", tmp_path / "run")
    found = state(tmp_path / "run")
    assert found["classes"] == ("black", "white") and found["model"]["fc.bias"].shape == (2,)


def test_train_takes_mixed_precision_and_torch_compile(tmp_path: Path) -> None:
    options = (*TINY, "--stop-at", 2)
    example("train", *options, "--amp", "--compile", "--out", tmp_path)
    assert state(tmp_path)["step"] == 2


def test_train_stops_when_it_diverges(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the loss is .* at step .*: lower --lr"):
        example("train", *TINY, "--lr", "1e8", "--out", tmp_path)


def test_a_half_written_checkpoint_never_shows(tmp_path: Path) -> None:
    from recipe import checkpoint

    path = tmp_path / "checkpoint.pt"
    checkpoint.write(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.write(path, {"step": lambda: 2})
    assert checkpoint.read(path) == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_curves_come_from_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoint.pt"
    assert "averaged accuracy" in example("curve", checkpoint, "--plot", tmp_path / "curve.png")
    printed = example("averaging", checkpoint, "--plot", tmp_path / "averaging.png")
    assert "of 2 evaluations" in printed
    assert all((tmp_path / f"{name}.png").stat().st_size > 5000 for name in ("curve", "averaging"))


def test_gradient_flow_measures_every_block(tmp_path: Path) -> None:
    plot = tmp_path / "flow.png"
    options = (*SMALL, "--batch", 16, "--steps", 2, "--out", tmp_path, "--plot", plot)
    lines = example("gradient_flow", *options).splitlines()
    start = lines.index("step 0: gradient norm with heads, without, ratio")
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == [
        "conv1", "inception1", "inception2", "fc",
    ]  # fmt: skip
    assert lines[start + 4].split()[3] == "1.00", "the heads do not reach the last layer"
    assert plot.stat().st_size > 5000


def test_the_measured_receptive_field_lies_in_the_theoretical_one(tmp_path: Path) -> None:
    import netspec
    import receptive_field

    net = netspec.load(str(EXAMPLES / "small.yaml"))
    branches = receptive_field.measure(net, net.build().eval(), "inception2", 4)
    assert [branch.name for branch in branches] == ["conv1x1", "conv3x3", "conv5x5", "pool_proj"]
    assert [branch.theory.width for branch in branches] == [25, 33, 41, 33]
    for branch in branches:
        box = branch.theory
        outside = branch.gradient.clone()
        outside[max(0, box.top) : box.top + box.height, max(0, box.left) : box.left + box.width] = 0
        assert not outside.any() and branch.measured.width <= box.width
    options = ("--spec", EXAMPLES / "small.yaml", "--block", "inception1", "--images", 2)
    assert "conv5x5:" in example("receptive_field", *options, "--plot", tmp_path / "field.png")


def test_finetune_says_what_it_loads_and_trains_the_rest(trained: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoint.pt"
    options = (*TINY, "--data", "parity", "--freeze-through", "inception1.conv3x3", "--out", tmp_path)
    printed = example("finetune", checkpoint, *options)
    assert "loaded  inception1: 12 tensors" in printed
    assert "skipped fc.weight: 10x56 in the file, 2x56 in the network" in printed
    assert "skipped aux1.conv.conv.weight: of the same head as aux1.fc.weight" in printed
    assert "starts anew: fc.bias" in printed
    before, after = state(trained)["state_dict"], state(tmp_path)["model"]
    same = {key for key in before if before[key].shape == after[key].shape and before[key].equal(after[key])}
    frozen = ("conv1", "inception1.conv1x1", "inception1.reduce3x3", "inception1.conv3x3")
    assert same == {key for key in before if key.startswith(frozen)}
