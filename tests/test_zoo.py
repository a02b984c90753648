"""The zoo: every spec has the numbers and outputs of an implementation that is not netspec's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import netspec
from netspec.cli import main
from netspec.language.model import walk
from tests.reference import alexnet, fpn, googlenet_naive, inception_bn, nin, unet
from tests.support import ROOT, SPECS, load, mostly
from tests.torchvision import declared

LONGEST_LINE = 105


class Oracle(NamedTuple):
    """What a spec is compared with: parameters (with heads), MACs (without), a module and an image.

    `size` is the image's for the counts; `image` the one to run, 0 for the same.
    """

    params: int
    macs: int
    make: Callable[[], nn.Module]
    size: int = 224
    image: int = 64


def torchvision(name: str, **keywords: object) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        models = pytest.importorskip("torchvision.models")
        model: nn.Module = getattr(models, name)(weights=None, **keywords)
        return model

    return make


TORCHVISION = {
    "inception_v3": Oracle(
        27_161_264,
        5_713_216_096,
        torchvision("inception_v3", init_weights=False, transform_input=False),
        size=299,
        image=0,
    ),
    "alexnet_tv": Oracle(61_100_840, 714_188_480, torchvision("alexnet"), image=0),
    "vgg16": Oracle(138_357_544, 15_470_264_320, torchvision("vgg16", init_weights=False)),
    "vgg19_bn": Oracle(143_678_248, 19_632_062_464, torchvision("vgg19_bn", init_weights=False)),
    "resnet18": Oracle(11_689_512, 1_814_073_344, torchvision("resnet18")),
    "resnet34": Oracle(21_797_672, 3_663_761_408, torchvision("resnet34")),
    "resnet50": Oracle(25_557_032, 4_089_184_256, torchvision("resnet50"), image=0),
    "resnet101": Oracle(44_549_160, 7_801_405_440, torchvision("resnet101")),
    "resnet152": Oracle(60_192_808, 11_513_626_624, torchvision("resnet152")),
    "mobilenet_v2": Oracle(3_504_872, 300_774_272, torchvision("mobilenet_v2")),
    "efficientnet_b0": Oracle(5_288_548, 385_814_752, torchvision("efficientnet_b0")),
    "densenet121": Oracle(7_978_856, 2_834_161_664, torchvision("densenet121")),
    "swin_t": Oracle(28_288_354, 4_490_566_656, torchvision("swin_t"), image=0),
    "convnext_tiny": Oracle(28_589_128, 4_455_531_264, torchvision("convnext_tiny")),
    "vit_b_16": Oracle(86_567_656, 17_563_828_224, torchvision("vit_b_16"), image=0),
    "resnext50_32x4d": Oracle(25_028_904, 4_230_479_872, torchvision("resnext50_32x4d")),
}
BY_HAND = {
    "googlenet_naive": Oracle(104_274_376, 12_568_061_056, googlenet_naive.GoogLeNetNaive, image=0),
    "inception_bn": Oracle(11_278_528, 1_948_605_440, inception_bn.InceptionBN, image=0),
    "nin": Oracle(7_595_176, 1_100_188_800, nin.NiN, image=0),
    "fpn": Oracle(26_852_416, 6_929_104_896, fpn.FPN),
    "unet": Oracle(31_030_658, 150_428_424_448, unet.UNet, size=572, image=188),
    "alexnet": Oracle(60_965_224, 724_406_816, alexnet.AlexNet, size=227, image=0),
}
ZOO = {**TORCHVISION, **BY_HAND}


class Twins(NamedTuple):
    """A spec's network and its oracle, which have the same random weights but own buffers."""

    name: str
    net: netspec.Net
    ours: nn.Module
    theirs: nn.Module


@pytest.fixture(scope="module")
def operators() -> Iterator[None]:
    with declared():
        yield


LARGE = {
    *("vgg16", "vgg19_bn", "resnet34", "resnet101", "resnet152", "googlenet_naive", "unet"),
    *("densenet121", "efficientnet_b0", "vit_b_16", "swin_t", "convnext_tiny"),
}
SMALL = {*ZOO} - LARGE


@pytest.fixture(scope="module", params=mostly(["googlenet", "mobilenet_v2", "resnet18"], ZOO))
def twins(request: pytest.FixtureRequest, operators: None) -> Twins:
    name: str = request.param
    net = load(ROOT / "specs" / f"{name}.yaml")
    # Tables of integers are computed by the constructors, and nothing else is worth the time.
    has_tables = any(
        node.call.op.op_name == "constant" for node in net.network.graph.nodes.values()
    )
    with torch.device("cpu" if has_tables else "meta"):
        ours, theirs = net.build(), ZOO[name].make()
    theirs = theirs if has_tables else theirs.to_empty(device="cpu")
    fill(theirs)
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    for module in ours.modules():
        module._buffers = {key: value.clone() for key, value in module._buffers.items()}
    return Twins(name, net, ours, theirs)


def fill(model: nn.Module) -> None:
    """Fill a model with numbers that keep the sizes of activations, quickly."""
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in model.parameters():
            bound = (3 / tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 1.0
            tensor.uniform_(-bound, bound)
        for key, buffer in model.named_buffers():
            if key.endswith("num_batches_tracked"):
                buffer.zero_()
            elif buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)


def test_the_optimised_network_computes_the_same(twins: Twins) -> None:
    fast = twins.net.optimize()
    module = fast.build()
    module.load_state_dict(fast.convert(twins.ours.state_dict()), strict=True)
    image = drawn(twins, 1)
    for mine, wanted in zip(
        outputs(module.eval(), image), outputs(twins.ours.eval(), image), strict=True
    ):
        torch.testing.assert_close(mine, wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())


def drawn(twins: Twins, count: int) -> Tensor:
    size = ZOO[twins.name].image or ZOO[twins.name].size
    channels, *_ = next(iter(twins.net.inputs.values()))
    return torch.randn(count, channels, size, size)


def outputs(model: nn.Module, image: Tensor) -> list[Tensor]:
    torch.manual_seed(1)
    with torch.no_grad():
        found = model(image)
    return [found] if isinstance(found, Tensor) else list(found)


def same(some: list[Tensor], others: list[Tensor]) -> bool:
    assert all(tensor.isfinite().all() and tensor.std() > 0 for tensor in some)
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_keys_stand_in_the_same_order(twins):
    state = [{k: v.shape for k, v in m.state_dict().items()} for m in (twins.ours, twins.theirs)]
    assert state[0] == state[1]
    # The merging of patches in torchvision declares its layers in another order than it runs them.
    if twins.name in TORCHVISION and twins.name != "swin_t":
        assert list(state[0]) == list(state[1])


def test_evaluation_is_bit_identical(twins):
    image = drawn(twins, 1)
    assert same(outputs(twins.ours.eval(), image), outputs(twins.theirs.eval(), image))


def test_training_is_bit_identical_with_heads_and_statistics(twins):
    image = drawn(twins, 2)
    found = outputs(twins.ours.train(), image)
    assert same(found, outputs(twins.theirs.train(), image))
    assert len(found) == len(twins.net.network.graph.outputs)
    states = [dict(model.named_buffers()) for model in (twins.ours, twins.theirs)]
    assert all(torch.equal(states[0][key], value) for key, value in states[1].items())


@pytest.mark.parametrize("name", mostly(SMALL, ZOO))
def test_counts_are_those_of_the_oracle(name, operators):
    oracle = ZOO[name]
    with torch.device("meta"):
        model = oracle.make().eval()
        net = load(ROOT / "specs" / f"{name}.yaml")
        channels, *_ = next(iter(net.inputs.values()))
        image = torch.empty(1, channels, oracle.size, oracle.size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    measured = sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2
    totals = net.network.totals
    assert (totals.training.params, totals.inference.macs) == measured
    assert measured == (oracle.params, oracle.macs)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_says_what_it_is(path):
    spec = load(path).network.spec
    assert spec.doc
    assert "params" in {item.metric for item in spec.expect if item.operator == "=="}
    assert any(layer.said.shape for layer in walk(spec.model.body))
    assert max(map(len, path.read_text().splitlines())) <= LONGEST_LINE


def test_specs_are_in_canonical_form(capsys):
    assert main(["fmt", "--check", *map(str, SPECS)]) == 0, capsys.readouterr().out


def test_family_is_one_file_and_small_variants():
    lines = {path.stem: len(path.read_text().splitlines()) for path in SPECS}
    assert all(lines[f"resnet{depth}"] <= 9 for depth in (34, 101, 152))
    assert max(lines["resnet18"], 2 * lines["resnext50_32x4d"]) <= 30


def test_weights_in_the_loss_belong_to_outputs():
    model: Any = load(ROOT / "specs" / "inception_v3.yaml", aux_weight=0.25).build()
    assert model.total_loss(torch.tensor(1.0), torch.tensor(2.0)).item() == 1.5
