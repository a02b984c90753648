"""Weights that find their place by structure."""

from __future__ import annotations

import importlib
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

import netspec
from netspec.cli import main
from netspec.runtime.graphs import match_graphs
from netspec.runtime.match import MatchError, match
from tests.support import ROOT, SPECS, draws, one_block
from tests.torchvision import declared, made

Shapes = Mapping[str, tuple[int, ...]]
GOOGLENET = ROOT / "specs" / "googlenet.yaml"


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a spec: key → shape."""
    return netspec.load(path).network.tensors()


def renamed(given: Shapes, draw: random.Random) -> dict[str, str]:
    """Return other keys for tensors: new names, some prefixes deeper, some of them joined."""
    layers = {tuple(key.split(".")[:-1]) for key in given}
    names: dict[tuple[str, ...], str] = {}
    keys = {}
    for key in given:
        *prefix, last = key.split(".")
        new = ""
        for level in range(1, len(prefix) + 1):
            path = tuple(prefix[:level])
            if path not in names:
                ends = ["."] if path in layers else [".", "_", ".more.", "/"]
                names[path] = f"n{len(names)}{draw.choice(ends)}"
            new += names[path]
        keys[key] = new + last
    return keys


@pytest.mark.parametrize("seed", range(draws(1, 4)))
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_renamed_tensors_are_found(path: Path, seed: int) -> None:
    given = shapes(path)
    keys = renamed(given, random.Random(f"{path.stem} {seed}"))
    other = {keys[key]: shape for key, shape in given.items()}
    assert match(given, other).keys == keys
    assert match(other, given).keys == {new: old for old, new in keys.items()}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_graph_alone_tells_all_layers_apart(path: Path) -> None:
    network = netspec.load(path).network
    found = match_graphs(network, network)
    assert not found.by_order
    assert found.keys == {key: key for key in network.tensors()}


def caffe(with_heads: bool = True) -> dict[str, tuple[int, ...]]:
    """Return the blobs of BVLC's GoogLeNet: their names are slashed, their order the file's."""
    blobs: dict[str, tuple[int, ...]] = {}

    def put(name: str, *shape: int) -> None:
        blobs.update({f"{name}.weight": shape, f"{name}.bias": shape[:1]})

    def head(name: str, channels: int) -> None:
        put(f"{name}/conv", 128, channels, 1, 1)
        put(f"{name}/fc", 1024, 2048)
        put(f"{name}/classifier", 1000, 1024)

    put("conv1/7x7_s2", 64, 3, 7, 7)
    put("conv2/3x3_reduce", 64, 64, 1, 1)
    put("conv2/3x3", 192, 64, 3, 3)
    channels = 192
    for name, one, reduce3, three, reduce5, five, pool in WIDTHS:
        around = f"inception_{name}/"
        put(f"{around}1x1", one, channels, 1, 1)
        put(f"{around}3x3_reduce", reduce3, channels, 1, 1)
        put(f"{around}3x3", three, reduce3, 3, 3)
        put(f"{around}5x5_reduce", reduce5, channels, 1, 1)
        put(f"{around}5x5", five, reduce5, 5, 5)
        put(f"{around}pool_proj", pool, channels, 1, 1)
        channels = one + three + five + pool
        if with_heads and name in HEADS:
            head(HEADS[name], channels)
    put("loss3/classifier", 1000, 1024)
    return blobs


HEADS = {"4a": "loss1", "4d": "loss2"}
WIDTHS = [
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
]
"""Table 1 of the paper: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool proj."""


@pytest.mark.parametrize("with_heads", [True, False])
def test_caffes_blobs_find_their_place(with_heads: bool) -> None:
    found = match(shapes(GOOGLENET), caffe(with_heads))
    layers = {ours.rpartition(".")[0]: key.rpartition(".")[0] for ours, key in found.keys.items()}
    assert len(layers) == (64 if with_heads else 58)
    assert layers["reduce2.conv"] == "conv2/3x3_reduce"
    assert layers["inception_4c.reduce3x3.conv"] == "inception_4c/3x3_reduce"
    assert layers["inception_5b.pool_proj.conv"] == "inception_5b/pool_proj"
    assert layers["fc"] == "loss3/classifier"
    # The only layers that no shape tells apart: two modules are as wide before 3×3 as beside it.
    assert [[ours for ours, _ in lot] for lot in found.by_order] == [
        ["inception_3b.conv1x1.conv", "inception_3b.reduce3x3.conv"],
        ["inception_4c.conv1x1.conv", "inception_4c.reduce3x3.conv"],
    ]


def flat(*names: str) -> dict[str, tuple[int, ...]]:
    """Return layers side by side: classifiers that are alike, and one that is not."""
    return {f"{name}.weight": (128, 4) if name == "stem" else (1000, 1024) for name in names}


def test_two_orders_are_refused() -> None:
    with pytest.raises(MatchError, match="`a`, `fc` of the file are alike, and nothing tells"):
        match(flat("stem", "fc", "head"), flat("a", "stem", "fc"))
    with pytest.raises(MatchError, match="the file has `fc`, the model as alike `x`, `y`"):
        match(flat("x", "y"), flat("fc"))
    with pytest.raises(MatchError, match=r"matches `stem\.weight` of the model, nor `a"):
        match(flat("stem"), flat("a"))
    # A sorted file has no order, only numbers.
    with pytest.raises(MatchError, match="alike, and nothing tells which"):
        match(flat("a", "b"), flat("b", "c"), is_ordered=False)
    found = match(flat("a1", "a2"), flat("b2", "b10"), is_ordered=False)
    assert found.keys == {"a1.weight": "b2.weight", "a2.weight": "b10.weight"}


def test_a_checkpoint_of_torchvision_gives_the_same_logits(tmp_path: Path) -> None:
    with declared():
        googlenet = made("googlenet", transform_input=False).eval()
    file = tmp_path / "googlenet.pt"
    torch.save(googlenet.state_dict(), file)
    loaded = netspec.load(ROOT / "specs" / "googlenet_bn.yaml").load_weights(file)
    image = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.equal(loaded.model.eval()(image), googlenet(image))
    assert not loaded.missing
    assert len(loaded.by_order) == 2


def test_the_command_writes_the_specs_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    tensors = {key: torch.randn(shape) for key, shape in caffe().items()}
    file, out = tmp_path / "caffe.pt", tmp_path / "googlenet.pt"
    torch.save(tensors, file)
    assert main(["weights", str(GOOGLENET), str(file), "-o", str(out)]) == 0
    told = capsys.readouterr().err
    assert "inception_3a.conv1x1.conv ← inception_3a/1x1" in told
    assert "by order alone: inception_4c.conv1x1.conv ← inception_4c/1x1" in told
    state = torch.load(out, weights_only=True)
    assert torch.equal(state["fc.weight"], tensors["loss3/classifier.weight"])
    assert main(["weights", str(GOOGLENET), str(out), "-o", str(tmp_path / "again.pt")]) == 0
    assert "←" not in capsys.readouterr().err
    other = ROOT / "specs" / "resnet18.yaml"
    assert main(["weights", str(other), str(file), "-o", str(tmp_path / "x.pt")]) == 1
    assert "cannot be matched by structure" in capsys.readouterr().err
    assert not (tmp_path / "x.pt").exists()


OTHER = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.second = nn.Conv2d(3, 4, 1)
        self.first = nn.Conv2d(3, 4, 1)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.out(torch.cat([self.first(x), self.second(x).relu()], 1))
"""
LIKE = """
both: {parallel: [{left: LEFT}, {right: RIGHT}], join: concat}
out: {conv2d: [2, 1]}
"""


def test_like_a_module_what_order_would_confuse_is_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "written_by_hand.py").write_text(OTHER)
    monkeypatch.syspath_prepend(tmp_path)
    model = importlib.import_module("written_by_hand").Net()
    torch.save(model.state_dict(), tmp_path / "net.pt")
    plain, relu = "{conv2d: [4, 1]}", "[{conv2d: [4, 1]}, relu]"
    spec, out = tmp_path / "net.yaml", tmp_path / "out.pt"
    words = ["weights", str(spec), str(tmp_path / "net.pt"), "-o", str(out), "--force"]
    like = ["--like", "torch:written_by_hand:Net()"]
    spec.write_text(one_block(LIKE.replace("LEFT", plain).replace("RIGHT", relu)))
    assert main(words) == 0
    assert "by order alone: both.left ← second, both.right.0 ← first" in capsys.readouterr().err
    assert main([*words, *like]) == 0
    assert "both.left ← first" in capsys.readouterr().err
    ours = netspec.load(spec).load_weights(out).model
    image = torch.randn(1, *netspec.load(spec).inputs["image"])
    assert torch.equal(ours(image), model(image))
    spec.write_text(one_block(LIKE.replace("LEFT", relu).replace("RIGHT", plain)))
    assert main([*words, *like]) == 1
    assert "all layers have a place, but the outputs differ" in capsys.readouterr().err
    spec.write_text(one_block("both: {conv2d: [8, 1]}\nout: {conv2d: [2, 1]}"))
    assert main([*words, *like]) == 1
    assert "the graphs differ: 0 layers are like `both`" in capsys.readouterr().err
