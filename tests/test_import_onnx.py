"""ONNX files as specs: what ONNX Runtime gives, under the names that the exporter has kept."""

from __future__ import annotations

import io
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

import netspec
from netspec import limits
from netspec.cli import main
from netspec.importer.onnx import Found, import_graph
from netspec.importer.onnx_file import parsed
from tests.support import draws, mostly
from tests.torchvision import declared, made

EQUAL = 2e-6
"""Of the largest output: what two programs' rounding makes of it."""
DRAWS = draws(12, 150)


def read(data: bytes, *sizes: tuple[int, ...]) -> Found:
    return import_graph(parsed(data, "model.onnx"), "Net", sizes)


def given(data: bytes, inputs: Sequence[Tensor]) -> list[Any]:
    """Return what ONNX Runtime gives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    return list(session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True))))


def check_same(data: bytes, found: Found, batch: int = 2) -> None:
    """Compare what is built of a spec, with the file's weights, with ONNX Runtime."""
    text = found.network.spec.source.text
    net = netspec.loads(text)
    built = net.build().eval()
    built.load_state_dict({key: torch.tensor(array) for key, array in found.state.items()})
    shapes = list(net.network.graph.inputs.values())
    inputs = [torch.randn(batch, *shape) for shape in shapes]
    with torch.no_grad():
        result = built(*inputs)
    results = [result] if isinstance(result, Tensor) else [*result]
    for one, two in zip(results, given(data, inputs), strict=True):
        assert one.shape == two.shape
        limit = EQUAL * max(float(np.abs(two).max()), 1e-3)
        assert float(np.abs(one.numpy() - two).max()) <= limit


# ------------------------------------------------------------------ exporters


def exported(model: nn.Module, x: Tensor, new: bool) -> bytes:
    """Return a module as one of torch's exporters writes it, for any batch."""
    file = io.BytesIO()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if new:
                batch = ({0: torch.export.Dim("batch")},)
                torch.onnx.export(
                    model.eval(), (x,), file, dynamo=True, dynamic_shapes=batch, verbose=False
                )
            else:
                axes = {"image": {0: "batch"}}
                torch.onnx.export(
                    model.eval(), (x,), file, dynamo=False, input_names=["image"], dynamic_axes=axes
                )
    finally:
        logging.disable(before)
    return file.getvalue()


def lively(model: nn.Module) -> nn.Module:
    """Give normalisations other numbers than those that they begin with."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, least in ((module.running_mean, -0.1), (module.running_var, 0.5)):
                assert tensor is not None
                nn.init.uniform_(tensor, least, least + 0.9)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    return model


LINES = {"squeezenet1_1": 35, "resnet18": 30, "googlenet": 42, "mobilenet_v3_small": 70}
"""Torchvision's classifiers, and how long their specs are at most."""
ALL = {**LINES, "shufflenet_v2_x0_5": 60, "mnasnet0_5": 50, "efficientnet_b0": 60}
ALL |= {"inception_v3": 95, "densenet121": 45, "mobilenet_v2": 60, "alexnet": 35}
CASES = [
    pytest.param(
        name,
        new,
        marks=[] if name in LINES and not new else [pytest.mark.long],
    )
    for name in ALL
    for new in ((False, True) if name in LINES else (False,))
]


@pytest.mark.parametrize(("name", "new"), CASES)
def test_a_classifier_becomes_a_short_spec_that_computes_the_same(name, new):
    side = {"alexnet": 224, "inception_v3": 96}.get(name, 64)
    with declared():
        data = exported(lively(made(name)), torch.randn(2, 3, side, side), new)
    found = read(data)
    text = found.network.spec.source.text
    assert sum(1 for line in text.splitlines() if line.strip()) <= ALL[name]
    assert found.network.warnings == ()
    check_same(data, found)


class Residual(nn.Module):
    """A block whose activation runs twice."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(self.act(x)))
        return self.act(x + y if x.shape == y.shape else y)


class Small(nn.Module):
    """What exporters fold, keep, and write in several nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.norm = nn.LocalResponseNorm(5, 0.01)
        self.blocks = nn.Sequential(Residual(1), Residual(1), Residual(2))
        self.bias = nn.Parameter(torch.randn(8, 1, 1))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.norm(self.stem(x))) * self.bias
        low, high = y.chunk(2, 1)
        y = F.pad(F.silu(torch.cat([high, low], 1)), (1, 0, 0, 1))
        y = F.interpolate(y, scale_factor=2.0, mode="bilinear")
        return torch.softmax(self.fc(F.hardswish(y).mean((2, 3))), -1)


@pytest.mark.parametrize("new", mostly([False], [False, True]))
def test_steps_and_weights_have_the_names_of_the_modules(new):
    model = lively(Small())
    data = exported(model, torch.randn(2, 3, 16, 16), new)
    found = read(data)
    check_same(data, found)
    shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    kept = {key: shapes.get(key) for key in found.state if not key.endswith("conv.bias")}
    assert kept == {key: shapes[key] for key in shapes if ".norm." not in key}
    for key in ("stem.weight", "fc.weight", "fc.bias"):
        assert np.array_equal(found.state[key], model.state_dict()[key].numpy())
    notes = " ".join(found.notes)
    assert all(f"blocks.{i}" in notes for i in range(3)) and "stem" not in notes
    assert ("`norm` into `conv`" in notes) == new
    assert len(found.network.spec.blocks) == 1


class Attention(nn.Module):
    """Attention as PyTorch has it, with the batch second, and as timm has it."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.first = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = x.flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(y.shape[0], -1, -1), y], 1)
        y = y + self.first(y, y, y, need_weights=False)[0]
        batch, count, width = y.shape
        q, k, v = self.qkv(self.norm(y)).reshape(batch, count, 3, 2, 4).permute(2, 0, 3, 1, 4)
        weights = (q * 0.5 @ k.transpose(-2, -1)).softmax(-1)
        return F.gelu(self.proj((weights @ v).transpose(1, 2).reshape(batch, count, width)))


@pytest.mark.parametrize("new", mostly([False], [False, True]))
def test_attention_may_turn_the_batch_away(new):
    torch.manual_seed(0)
    data = exported(Attention(), torch.randn(2, 8, 3, 3), new)
    found = read(data)
    check_same(data, found, batch=3)
    assert {"token", "norm.weight", "qkv.weight", "proj.bias"} <= {*found.state}


def without_names(data: bytes, keeps_weights: bool) -> bytes:
    """Return a file whose nodes have no names, as other exporters write it."""
    model = onnx.load_model_from_string(data)
    graph = model.graph
    keeps = {value.name for value in (*graph.input, *graph.output)} | {""}
    keeps |= {tensor.name for tensor in graph.initializer} if keeps_weights else set()
    names: dict[str, str] = {}

    def new(name: str) -> str:
        return name if name in keeps else names.setdefault(name, str(len(names)))

    for node in graph.node:
        node.name = ""
        node.input[:] = map(new, node.input)
        node.output[:] = map(new, node.output)
        del node.metadata_props[:]
    for tensor in graph.initializer:
        tensor.name = new(tensor.name)
    del graph.value_info[:]
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("keeps_weights", [False, True])
@pytest.mark.parametrize(
    "name", mostly(["shufflenet_v2_x0_5"], ["googlenet", "resnet18", "shufflenet_v2_x0_5"])
)
def test_a_file_without_names_computes_the_same(name, keeps_weights):
    with declared():
        data = exported(lively(made(name)), torch.randn(2, 3, 64, 64), False)
    data = without_names(data, keeps_weights)
    found = read(data)
    check_same(data, found)
    if name == "googlenet":
        assert sum(1 for line in found.network.spec.source.text.splitlines() if line.strip()) < 60


# ----------------------------------------------------------------------- ops

Made = tuple[list[onnx.NodeProto], Mapping[str, np.ndarray[Any, Any]]]
Case = Callable[[Random], Made]


def array(r: Random, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(r.randrange(10**6)).standard_normal(shape).astype("float32")


def node(op: str, *inputs: str, count: int = 1, **attributes: Any) -> onnx.NodeProto:
    names = ["y"] if count == 1 else [f"part{i}" for i in range(count)]
    return helper.make_node(op, inputs, names, **attributes)


def window(r: Random, is_pool: bool) -> dict[str, Any]:
    """Draw kernel, stride, padding and dilation."""
    kernel = [r.choice((1, 2, 3)) for _ in range(2)]
    found: dict[str, Any] = {"kernel_shape": kernel, "strides": [r.choice((1, 2, 3))] * 2}
    if r.random() < 0.3:
        found["auto_pad"] = r.choice(("SAME_UPPER", "SAME_LOWER", "VALID"))
    else:
        most = [side // 2 if is_pool else 2 for side in kernel] * 2
        found["pads"] = [r.randint(0, side) for side in most]
    return found


def conv(r: Random) -> Made:
    found, groups = window(r, False), r.choice((1, 2))
    arrays = {"w": array(r, 6, 4 // groups, *found["kernel_shape"])}
    arrays |= {"b": array(r, 6)} if r.random() < 0.5 else {}
    return [node("Conv", "x", *arrays, group=groups, **found)], arrays


def conv_transpose(r: Random) -> Made:
    pad, stride = r.choice((0, 1)), r.choice((1, 2))
    found = {"strides": [stride] * 2, "pads": [pad] * 4, "output_padding": [stride - 1] * 2}
    return [node("ConvTranspose", "x", "w", **found)], {"w": array(r, 4, 3, 3, 3)}


def max_pool(r: Random) -> Made:
    return [node("MaxPool", "x", ceil_mode=r.choice((0, 1)), **window(r, True))], {}


def mean_pool(r: Random) -> Made:
    counts = r.choice((0, 1))
    return [node("AveragePool", "x", count_include_pad=counts, **window(r, True))], {}


def gemm(r: Random) -> Made:
    is_turned = r.choice((0, 1))
    sides = (5, 100) if is_turned else (100, 5)
    arrays = {"w": array(r, *sides), "b": array(r, *r.choice(((5,), (1, 5), (1,))))}
    flat = helper.make_node("Flatten", ["x"], ["f"])
    found = {"transB": is_turned, "alpha": r.choice((1.0, 0.5)), "beta": r.choice((1.0, 2.0))}
    return [flat, node("Gemm", "f", "w", "b", **found)], arrays


def matmul(r: Random) -> Made:
    first = helper.make_node("MatMul", ["x", "w"], ["m"])
    arrays = {"w": array(r, 5, 7), "b": array(r, *r.choice(((7,), (1, 7), (1, 1, 1, 7))))}
    return [first, node("Add", *r.sample(["m", "b"], 2))], arrays


def norm(r: Random) -> Made:
    arrays = {name: array(r, 4) for name in "sbmv"}
    arrays["v"] = np.abs(arrays["v"]) + 0.1
    epsilon, momentum = r.choice((1e-5, 1e-3)), r.choice((0.9, 0.99))
    return [node("BatchNormalization", "x", *arrays, epsilon=epsilon, momentum=momentum)], arrays


def lrn(r: Random) -> Made:
    found = {"size": r.choice((1, 3, 4, 5)), "alpha": r.choice((1e-4, 0.5)), "bias": 2.0}
    return [node("LRN", "x", **found)], {}


def arithmetic(r: Random) -> Made:
    shape = r.choice(((), (1,), (4, 1, 1), (1, 4, 1, 1), (5,), (5, 5)))
    arrays = {"c": np.abs(array(r, *shape)) + 0.1}
    names = ["x", "c"] if r.random() < 0.7 else ["c", "x"]
    return [node(r.choice(("Add", "Sub", "Mul", "Div")), *names)], arrays


def activation(r: Random) -> Made:
    plain = ("Relu", "Sigmoid", "Tanh", "HardSwish", "Softplus", "Elu", "LeakyRelu", "Selu")
    op = r.choice((*plain, "HardSigmoid", "Softmax", "Exp", "Neg", "Mish"))
    found = {"alpha": r.choice((0.2, 1 / 6))} if op in ("HardSigmoid", "Elu", "LeakyRelu") else {}
    return [
        node(op, "x", **found, **({"axis": r.choice((1, -1, 2))} if op == "Softmax" else {}))
    ], {}


def clip(r: Random) -> Made:
    ends = r.choice(((0.0, 6.0), (-1.0, 1.0), (0.0, 1e39), (0.5, 2.5)))
    arrays = {"a": np.float32(ends[0]), "b": np.float32(min(ends[1], 3e38))}
    return [node("Clip", "x", "a", "b")], {key: np.asarray(x) for key, x in arrays.items()}


def cut(r: Random) -> Made:
    sizes = r.choice(([2, 2], [1, 3], [1, 1, 2]))
    made = [node("Split", "x", "s", axis=r.choice((1, -3)), count=len(sizes))]
    return made, {"s": np.asarray(sizes, "int64")}


def part(r: Random) -> Made:
    start, end, step = r.choice(((1, 3, 1), (-3, 10**9, 1), (0, 4, 2), (1, 10**9, 2), (0, -1, 3)))
    numbers = {"a": start, "b": end, "c": r.choice((1, 2, -1)), "d": step}
    arrays = {key: np.asarray([value], "int64") for key, value in numbers.items()}
    return [node("Slice", "x", *arrays)], arrays


def shape(r: Random) -> Made:
    sizes = r.choice(([0, -1], [-1, 4, 25], [0, 2, 2, 5, 5], [0, 0, 25], [-1, 2, 10, 5]))
    arrays = {"s": np.asarray(sizes, "int64")}
    return [node("Reshape", "x", "s")], arrays


def turn(r: Random) -> Made:
    return [node("Transpose", "x", perm=r.choice(([0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 2, 3])))], {}


def mean(r: Random) -> Made:
    axes = np.asarray(r.choice(([2, 3], [-1, -2], [1], [3], [1, 2, 3])), "int64")
    return [node("ReduceMean", "x", "a", keepdims=r.choice((0, 1)))], {"a": axes}


def resize(r: Random) -> Made:
    mode = r.choice(("nearest", "linear", "cubic"))
    where = r.choice(("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"))
    rounding = {"nearest_mode": r.choice(("floor", "round_prefer_floor"))}
    scales = np.asarray([1, 1, *r.choice(((2, 2), (3, 2)))], "float32")
    found = {"mode": mode, "coordinate_transformation_mode": where}
    found |= rounding if mode == "nearest" else {"cubic_coeff_a": -0.75} if mode == "cubic" else {}
    return [node("Resize", "x", "", "s", **found)], {"s": scales}


def pad(r: Random) -> Made:
    pads = np.asarray([0, 0, *(r.randint(0, 2) for _ in range(2))] * 2, "int64")
    return [node("Pad", "x", "p", mode=r.choice(("constant", "edge", "reflect")))], {"p": pads}


def pick(r: Random) -> Made:
    places = np.asarray(r.choice((1, -1, [1, 2], [0, 2])), "int64")
    return [node("Gather", "x", "i", axis=r.choice((1, 2)))], {"i": places}


def join(r: Random) -> Made:
    first = helper.make_node("Relu", ["x"], ["a"])
    return [first, node("Concat", "x", "a", "x", axis=r.choice((1, 3, -2)))], {}


def ranks(r: Random) -> Made:
    axis = r.choice((1, 2, -1))
    first = helper.make_node("Unsqueeze", ["x", "i"], ["a"])
    return [first, node("Squeeze", "a", "i")], {"i": np.asarray([axis], "int64")}


OPS: list[Case] = [
    *(conv, conv_transpose, max_pool, mean_pool, gemm, matmul, norm, lrn, arithmetic),
    *(activation, clip, cut, part, shape, turn, mean, resize, pad, pick, join, ranks),
]


def built(made: Made, shape: Sequence[int | str] = ("n", 4, 5, 5), opset: int = 20) -> bytes:
    """Return a file of a few nodes, which read `x` and give `y`, or parts."""
    nodes, arrays = made
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    tensors = [numpy_helper.from_array(item, name) for name, item in arrays.items()]
    outputs = [helper.make_tensor_value_info(y, TensorProto.FLOAT, None) for y in nodes[-1].output]
    graph = helper.make_graph(nodes, "g", [x], outputs, tensors)
    version = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=version, ir_version=9)
    inferred = onnx.shape_inference.infer_shapes(model)
    return bytes(inferred.SerializeToString())


def cases() -> Iterator[Any]:
    for case in OPS:
        yield pytest.param(case, id=case.__name__)


REFUSABLE = {"max_pool", "mean_pool", "lrn", "activation", "part", "resize", "pick", "mean"}
"""What no op of ours does exactly in every form."""


@pytest.mark.parametrize("case", [*cases()])
def test_an_op_computes_the_same_or_is_refused(case):
    r = Random(case.__name__)
    done = 0
    for _ in range(DRAWS):
        data = built(case(r))
        try:
            given(data, [torch.zeros(1, 4, 5, 5)])
        except Exception:  # what ONNX Runtime itself refuses
            continue
        try:
            found = read(data)
        except netspec.SpecError as error:
            assert case.__name__ in REFUSABLE, error
            assert {item.code for item in error.diagnostics} == {"NS070"}
            continue
        done += 1
        check_same(data, found)
    assert done > DRAWS // 4


def test_files_of_older_versions_say_numbers_as_attributes():
    pads = helper.make_node("Pad", ["x"], ["p"], pads=[0, 0, 1, 0, 0, 0, 1, 0])
    cut = helper.make_node("Slice", ["p"], ["s"], starts=[1], ends=[3], axes=[1])
    ends = helper.make_node("Clip", ["s"], ["c"], min=0.0, max=6.0)
    flat = helper.make_node("Flatten", ["c"], ["f"], axis=1)
    last = helper.make_node("Softmax", ["f"], ["y"])
    data = built(([pads, cut, ends, flat, last], {}), opset=9)
    check_same(data, read(data))


@pytest.mark.parametrize("is_halved_first", [False, True])
def test_a_gelu_of_five_nodes_is_one_layer(is_halved_first):
    arrays = {"r": np.float32(2**0.5), "one": np.float32(1), "half": np.asarray([0.5], "float32")}
    nodes = [
        helper.make_node("Div", ["x", "r"], ["d"]),
        helper.make_node("Erf", ["d"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["p"]),
    ]
    if is_halved_first:
        nodes += [helper.make_node("Mul", ["half", "x"], ["h"]), node("Mul", "h", "p")]
    else:
        nodes += [helper.make_node("Mul", ["x", "p"], ["m"]), node("Mul", "m", "half")]
    data = built((nodes, {key: np.asarray(array) for key, array in arrays.items()}))
    found = read(data)
    check_same(data, found)
    assert [x.op.op_name for x in found.network.graph.nodes.values() if x.inputs] == ["gelu"]


def test_sizes_that_the_file_computes_are_numbers():
    arrays = {"i": np.asarray([0], "int64"), "r": np.asarray([-1], "int64")}
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "i"], ["n"]),
        helper.make_node("Concat", ["n", "r"], ["sizes"], axis=0),
        helper.make_node("Reshape", ["x", "sizes"], ["y"]),
    ]
    data = built((nodes, arrays))
    found = read(data)
    check_same(data, found, batch=3)
    assert [*found.network.graph.nodes.values()][-1].op.op_name == "flatten"


# ------------------------------------------------------------------ refusals


def test_all_that_no_op_does_is_told_at_once(tmp_path, capsys):
    nodes = [
        helper.make_node("Sin", ["x"], ["a"], name="/wave/Sin"),
        helper.make_node("Relu", ["x"], ["b"], name="/act/Relu"),
        helper.make_node("LRN", ["b"], ["c"], name="/norm/LRN", size=4),
        helper.make_node("Det", ["b"], ["d"], name="/det/Det"),
        node("Add", "a", "c"),
    ]
    path = tmp_path / "model.onnx"
    path.write_bytes(built((nodes, {})))
    assert main(["import", str(path), "-o", str(tmp_path / "net.yaml")]) == 1
    error = capsys.readouterr().err
    for name in ("/wave/Sin", "/norm/LRN", "/det/Det"):
        assert name in error
    assert "nearest: local_response_norm" in error and "even number" in error
    assert "/act/Relu" not in error
    assert not (tmp_path / "net.yaml").exists()


def outside(folder: Path, **place: str) -> Path:
    """Write a model one of whose arrays is said to stand in another file."""
    model = onnx.load_model_from_string(
        built(([node("Mul", "x", "w")], {"w": array(Random(1), 5)}))
    )
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in place.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_arrays_beside_the_model_are_read(tmp_path):
    numbers = np.arange(8, dtype="float32")
    (tmp_path / "w.bin").write_bytes(numbers.tobytes())
    path = outside(tmp_path, location="w.bin", offset="8", length="20")
    out, weights = tmp_path / "net.yaml", tmp_path / "w.safetensors"
    arguments = ["import", str(path), "-o", str(out), "--weights", str(weights)]
    assert main(arguments) == 0
    net = netspec.load(out)
    loaded = net.load_weights(weights).model
    (tensor,) = loaded.state_dict().values()
    assert np.array_equal(tensor.flatten().numpy(), numbers[2:7])


PLACES = ["../w.bin", "/etc/hostname", "link.bin", "sub/../../w.bin", "..\\w.bin", "", "w\0.bin"]


@pytest.mark.parametrize("location", PLACES)
def test_arrays_outside_of_the_folder_are_refused(location, tmp_path, capsys):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(20))
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    path = outside(folder, location=location)
    assert main(["import", str(path), "-o", str(tmp_path / "net.yaml")]) == 1
    error = capsys.readouterr().err
    assert "error[NS060]" in error or "error[NS076]" in error


@pytest.mark.parametrize(
    "place", [("16", "20"), ("-4", "20"), ("0", "8"), ("x", "20"), ("0", "9" * 30)]
)
def test_arrays_that_are_not_in_their_file_are_refused(place, tmp_path, capsys):
    (tmp_path / "w.bin").write_bytes(bytes(20))
    path = outside(tmp_path, location="w.bin", offset=place[0], length=place[1])
    assert main(["import", str(path), "-o", str(tmp_path / "net.yaml")]) == 1
    assert "error[NS076]" in capsys.readouterr().err


@pytest.fixture(scope="module")
def whole() -> bytes:
    return exported(lively(Small()), torch.randn(2, 3, 16, 16), False)


def test_broken_files_give_diagnostics_alone(whole):
    r = Random(7)
    refused = 0
    for _ in range(DRAWS * 4):
        data = bytearray(whole)
        if r.random() < 0.3:
            del data[r.randrange(len(data)) :]
        for _ in range(r.choice((1, 1, 4, 30))):
            if data:
                # The graph's text, not its numbers, which anything may be.
                data[r.randrange(len(data))] ^= 1 << r.randrange(8)
        try:
            read(bytes(data))
        except netspec.SpecError as error:
            refused += 1
            assert {item.code for item in error.diagnostics} <= {"NS001", "NS070", "NS076"}
    assert refused > DRAWS


def mutated(model: onnx.ModelProto, r: Random) -> None:
    """Change something of a node that a file may say, whether it makes sense or not."""
    graph = model.graph
    node = r.choice(graph.node)
    names = [name for other in graph.node for name in (*other.input, *other.output)]
    match r.choice(("input", "less", "op", "attribute", "number", "shape")):
        case "input" if node.input:
            node.input[r.randrange(len(node.input))] = r.choice((*names, ""))
        case "less" if node.input:
            node.input.pop()
        case "op":
            node.op_type = r.choice(graph.node).op_type
        case "attribute" if node.attribute:
            del node.attribute[r.randrange(len(node.attribute))]
        case "number" if any(item.ints for item in node.attribute):
            item = r.choice([item for item in node.attribute if item.ints])
            item.ints[r.randrange(len(item.ints))] = r.choice((-1, 0, 3, 7, 2**40))
        case _:
            tensor = r.choice(graph.initializer)
            if tensor.dims:
                tensor.dims[:] = [math.prod(tensor.dims), *[1] * r.randrange(4)]


def test_files_that_make_no_sense_give_diagnostics_alone():
    r = Random(3)
    wholes = [exported(Attention(), torch.randn(2, 8, 3, 3), False)]
    wholes += [exported(lively(Small()), torch.randn(2, 3, 16, 16), False)]
    refused = 0
    for _ in range(DRAWS * 5):
        model = onnx.load_model_from_string(r.choice(wholes))
        for _ in range(r.choice((1, 2, 5))):
            mutated(model, r)
        try:
            read(model.SerializeToString())
        except netspec.SpecError as error:
            refused += 1
            assert {item.code for item in error.diagnostics} <= {"NS070", "NS076"}
    assert refused > DRAWS


def test_numbers_that_would_fill_the_memory_are_not_computed():
    size = {"s": np.asarray([10**6, 4, 5, 5], "int64")}
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), node("Add", "x", "c")]
    with pytest.raises(netspec.SpecError, match="NS070"):
        read(built((nodes, size)))


def test_more_nodes_than_anybody_needs_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "IMPORTED", 1)
    data = built(([helper.make_node("Relu", ["x"], ["a"]), node("Relu", "a")], {}))
    with pytest.raises(netspec.SpecError, match="NS001"):
        read(data)


def test_sizes_that_the_file_leaves_open_are_asked_for():
    data = built(([node("Relu", "x")], {}), ("n", 3, "h", "w"))
    with pytest.raises(netspec.SpecError, match="--input 3x224x224"):
        read(data)
    found = read(data, (3, 8, 8))
    assert [*found.network.graph.inputs.values()] == [(3, 8, 8)]
    with pytest.raises(netspec.SpecError, match="is 3×\\?×\\?"):
        read(data, (4, 8, 8))


def test_the_command_writes_spec_and_weights_and_says_what_is_lost(tmp_path, capsys, whole):
    source, out, weights = (str(tmp_path / name) for name in ("m.onnx", "n.yaml", "w.pt"))
    Path(source).write_bytes(whole)
    arguments = ["import", source, "-o", out, "--name", "Tiny", "--weights", weights]
    assert main([*arguments, "--report", "json"]) == 0
    told = capsys.readouterr()
    assert "blocks.0.conv" in told.err
    assert json.loads(told.out)["remarks"]
    assert main(["fmt", "--check", out]) == 0
    net = netspec.load(out)
    assert net.network.spec.name == "Tiny"
    loaded = net.load_weights(weights)
    assert not loaded.missing and not loaded.skipped
