"""Torchvision's classifiers: whatever one of them calls has a counterpart in the language."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from netspec.ops.base import REGISTRY, Call, Op
from tests.support import ROOT, load, loads, mostly, one_block, verified
from tests.torchvision import declared, made

FAMILIES = {
    "alexnet": ("alexnet",),
    "convnext": ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"),
    "densenet": ("densenet121", "densenet161", "densenet169", "densenet201"),
    "efficientnet": tuple(f"efficientnet_b{i}" for i in range(8)),
    "efficientnet_v2": ("efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l"),
    "googlenet": ("googlenet",),
    "inception_v3": ("inception_v3",),
    "maxvit": ("maxvit_t",),
    "mnasnet": ("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"),
    "mobilenet": ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
    "regnet": tuple(
        f"regnet_{kind}_{size}"
        for kind in "xy"
        for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")
        if (kind, size) != ("x", "128gf")
    ),
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "resnext": ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    "shufflenet": tuple(f"shufflenet_v2_x{size}" for size in ("0_5", "1_0", "1_5", "2_0")),
    "squeezenet": ("squeezenet1_0", "squeezenet1_1"),
    "swin": ("swin_t", "swin_s", "swin_b"),
    "swin_v2": ("swin_v2_t", "swin_v2_s", "swin_v2_b"),
    "vgg": tuple(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    "vit": ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"),
    "wide_resnet": ("wide_resnet50_2", "wide_resnet101_2"),
}
OFTEN = ("squeezenet", "maxvit", "shufflenet", "mobilenet", "alexnet")
SIZES = {"inception_v3": 299, "swin_v2_t": 256, "swin_v2_s": 256, "swin_v2_b": 256}

FUNCTIONS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("add", "exp", "matmul", "chunk", "clamp", "expand", "flatten")},
    **{name: (name,) for name in ("mean", "permute", "reshape", "roll", "sigmoid", "normalize")},
    **{name: (name,) for name in ("adaptive_avg_pool2d", "avg_pool2d", "max_pool2d", "dropout")},
    **{name: (name,) for name in ("layer_norm", "linear", "relu", "softmax", "pad")},
    "add_": ("add",),
    "cat": ("concat",),
    "einsum": ("permute", "matmul"),
    "mul": ("mul", "scale"),
    **dict.fromkeys(("swapaxes", "transpose"), ("permute",)),
    **dict.fromkeys(("unsqueeze", "view"), ("reshape",)),
    "__getitem__": ("gather", "narrow", "select", "unbind"),
    # The mask of shifted windows, which torchvision draws anew at every call.
    **dict.fromkeys(("new_zeros", "__setitem__", "sub", "__eq__", "ne"), ("constant",)),
    "masked_fill": ("constant",),
    # A bias whose middle third is held at zero.
    **dict.fromkeys(("clone", "zero_"), ("scale",)),
}
"""What a function of torch or a method of tensors is in the language: ops, one or the other."""
SHAPES = {"size", "dim", "numel", "shape", "contiguous", "_assert", "_set_grad_enabled"}
"""What only asks for a shape, or says how elements stand in memory."""
SILENT = {"inplace", "training", "_stacklevel"}
"""Arguments of functions that change no result, or say what the mode of the module is."""
LAYERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass
class Calls(TorchFunctionMode):
    """What a network calls beside PyTorch's modules, and those modules with their inputs."""

    functions: dict[str, set[str]] = field(default_factory=dict)
    """What each function is told beside its tensors."""
    modules: dict[str, tuple[nn.Module, tuple[int, ...]]] = field(default_factory=dict)
    inside: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if not self.inside:
            name = (resolve_name(function) or function.__name__).removesuffix(".__get__")
            said = self.functions.setdefault(name.rpartition(".")[2], set())
            said |= {key for key, value in (kwargs or {}).items() if is_option(value)}
        return function(*args, **(kwargs or {}))

    def enter(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if not self.inside:
            self.modules[repr(module)] = module, tuple(inputs[0].shape[1:])
        self.inside += 1

    def leave(self, module: nn.Module, inputs: object, output: object) -> None:
        self.inside -= 1


@pytest.fixture(scope="module", autouse=True)
def operators() -> Iterator[None]:
    with declared():
        yield


def is_option(value: object) -> bool:
    return not (value is None or value is False or isinstance(value, Tensor))


def is_leaf(module: nn.Module) -> bool:
    """Tell whether a module is one of PyTorch's, or torchvision's stochastic depth."""
    own = type(module).__module__.startswith("torch.nn") and not isinstance(module, LAYERS)
    return own or type(module).__name__ == "StochasticDepth"


def called(name: str) -> Calls:
    """Run a classifier on the meta device, in training and in inference."""
    calls, size = Calls(), SIZES.get(name, 224)
    with torch.device("meta"):
        model, image = made(name), torch.empty(2, 3, size, size)
    for module in filter(is_leaf, model.modules()):
        module.register_forward_pre_hook(calls.enter)
        module.register_forward_hook(calls.leave)
    for training in (True, False):
        with calls, torch.no_grad():
            model.train(training)(image)
    return calls


def op_of(module: nn.Module) -> type[Op] | None:
    """Return the op that makes a module of this class."""
    name = type(module).__name__
    found = (op for op in REGISTRY.values() if op.module in (f"nn.{name}", name))
    return next(found, None)


def rebuilt(module: nn.Module, op: type[Op], shape: tuple[int, ...]) -> nn.Module:
    """Return what the op makes of a module's options."""
    options = {key: getattr(module, key) for key in op.model_fields if hasattr(module, key)}
    for key, value in options.items():
        if isinstance(value, Tensor) or (value is None and key == "bias"):
            options[key] = value is not None
    call = op.model_validate(options).torch(shape)
    assert isinstance(call, Call)
    make = getattr(nn, call.function.removeprefix("nn."), type(module))
    with torch.device("meta"):
        built: nn.Module = make(*call.args, **call.kwargs)
    return built


@pytest.mark.parametrize("family", mostly(OFTEN, FAMILIES))
def test_whatever_a_classifier_calls_is_in_the_language(family: str) -> None:
    for name in FAMILIES[family]:
        check(called(name))


def check(calls: Calls) -> None:
    assert set(calls.functions) - SHAPES <= set(FUNCTIONS)
    for function, said in calls.functions.items():
        ops = [REGISTRY[op] for op in FUNCTIONS.get(function, ())]
        fields = {field for op in ops for field in op.model_fields}
        assert not ops or said <= fields | SILENT, function
    for module, shape in calls.modules.values():
        op = op_of(module)
        assert op is not None, module
        assert repr(rebuilt(module, op, shape)) == repr(module)


def test_these_are_all_classifiers() -> None:
    models = pytest.importorskip("torchvision.models")
    assert sorted(models.list_models(module=models)) == sorted(
        name for names in FAMILIES.values() for name in names
    )


# ------------------------------------------------------------------ networks that no zoo has

WRITTEN = sorted((ROOT / "tests/classifiers").glob("*.yaml"))
SMALLEST = ("shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5", "squeezenet1_0")


FIXED = {"maxvit_t": 224, "swin_v2_t": 256}
"""The sizes of images where shapes are written down."""


@pytest.mark.parametrize("name", mostly(SMALLEST, [path.stem for path in WRITTEN]))
def test_it_is_torchvisions_bit_for_bit(name: str) -> None:
    net = load(ROOT / f"tests/classifiers/{name}.yaml")
    torch.manual_seed(0)
    ours, theirs = net.build(), made(name)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    image = torch.randn(2, 3, *[FIXED.get(name, 64)] * 2)
    for training in (False, True):
        found = []
        for model in (ours.train(training), theirs.train(training)):
            torch.manual_seed(1)
            with torch.no_grad():
                found.append(model(image))
        assert torch.equal(*found)
        assert found[0].std() > 0
    states = [dict(model.named_buffers()) for model in (ours, theirs)]
    assert all(torch.equal(states[0][key], value) for key, value in states[1].items())


def test_their_code_passes_ruff(tmp_path: Path) -> None:
    for path in WRITTEN:
        (tmp_path / f"{path.stem}.py").write_text(load(path).to_python())
    for command in (
        ("format", "--diff"),
        ("check", "--select", "E,F,W,I,UP,B,SIM,PYI,RUF,PIE,RET"),
    ):
        result = subprocess.run(
            ("ruff", *command, "--isolated", str(tmp_path)), capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout


def test_the_input_of_googlenet_can_be_changed_as_its_checkpoint_wants() -> None:
    models = pytest.importorskip("torchvision.models")
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    factors = [[[deviation / 0.5]] for deviation in deviations]
    shifts = [[[(mean - 0.5) / 0.5]] for mean in means]
    text = f"""
        factors: {{constant: [{factors}]}}
        shifts: {{constant: [{shifts}]}}
        scaled: {{mul: [], from: [image, factors]}}
        out: {{add: [], from: [scaled, shifts]}}
    """
    image = torch.randn(2, 3, 16, 16)
    theirs = models.googlenet(weights=None, init_weights=False, transform_input=True)
    assert torch.equal(loads(one_block(text)).build()(image), theirs._transform_input(image))


TABLES = """\
netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  Tables:
    params: [side]
    chain:
      rows:    {reshape: [[$side * $side, -1]]}
      linear:  {linear: $side * $side}
      index:   {constant: relative_position_index, size: [$side, $side], flat: false}
      chosen:  {gather: 1, from: [linear, index]}
      flat:    {constant: relative_position_index, size: [$side, $side], persistent: true}
      places:  {reshape: [[$side * $side, $side * $side]]}
      again:   {gather: 1, from: [chosen, places]}
      linear2: {linear: 2}
      table:   {constant: relative_coords_table, size: [$side, $side]}
      pairs:   {reshape: [[(2 * $side - 1) * (2 * $side - 1), 2]]}
      all:     {concat: [], from: [linear2, pairs]}
graph:
  four: {Tables: 4}
  two: {Tables: 2, from: image}
outputs: {four: four, two: two}
"""


def test_tables_of_a_window_have_the_size_that_a_parameter_says() -> None:
    net = loads(TABLES)
    assert verified(net.network, net.to_python()) == []
