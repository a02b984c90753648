"""Every op against PyTorch: what it refuses, shapes, state, costs, defaults and names.

PyTorch runs on real CPU tensors, because the meta device accepts more than the kernels do (a
circular padding beyond the input) and its Python kernels are slower than tiny real ones.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netspec.ops.arguments import Fixed
from netspec.ops.base import REGISTRY, Call, Op, product
from netspec.ops.dim import is_known, name, substitute
from netspec.ops.split import Cut
from netspec.testing import BATCH, Shapes, compared, inferred, run, validated, zeros
from tests.support import draws
from tests.test_ops_draws import Arguments
from tests.test_ops_table import TABLE

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = draws(200, 5_000)
FLOP_SETTINGS = draws(50, 200)
META_SETTINGS = 50
SYMBOLIC_SETTINGS = draws(100, 500)


def helpers() -> SimpleNamespace:
    """Return the classes that ops bring along, as a generated file has them."""
    scope: dict[str, Any] = {"nn": nn, "torch": torch, "F": F, "Tensor": Tensor}
    for cls in REGISTRY.values():
        for source in cls.helpers.values():
            exec(source, scope)
    return SimpleNamespace(**scope)


HELPERS = helpers()


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No gradients, no threads, no random weights: only shapes are looked at."""
    for layer in (nn.modules.conv._ConvNd, nn.Linear):
        monkeypatch.setattr(layer, "reset_parameters", lambda self: None)
    torch.set_num_threads(1)
    with torch.no_grad(), mkldnn.flags(enabled=False):
        yield


def accepted(op_name: str, count: int) -> Iterator[tuple[Op, Shapes]]:
    """Yield settings that are accepted."""
    r = Random(f"accepted {op_name}")
    while count:
        arguments, shapes = TABLE[op_name].draw(r)
        op = validated(REGISTRY[op_name], arguments)
        if op is not None and inferred(op, shapes) is not None:
            count -= 1
            yield op, shapes


@pytest.mark.parametrize("op_name", TABLE)
def test_pytorch_agrees(op_name: str) -> None:
    row, r = TABLE[op_name], Random(op_name)
    refused = 0
    for _ in range(SETTINGS):
        arguments, shapes = row.draw(r)
        _, expected, found = compared(REGISTRY[op_name], arguments, shapes)
        refused += expected is None
        if expected is None and row.stricter(arguments, shapes):
            continue
        assert expected == found, (arguments, shapes)
        assert str(expected) == str(found), "the order of the state"
    assert refused < 0.85 * SETTINGS
    assert refused > 0.1 * SETTINGS if row.refuses else refused == 0


@pytest.mark.parametrize("op_name", TABLE)
def test_the_flop_counter_agrees(op_name: str) -> None:
    """Two of PyTorch's FLOPs are one MAC; it counts convolutions and matrices, and so do MACs."""
    # PyTorch counts nothing of a fused attention on a CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        for op, shapes in accepted(op_name, FLOP_SETTINGS):
            before = counter.get_total_flops()
            run(op, zeros(op, shapes))
            flops = counter.get_total_flops() - before
            assert op.cost(*shapes).macs * 2 * BATCH == flops, (op, shapes)
            assert (flops > 0 and bool(op.weights(*shapes))) == op.has_depth


@pytest.mark.parametrize("op_name", TABLE)
def test_the_meta_device_agrees(op_name: str) -> None:
    for op, shapes in accepted(op_name, META_SETTINGS):
        if getattr(op, "momentum", 0) is None:
            continue  # a running mean over all batches counts them with a real number
        with torch.device("meta"):
            _, output = run(op, zeros(op, shapes))
        assert output.shape == (BATCH, *op.shape(*shapes)), (op, shapes)


# ------------------------------------------------------------------ names and defaults


def pytorch_defaults(cls: type[Op]) -> dict[str, Any]:
    """Return PyTorch's arguments in their order, without those that netspec infers."""
    package, _, attribute = cls.module.rpartition(".")
    layer = getattr({"nn": nn, "torch": torch, "F": F, "": HELPERS}[package], attribute)
    unwritten = {
        "input",
        "tensor",
        "device",
        "dtype",
        "args",
        "kwargs",
        *TABLE[cls.op_name].left_out,
    }
    inferred = cls.model_construct(num_groups=1).inferred((8, 8, 8))
    unwritten |= inferred.keys() - cls.model_fields.keys()
    parameters = inspect.signature(layer).parameters.values()
    found = [p for p in parameters if p.kind is not p.KEYWORD_ONLY and p.name not in unwritten]
    return {parameter.name: parameter.default for parameter in found}


@pytest.mark.parametrize("op_name", [name for name, row in TABLE.items() if row.has_signature])
def test_arguments_are_those_of_pytorch(op_name: str) -> None:
    """Names, order and defaults."""
    cls = REGISTRY[op_name]
    expected = pytorch_defaults(cls)
    fields = {key: field for key, field in cls.model_fields.items() if key != "names"}
    assert list(fields) == list(expected)
    for key, field in fields.items():
        default = inspect.Parameter.empty if field.is_required() else field.default
        if key not in TABLE[op_name].own_defaults:
            assert (default, type(default)) == (expected[key], type(expected[key])), key


# ------------------------------------------------------------------ names instead of numbers


def with_names(r: Random, value: Any, env: dict[str, Any], keep: tuple[int, ...] = (-1,)) -> Any:
    """Replace some numbers by names and note in `env` what they stand for.

    A -1 keeps its meaning in a reshape, a 1 in a sum of different sizes.
    """
    if isinstance(value, tuple):
        return tuple(with_names(r, item, env, keep) for item in value)
    if value is None or isinstance(value, str) or r.random() < 0.4:
        return value
    if type(value) is int and value in keep:
        return value
    key = f"n{len(env)}"
    env[key] = value
    return name(key)


def op_with_names(r: Random, op: Op, env: dict[str, Any]) -> Op:
    arguments = {key: getattr(op, key) for key in op.model_fields_set}
    for key, value in arguments.items():
        kinds = type(op).model_fields[key].metadata
        if not any(isinstance(kind, Fixed) for kind in kinds):
            arguments[key] = with_names(r, value, env)
    return type(op).model_validate(arguments)


@pytest.mark.parametrize("op_name", TABLE)
def test_names_lead_to_the_same_shape_and_call(op_name: str) -> None:
    r = Random(op_name)
    known = sizes = 0
    for op, shapes in accepted(op_name, SYMBOLIC_SETTINGS):
        env: dict[str, Any] = {}
        keep = (-1, 1) if len(shapes) > 1 else (-1,)
        named, named_shapes = op_with_names(r, op, env), with_names(r, shapes, env, keep)
        assert named.bind(env) == op
        assert named.label() and op.label()
        result, expected = named.shape(*named_shapes), op.shape(*shapes)
        assert len(result) == len(expected)
        sizes += len(result)
        for size, number in zip(result, expected, strict=True):
            known += is_known(size)
            assert not is_known(size) or substitute(size, env) == number, (named, named_shapes)
        call, numeric = named.torch(*named_shapes), op.torch(*shapes)
        if isinstance(call, Call) and isinstance(numeric, Call) and is_known(call.args):
            assert substitute(call.args, env) == numeric.args
            keywords = {key: substitute(value, env) for key, value in call.kwargs.items()}
            # Names do not show that a size is the one that PyTorch assumes.
            assert keywords.items() >= numeric.kwargs.items()
    assert known > sizes // 2


# ------------------------------------------------------------------ several outputs, and noise


@pytest.mark.parametrize("op_name", ["chunk", "split", "unbind"])
def test_every_piece_is_pytorchs(op_name: str) -> None:
    for op, (x,) in accepted(op_name, SYMBOLIC_SETTINGS):
        assert isinstance(op, Cut)
        places = torch.arange(BATCH * product(x)).view(BATCH, *x)
        call = op.torch(x)
        assert isinstance(call, Call)
        pieces = getattr(torch, op_name)(places, *call.args[1:], **call.kwargs)
        assert [tuple(piece.shape[1:]) for piece in pieces] == [
            op.piece(i, x) for i in range(op.count())
        ]
        axis = op.along() % (len(x) + 1)
        for i, piece in enumerate(pieces):
            if piece.dim() < places.dim():
                assert torch.equal(piece, places.select(axis, i))
            else:
                first = op.first(i, x[axis - 1])
                assert torch.equal(piece, places.narrow(axis, first, piece.shape[axis]))


def constant(**arguments: Any) -> tuple[Op, Tensor]:
    """Return a constant, and what a generated file would register."""
    op = REGISTRY["constant"].model_validate(arguments)
    assert not list(op.check())
    call = op.torch()
    assert isinstance(call, Call)
    return op, evaluated(call)


def evaluated(call: Call) -> Any:
    """Return what a call gives whose arguments may be calls themselves."""
    package, _, attribute = call.function.rpartition(".")
    function = getattr({"torch": torch, "": HELPERS}[package], attribute)
    args = [evaluated(item) if isinstance(item, Call) else item for item in call.args]
    return function(*args, **call.kwargs)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"value": "arange", "size": (5,)}, torch.arange(5)),
        ({"value": 3, "size": (2, 1)}, torch.full((2, 1), 3.0)),
        ({"value": ((1, 2.5), (3, 4))}, torch.tensor([[1, 2.5], [3, 4]])),
    ],
)
def test_a_constant_holds_what_it_says(arguments: Arguments, expected: Tensor) -> None:
    op, found = constant(**arguments)
    assert torch.equal(found, expected)
    assert (op.shape(), op.gives()) == (tuple(expected.shape), str(expected.dtype)[6:])


@pytest.mark.parametrize("window", [(7, 7), (2, 3), (4, 1)])
def test_tables_of_windows_are_those_of_their_definition(window: tuple[int, int]) -> None:
    """Computed again place by place, as the Swin paper describes them."""
    (rows, columns), (height, width) = window, (2 * window[0], 3 * window[1])
    op, index = constant(value="relative_position_index", size=window)
    places = [(y, x) for y in range(rows) for x in range(columns)]
    numbers = [
        (a[0] - b[0] + rows - 1) * (2 * columns - 1) + a[1] - b[1] + columns - 1
        for a in places
        for b in places
    ]
    assert (op.shape(), index.tolist()) == ((len(numbers),), numbers)
    op, pairs = constant(value="relative_position_index", size=window, flat=False)
    assert op.shape() == tuple(pairs.shape) == (len(places), len(places))
    assert torch.equal(pairs.flatten(), index)
    shift = (rows // 2, columns // 2)
    op, mask = constant(
        value="shifted_window_mask", size=(height, width), window_size=window, shift_size=shift
    )
    assert op.shape() == tuple(mask.shape)
    for n, (y, x) in enumerate(
        (y, x) for y in range(0, height, rows) for x in range(0, width, columns)
    ):
        # A place belongs to what surrounded it before the map was rolled.
        before = [((y + a + shift[0]) // height, (x + b + shift[1]) // width) for a, b in places]
        wanted = [[0.0 if p == q else -100.0 for q in before] for p in before]
        assert mask[n].tolist() == [wanted]


@pytest.mark.parametrize("window", [(8, 8), (2, 3)])
def test_the_table_of_distances_stands_in_the_order_of_their_numbers(
    window: tuple[int, int],
) -> None:
    """Computed again pair by pair, as the paper of Swin v2 describes it."""
    op, table = constant(value="relative_coords_table", size=window)
    _, index = constant(value="relative_position_index", size=window)
    assert op.shape() == tuple(table.shape)
    places = [(y, x) for y in range(window[0]) for x in range(window[1])]
    pairs = ((a, b) for a in places for b in places)
    for (a, b), number in zip(pairs, index, strict=True):
        parts = [8 * (p - q) / (side - 1) for p, q, side in zip(a, b, window, strict=True)]
        wanted = [math.copysign(math.log2(abs(part) + 1) / 3, part) for part in parts]
        assert table.view(-1, 2)[number].tolist() == pytest.approx(wanted)
    refused = REGISTRY["constant"].model_validate({"value": op.value, "size": (1, 4)})  # type: ignore[attr-defined]
    assert [problem.argument for problem in refused.check()] == ["size"]


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_stochastic_depth_is_that_of_torchvision(p: float, mode: str) -> None:
    """Zero or kept whole, larger by 1 / (1 - p), the seed's noise; still in eval."""
    x = torch.randn(BATCH, 4, 3, 2)
    layer = HELPERS.StochasticDepth(p, mode)
    torch.manual_seed(0)
    found = layer(x)
    torch.manual_seed(0)
    noise = torch.empty((BATCH if mode == "row" else 1, 1, 1, 1)).bernoulli_(1 - p)
    noise = noise / (1 - p) if p < 1 else noise
    assert torch.equal(found, x * noise)
    assert torch.equal(layer.eval()(x), x)
