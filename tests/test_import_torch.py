"""PyTorch modules as specs: the same function, the same keys, and a text as one writes it."""

from __future__ import annotations

import io
import re
import zipfile
from collections import OrderedDict
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import netspec
from netspec.cli import main
from netspec.importer.torch_program import Unsafe, _refuse_code
from netspec.importer.torch_source import BadSource, factory
from netspec.language.fmt.text import formatted
from netspec.text.diagnostics import Source
from tests.support import mostly
from tests.torchvision import declared, made

LINES = {
    "googlenet": 55,
    "mnasnet0_5": 50,
    "mobilenet_v2": 65,
    "mobilenet_v3_small": 60,
    "regnet_y_400mf": 70,
    "resnet18": 40,
    "shufflenet_v2_x0_5": 60,
    "squeezenet1_0": 40,
    "convnext_tiny": 60,
    "densenet121": 60,
    "efficientnet_b0": 60,
    "inception_v3": 110,
    "maxvit_t": 140,
    "mobilenet_v3_large": 110,
    "resnet50": 50,
    "resnet152": 50,
    "swin_t": 120,
    "swin_v2_t": 120,
    "vit_b_16": 60,
}
"""Torchvision's classifiers, and how long their specs are at most."""
OFTEN = ("squeezenet1_0",)
SIDES = {"inception_v3": 299, "swin_v2_t": 256}


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


@pytest.mark.parametrize("name", mostly(OFTEN, LINES))
def test_a_classifier_becomes_a_spec_that_computes_the_same(name):
    torch.manual_seed(1)
    model, side = made(name), SIDES.get(name, 224)
    net = netspec.import_module(model, torch.zeros(1, 3, side, side))
    text = net.to_yaml()
    assert lines(text) <= LINES[name]
    assert formatted(Source("net.yaml", text)) == text
    assert net.warnings == ()
    assert net.network.spec.expect
    check_same(model, net, (3, side, side))


TRANSFORMERS: dict[str, dict[str, Any]] = {
    "VisionTransformer": {
        "image_size": 32,
        "patch_size": 8,
        "num_layers": 3,
        "num_heads": 4,
        "hidden_dim": 32,
        "mlp_dim": 64,
        "dropout": 0.1,
        "attention_dropout": 0.1,
    },
    "SwinTransformer": {
        "patch_size": [2, 2],
        "embed_dim": 32,
        "depths": [2, 2],
        "num_heads": [1, 2],
        "window_size": [4, 4],
        "stochastic_depth_prob": 0.2,
    },
}


@pytest.mark.parametrize("name", mostly(["VisionTransformer"], TRANSFORMERS))
def test_attention_with_its_windows_and_noise(name):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(1)
    model = getattr(models, name)(num_classes=5, **TRANSFORMERS[name])
    net = netspec.import_module(model, torch.zeros(2, 3, 32, 32))
    check_same(model, net, (3, 32, 32))


def test_a_dense_block_is_a_stack_of_equal_layers():
    models = pytest.importorskip("torchvision.models")
    model = models.DenseNet(growth_rate=4, block_config=(3, 2), num_init_features=8, num_classes=5)
    net = netspec.import_module(model, torch.zeros(2, 3, 32, 32))
    assert [*net.network.spec.blocks] == ["DenseLayer"]
    assert "denseblock1: {DenseLayer: [], repeat: 3, copies: denselayer1}" in squeezed(net)
    check_same(model, net, (3, 32, 32))


def squeezed(net: netspec.Net) -> str:
    """Return a spec's text without its columns."""
    return re.sub(" +", " ", net.to_yaml())


@pytest.mark.long
def test_googlenet_has_two_blocks_with_57_and_9_uses():
    model = made("googlenet", aux_logits=False)
    net = netspec.import_module(model, torch.zeros(1, 3, 224, 224))
    assert lines(net.to_yaml()) <= 45
    blocks = net.network.spec.blocks
    assert [len(block.params) for block in blocks.values()] == [3, 6]
    paths = [path.split(".") for path in net.layers]
    assert sum(path[-1] == "conv" for path in paths) == 57
    assert len({path[0] for path in paths if path[0].startswith("inception")}) == 9


@pytest.mark.long
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
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.CELU())

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        return torch.cumsum(y, 2) + torch.erfinv(y)


def test_all_that_cannot_be_said_is_said_at_once():
    with pytest.raises(netspec.SpecError) as caught:
        netspec.import_module(Unsaid(), torch.zeros(2, 3, 9, 9))
    found = {item.message: item for item in caught.value.diagnostics}
    assert [*found] == [
        "`aten.celu.default` in `inner.1` has no counterpart",
        "`aten.cumsum.default` in `the network itself` has no counterpart",
        "`aten.erfinv.default` in `the network itself` has no counterpart",
    ]
    places = [item.span for item in caught.value.diagnostics if item.span]
    assert "torch.cumsum(y, 2)" in places[1].text


class Crossed(nn.Module):
    """Modules whose parts run between each other's."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.ModuleList([nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)])
        self.two = nn.ModuleList([nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)])

    def forward(self, x: Tensor) -> Tensor:
        for one, two in zip(self.one, self.two, strict=True):
            x = two(one(x))
        return x


class Overwriting(nn.Module):
    """A view that is overwritten, and what it shows is read again."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        y.flatten(1).relu_()
        return y.flatten(1)


class Moody(nn.Module):
    """Another function in training, beside what only training has."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).softmax(1) if self.training else x.flatten(1).log_softmax(1)


class Unread(nn.Module):
    """A weight that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.left = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Crossed(), "its parts run between one another's"),
        (Overwriting(), "without overwriting"),
        (Moody(), "runs only in inference"),
        (Unread(), "a tensor that nothing reads"),
    ],
)
def test_what_no_spec_can_hold_together_is_refused(model, message):
    with pytest.raises(netspec.SpecError, match=message):
        netspec.import_module(model, torch.zeros(2, 3, 9, 9))


def test_a_list_gets_a_name(tmp_path: Path):
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(27, 2))
    net = netspec.import_module(model, torch.zeros(2, 3, 3, 3))
    torch.save(model.state_dict(), tmp_path / "net.pt")
    loaded = net.load_weights(tmp_path / "net.pt")  # its keys are other ones, its structure is not
    assert [*loaded.model.state_dict()] == [f"layers.{key}" for key in model.state_dict()]
    image = torch.randn(1, 3, 3, 3)
    assert torch.equal(loaded.model(image), model(image))


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def with_bomb(source: Path, target: Path, bomb: bytes | None, rename: dict[str, bytes]) -> set[str]:
    """Copy an archive: pickled members become a bomb, bytes in JSON other ones."""
    changed = set()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if bomb and item.filename.endswith(".pt"):
                data = bomb
                changed.add(item.filename)
            if item.filename.endswith(".json"):
                for before, after in rename.items():
                    changed |= {item.filename} if before in data else set()
                    data = data.replace(before, after)
            new.writestr(item, data)
    return changed


def test_nothing_in_an_exported_program_runs(tmp_path: Path, capsys):
    batch = torch.export.Dim("batch", min=2)
    model = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 1), flat=nn.Flatten()))
    shapes = ({0: batch},)
    program = torch.export.export(model, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=shapes)
    plain, hostile, mark = (tmp_path / name for name in ("net.pt2", "bomb.pt2", "mark"))
    torch.export.save(program, plain)
    file = io.BytesIO()
    torch.save(Bomb(mark), file)
    call = f"__import__('pathlib').Path('{mark}').touch()".encode()
    bursts = []
    for bomb, rename in (
        (file.getvalue(), {}),
        (None, {b"Symbol(": call + b" or Symbol("}),
    ):
        assert with_bomb(plain, hostile, bomb, rename)
        with suppress(Exception):
            torch.export.load(hostile)  # what torch itself makes of it
        bursts.append(mark.exists())
        mark.unlink(missing_ok=True)
        assert main(["import", str(hostile), "-o", str(tmp_path / "net.yaml")]) == 2
        assert not mark.exists()
    assert all(bursts)
    assert main(["import", str(plain), "-o", str(tmp_path / "net.yaml"), "--force"]) == 0


@pytest.mark.parametrize(
    ("size", "is_arithmetic"),
    [
        ("s0*(s0 - 1)//2", True),
        ("Max(1, s77)", True),
        ("Eq(s0, 4)", True),
        ("Mul(Integer(2), Symbol('s77', integer=True, positive=True))", True),
        ("open('x', 'w')", False),
        ("exit()", False),
        ("Symbol('a.b')", False),
        ("__import__('os')", False),
        ("s0.real", False),
        ("(lambda: 0)()", False),
        ("'a text'", False),
        ("9**9**9", False),
        ("s" * 2001, False),
    ],
)
def test_sizes_are_arithmetic(size: str, is_arithmetic: bool):
    with nullcontext() if is_arithmetic else pytest.raises(Unsafe):
        _refuse_code(size)


def test_a_program_whose_layers_have_only_numbers_is_refused(tmp_path: Path, capsys):
    program = torch.export.export(nn.Sequential(nn.Conv2d(3, 3, 1)), (torch.zeros(2, 3, 9, 9),))
    torch.export.save(program, tmp_path / "net.pt2")
    assert main(["import", str(tmp_path / "net.pt2"), "-o", str(tmp_path / "net.yaml")]) == 1
    assert "a network of numbers" in capsys.readouterr().err


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
