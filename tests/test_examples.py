"""The examples run, and say what they did."""

from __future__ import annotations

import csv
import re
import runpy
import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest
import torch
from PIL import Image

import netspec
from netspec.runtime import labelled
from tests.training.support import (
    EXAMPLES,
    ROOT,
    SMALL,
    TINY,
    assert_same,
    example,
    learned,
    run,
    state,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on one process, by the command line."""
    out = tmp_path_factory.mktemp("trained")
    run(EXAMPLES / "train.py", *TINY, "--csv", "--out", out)
    return out


class Parsed(Exception):
    """A program has understood its arguments; what it would do with them is left."""


def commands() -> list[list[str]]:
    """The programs that the README starts, with their arguments; a loop's variable is 0."""
    text = (EXAMPLES / "README.md").read_text().replace("\\\n", " ")
    found = re.findall(r"^    .*\bexamples/(\w+)\.py ([^;\n]*)", text, re.MULTILINE)
    return [[name, *shlex.split(re.sub(r"\$\w+", "0", words))] for name, words in found]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_the_commands_of_the_readme_are_understood(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from recipe import options

    parse = ArgumentParser.parse_args

    def parse_only(self: ArgumentParser, argv: list[str]) -> None:
        found = parse(self, argv)
        if "defaults" in found:
            options.recipe_of(found)
        raise Parsed

    monkeypatch.setattr(ArgumentParser, "parse_args", parse_only)
    monkeypatch.chdir(ROOT)
    with pytest.raises(Parsed):
        example(*command)


PROGRAMS = [path for path in sorted(EXAMPLES.glob("*.py")) if "__main__" in path.read_text()]


@pytest.mark.parametrize("options", [["--nosuch"], ["no/such.pt", "--spec", "no/such.yaml"]])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_users_mistake_is_a_line(
    program: Path,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [str(program), *options])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(program), run_name="__main__")
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{program.name}: error: ")


def test_a_step_has_the_same_images_whoever_loads_them() -> None:
    from recipe.loading import HeldOutOrder, Share, TrainingOrder

    def steps(share: Share, steps: range = range(7), seed: int = 0) -> list:
        return list(TrainingOrder(23, 6, seed, share, steps))

    whole, halves = steps(Share()), [steps(Share(rank, 2)) for rank in (0, 1)]
    assert whole == [[*sum(zip(*pair, strict=True), ())] for pair in zip(*halves, strict=True)]
    assert whole[4:] == steps(Share(), range(4, 7)), "a resumed run"
    assert whole[:3] != steps(Share(), range(3), seed=1)
    epoch = [draw.image for batch in whole[:3] for draw in batch]
    assert len(set(epoch)) == 18, "no image twice in an epoch"
    held_out = [list(HeldOutOrder(7, 4, Share(rank, 2))) for rank in (0, 1)]
    assert [len(batch) for rank in held_out for batch in rank] == [2, 2, 2, 2]
    counted = [draw.image for rank in held_out for batch in rank for draw in batch if draw.counts]
    assert sorted(counted) == list(range(7))


@pytest.mark.long
def test_train_imports_a_generated_module(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "generated_model", raising=False)
    module = tmp_path / "small.py"
    module.write_text(netspec.load(str(EXAMPLES / "small.yaml")).to_python())
    options = ("--module", module, "--set", "size=32", *TINY[2:])
    example("train", *options, "--out", tmp_path / "run")
    assert_same(learned(trained)["classes"], learned(tmp_path / "run")["classes"])
    torch.testing.assert_close(learned(tmp_path / "run")["model"], learned(trained)["model"])


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


def test_train_says_that_tensorboard_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    example("train", *TINY, "--stop-at", 1, "--out", tmp_path)
    assert "pip install tensorboard" in capsys.readouterr().out
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.long
def test_curves_come_from_a_checkpoint(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, goal in (("curve", ()), ("averaging", ("--goal", 0.5))):
        example(name, trained / "checkpoint.pt", *goal, "--plot", tmp_path / f"{name}.png")
    printed = capsys.readouterr().out
    assert "averaged accuracy 0." in printed and "of 2 evaluations" in printed
    assert all((tmp_path / f"{name}.png").stat().st_size > 5000 for name in ("curve", "averaging"))


def test_a_point_of_a_curve_is_the_mean_of_the_steps_since_the_one_before(trained: Path) -> None:
    with (trained / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for point, steps in zip(state(trained)["history"], (range(1, 7), range(7, 13)), strict=True):
        for name in ("loss", "loss.head1", "accuracy"):
            told = {
                int(row["step"]): row["value"] for row in rows if row["metric"] == f"train/{name}"
            }
            mean = sum(float(told[step]) for step in steps) / 6
            assert point[name] == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("name", ["curve", "averaging"])
def test_what_is_no_run_is_not_plotted(name: str, tmp_path: Path) -> None:
    from recipe.errors import UserError

    path = tmp_path / "weights.pt"
    torch.save({"fc.bias": torch.zeros(2)}, path)
    with pytest.raises(UserError, match="has no history"):
        example(name, path)
    torch.save({"history": []}, path)
    with pytest.raises(UserError, match="never evaluated"):
        example(name, path)
    for options in (("--goal", 2), ("--plot", "curve.gif")):
        with pytest.raises(UserError, match=f"argument {options[0]}: expected .*, found"):
            example(name, path, *options)


@pytest.mark.long
def test_gradient_flow_measures_every_block_on_every_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "flow.png"
    options = (*SMALL, "--batch", 16, "--steps", 2, "--seeds", 2, "--out", tmp_path, "--plot", plot)
    example("gradient_flow", *options)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("step 0: gradient with heads / without: lowest, median, highest seed")
    rows = [line.split() for line in lines[start + 1 : start + 5]]
    assert [row[0] for row in rows] == ["conv1", "inception1", "inception2", "fc"]
    assert rows[0][1] != rows[0][3], "two seeds"
    assert rows[3][1:] == ["1.00"] * 3, "the heads do not reach the last layer"
    assert plot.stat().st_size > 5000


def test_gradient_flow_tells_what_all_seeds_show_from_what_one_does() -> None:
    import gradient_flow

    def pair(first: float, second: float) -> gradient_flow.Pair:
        norms = {"conv": first, "fc": second, "head": 0.0}
        return gradient_flow.Pair(
            gradient_flow.Run([1.0] * 9, {0: {"conv": 1.0, "fc": 1.0, "head": 1.0}}),
            gradient_flow.Run([2.0] * 9, {0: norms}),
        )

    lines = gradient_flow.table([pair(0.5, 0.5), pair(0.25, 2.0)]).splitlines()
    assert lines[1].split() == ["conv", "2.00", "3.00", "4.00", "larger", "with", "heads"]
    assert lines[2].split() == ["fc", "0.50", "1.25", "2.00"]
    assert lines[4].split() == ["with", "heads", "1.000", "1.000", "1.000"], "head is no block"


def test_the_measured_receptive_field_lies_in_the_theoretical_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_the_field_of_a_runs_layer_is_measured_as_its_checkpoint_says(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--images", 2, "--plot", tmp_path / "field.png")
    for block in ("inception1", "pool2"):
        example(
            "receptive_field", "--checkpoint", trained / "checkpoint.pt", "--block", block, *options
        )
    printed = capsys.readouterr().out
    assert "conv5x5: 25 px in theory" in printed
    assert "pool2: 69 px in theory" in printed, "41 and 7 strides of 4: it has no branches"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--block", "fc"), "fc gives 10, no map of channels × rows × columns"),
        (("--block", "aux1"), "aux1.fc gives 10, no map"),
        (("--block", "aux1.conv"), "runs only in training"),
        (("--block", "inception3"), "did you mean `inception2` or `inception1`?"),
        (("--images", "0"), "expected a whole number from 1 on, found '0'"),
    ],
)
def test_what_has_no_receptive_field_says_why(options: tuple[str, ...], words: str) -> None:
    from recipe.errors import UserError

    with pytest.raises(UserError, match=re.escape(words)):
        example("receptive_field", "--spec", EXAMPLES / "small.yaml", *options)


def test_finetune_says_what_it_loads_and_trains_the_rest(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained / "checkpoint.pt"
    options = (
        *TINY,
        "--data",
        "parity",
        "--freeze-through",
        "inception1.conv3x3",
        "--out",
        tmp_path,
    )
    example("finetune", checkpoint, *options)
    printed = capsys.readouterr().out
    assert "loaded  inception1: 12 tensors" in printed
    assert "skipped fc.weight: 10x56 in the file, 2x56 in the network" in printed
    assert "skipped aux1.conv.conv.weight: of the same head as aux1.fc.bias" in printed
    assert "starts anew: fc, aux1\nfrozen: the first 8 tensors; trained: inception1," in printed
    before, after = state(trained)["state_dict"], state(tmp_path)["model"]
    same = {
        key
        for key in before
        if before[key].shape == after[key].shape and before[key].equal(after[key])
    }
    frozen = ("conv1", "inception1.conv1x1", "inception1.reduce3x3", "inception1.conv3x3")
    assert same == {key for key in before if key.startswith(frozen)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--heads", "nosuch"), "--heads: no layer 'nosuch' has weights; there are conv1, inc"),
        (("--heads", "inception3"), "did you mean `inception2` or `inception1`?"),
        (("--freeze-through", "inception1.conv"), "did you mean `inception1.conv5x5` or"),
        (("--freeze-through", "pool1"), "--freeze-through: no layer 'pool1' has weights"),
        (("--freeze-through", "aux1"), "--freeze-through aux1: fc, aux1 would be frozen, but sta"),
        (("--data", "digits", "--freeze-through", "aux1"), "aux1 leaves nothing to train"),
    ],
)
def test_finetune_refuses_layers_that_are_none(
    trained: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    from recipe.errors import UserError

    with pytest.raises(UserError, match=re.escape(words)):
        example("finetune", trained / "checkpoint.pt", *TINY, "--out", tmp_path, *options)


def test_finetune_refuses_another_networks_file(tmp_path: Path) -> None:
    from recipe.errors import UserError
    from recipe.transfer import transfer

    model = netspec.load(str(EXAMPLES / "small.yaml")).build()
    path = tmp_path / "other.pt"
    given = {"conv1.conv.bias": torch.ones(16), "stem.weight": torch.ones(2)}
    torch.save(given, path)
    with pytest.raises(UserError, match=r"gives 1 of the network's 32 .*--allow-partial"):
        transfer(model, path)
    assert not model.conv1.conv.bias.eq(1).all(), "refused before anything is loaded"
    taken = transfer(model, path, allow_partial=True)
    assert list(taken.loaded) == ["conv1.conv.bias"] and model.conv1.conv.bias.eq(1).all()
    assert taken.skipped == {"stem.weight": "the network has no such tensor"}
    heads = ("inception1", "inception2", "fc", "aux1")
    assert len(transfer(model, path, heads).loaded) == 1, "half of what is left"


def test_held_out_images_are_what_bench_reads(tmp_path):
    out = tmp_path / "digits.npz"
    example("held_out", "--size", 32, "--most", 70, "--scale", 0.0157, "--out", out)
    data = labelled.read(str(out), (3, 32, 32))
    assert len(set(data.labels.tolist())) == 10
    assert -2 < data.images.min() < -1.5 and 2 < data.images.max() < 2.5
    assert [len(labels) for _, labels in data.batches(4)] == [4]
