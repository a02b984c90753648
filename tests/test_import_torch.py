"""PyTorch modules as specs: the same function, the same keys, and a text as one writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import netspec
from netspec.cli import main
from netspec.importer.torch_source import BadSource, factory
from tests.torchvision import declared, made

LINES = {
    "googlenet": 55,
    "resnet18": 40,
    "squeezenet1_1": 40,
}
"""Torchvision's small classifiers, and how long their specs are at most."""


@pytest.fixture(autouse=True)
def torchvision():
    with declared():
        yield


def lines(text: str) -> int:
    """Return the lines that say something."""
    return sum(1 for line in text.splitlines() if line.strip() and not line.startswith("#"))


def same(one: Any, two: Any) -> bool:
    """Tell whether two modules gave the same, bit for bit."""
    if isinstance(one, Tensor):
        return torch.equal(one, two)
    return len(one) == len(two) and all(map(same, one, two))


def check_same(model: nn.Module, net: netspec.Net, *shapes: tuple[int, ...]) -> None:
    """Compare what is built of a spec with the module that it was imported from."""
    built = net.build()
    assert [*built.state_dict()] == [*model.state_dict()]
    built.load_state_dict(model.state_dict())
    for batch in (1, 3):
        inputs = [torch.randn(batch, *shape) for shape in shapes]
        with torch.no_grad():
            assert same(model.eval()(*inputs), built.eval()(*inputs))
    inputs = [torch.randn(2, *shape) for shape in shapes]
    given = []
    for network in (model.train(), built.train()):
        torch.manual_seed(0)
        given.append(network(*inputs))
    assert same(*given)


@pytest.mark.parametrize("name", LINES)
def test_a_classifier_becomes_a_spec_that_computes_the_same(name):
    torch.manual_seed(1)
    model = made(name)
    net = netspec.import_module(model, torch.zeros(1, 3, 224, 224))
    assert lines(net.to_yaml()) <= LINES[name]
    assert netspec.loads(net.to_yaml()).parameters == net.parameters
    assert net.warnings == ()
    check_same(model, net, (3, 224, 224))


def test_googlenet_has_two_blocks_with_57_and_9_uses():
    model = made("googlenet", aux_logits=False)
    net = netspec.import_module(model, torch.zeros(1, 3, 224, 224))
    assert lines(net.to_yaml()) <= 45
    blocks = net.network.spec.blocks
    assert [len(block.params) for block in blocks.values()] == [3, 6]
    paths = [path.split(".") for path in net.layers]
    assert sum(path[-1] == "conv" for path in paths) == 57
    assert len({path[0] for path in paths if path[0].startswith("inception")}) == 9


def test_heads_run_only_in_training():
    net = netspec.import_module(made("googlenet"), torch.zeros(1, 3, 224, 224))
    heads = [output.name for output in net.network.graph.outputs if output.train_only]
    assert heads == ["aux_logits2", "aux_logits1"]
    only = [name for name, node in net.graph.nodes(data=True) if node["train_only"]]
    assert len(only) == 2 * 9


class Arithmetic(nn.Module):
    """Numbers beside tensors, and a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 1, 1))
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        first = x[:, 0:1] * (0.229 / 0.5) + (0.485 - 0.5) / 0.5
        y = self.conv(torch.cat([first, x[:, 1:]], 1))
        y = F.relu(self.norm(y), inplace=True)
        y = F.relu(self.norm(y * self.scale))
        return 1 - y.mean((2, 3)) / 3


def test_arithmetic_and_shared_weights():
    model = Arithmetic()
    check_same(model, netspec.import_module(model, torch.zeros(2, 3, 9, 9)), (3, 9, 9))


class Unsaid(nn.Module):
    """Calls that netspec has no word for, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softsign())

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        return torch.cumsum(y, 2) + torch.erfinv(y)


def test_all_that_cannot_be_said_is_said_at_once():
    with pytest.raises(netspec.SpecError) as caught:
        netspec.import_module(Unsaid(), torch.zeros(2, 3, 9, 9))
    text = str(caught.value)
    assert "softsign" in text or "abs" in text


@pytest.mark.parametrize(
    "source",
    ["", "os", "os:", "os:system('ls') + 1", "os:f(x)", "os:f(*[1])", "a b:c()", "os:f[0]()"],
)
def test_a_source_names_a_factory_and_plain_values(source):
    with pytest.raises(BadSource):
        factory(source)


def test_the_command_writes_the_spec_and_its_weights(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "own.py").write_text(
        "from collections import OrderedDict\n"
        "from torch import nn\n"
        "def net(width=4):\n"
        "    layers = {'conv': nn.Conv2d(3, width, 3), 'flat': nn.Flatten()}\n"
        "    return nn.Sequential(OrderedDict(layers, fc=nn.Linear(width * 36, 2)))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    out = ["-o", "net.yaml", "--weights", "net.safetensors"]
    assert main(["import", "torch:own:net(width=8)", "--input", "3x8x8", *out]) == 0
    assert "running own:net" in capsys.readouterr().err
    assert main(["fmt", "--check", "net.yaml"]) == 0
    net = netspec.load("net.yaml")
    assert net.parameters == 8 * 28 + 2 * (8 * 36 + 1)
    assert not net.load_weights("net.safetensors").missing
    assert main(["import", "torch:own:nothing()", *out]) == 2
    assert main(["import", "net.xyz", *out]) == 2


def test_an_exported_program_is_read_without_its_module(tmp_path: Path):
    model = made("squeezenet1_1").eval()
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, (torch.zeros(2, 3, 64, 64),), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    out = str(tmp_path / "net.yaml")
    assert main(["import", str(tmp_path / "net.pt2"), "-o", out]) == 0
    built = netspec.load(out).build().eval()
    built.load_state_dict(model.state_dict())
    x = torch.randn(3, 3, 64, 64)
    assert torch.equal(built(x), model(x))
