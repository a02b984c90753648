"""Every fact that an op's class states, against PyTorch: an op that forgets one fails here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest
import torch
from torch import Tensor, nn

from netspec.ops.arguments import Real
from netspec.ops.base import OTHER_KINDS, REGISTRY, STYLES, Call, Input, Layout, Op, Storage
from netspec.ops.dim import Shape
from netspec.testing import called, run, validated
from tests.support import draws
from tests.test_ops import accepted
from tests.test_ops_table import TABLE

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = draws(25, 100)
IMAGES = 40  # so that each element of a window is the largest in one of them
UNARY = [
    name for name in TABLE if 1 in REGISTRY[name].reads and "int64" not in REGISTRY[name].takes
]
BORROWED = {"reflect", "replicate", "circular"}
"""Paddings that read the input again beyond its edge."""


@pytest.fixture(autouse=True)
def reproducible() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def settings(op_name: str, count: int = SETTINGS) -> Iterator[tuple[Op, Shape]]:
    """Yield accepted settings of one input that switch nothing off and overwrite nothing."""
    drawn = ((op.alone(*shapes), shapes[0]) for op, shapes in accepted(op_name, 20 * count))
    return islice(((op, x) for op, x in drawn if op and x and not _is_off(op)), count)


def _is_off(op: Op) -> bool:
    fields = type(op).model_fields.items()
    reals = [getattr(op, key) for key, field in fields if isinstance(field.metadata[0], Real)]
    return 0 in reals or getattr(op, "inplace", False)


def output(op: Op, x: Tensor, training: bool = False) -> Tensor:
    """Run an op with positive weights, so that nothing cancels."""
    if not op.is_module:
        return run(op, [x])[1]
    layer, _ = run(op, [torch.zeros_like(x, dtype=torch.float32)])
    layer.reset_running_stats() if hasattr(layer, "reset_running_stats") else None
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 0.5)
    use = op.use(tuple(x.shape[1:])) or Call("", (Input.EACH,))
    return called(layer.to(x.dtype).train(training), use, [x])


# ------------------------------------------------------------------ reach


def read(x: Tensor, y: Tensor) -> Tensor:
    """Return the places of the input that any of these outputs reads in any image."""
    (gradient,) = torch.autograd.grad((y * torch.rand_like(y)).sum(), x, retain_graph=True)
    sizes = gradient.abs().nan_to_num(1.0)
    # What rounding leaves of a weight of 0 is far below the largest weight of the same image.
    largest = sizes.amax(tuple(range(1, x.dim())), keepdim=True)
    return (sizes > 1e-9 * largest).any(0).nonzero()


def ends(places: Tensor, axis: int) -> tuple[int, int]:
    return int(places[:, axis].min()), int(places[:, axis].max())


def check_dimension(op: Op, dim: int, x: Tensor, y: Tensor, r: Random) -> bool:
    """Compare what a slice of the output reads; tell whether all of it lies in the input."""
    (axis, reach), i = op.reach(tuple(x.shape[1:]))[dim], r.randrange(y.shape[1 + dim])
    low, high = reach.low(i), reach.high(i)
    places = read(x, y.select(1 + dim, i))
    if not len(places):  # only a bias arrives, or a sum is normalised to 1
        return False
    if low >= 0 and high < x.shape[1 + axis]:
        assert ends(places, axis) == (low, high), (op, x.shape, dim, i)
        return True
    first, last = ends(places, axis)
    assert low <= first <= last <= high or BORROWED & {*map(str, dict(op).values())}, (op, dim, i)
    return False


@pytest.mark.parametrize("op_name", UNARY)
def test_an_op_reaches_what_gradients_reach(op_name: str) -> None:
    r = Random(op_name)
    exact = 0
    for op, x in settings(op_name):
        image = torch.randn(IMAGES, *x, dtype=torch.float64, requires_grad=True)
        y = output(op, image)
        reads = op.reach(x)
        exact += sum(check_dimension(op, dim, image, y, r) for dim in range(len(reads or ())))
        places = read(image, y[(slice(None), *(r.randrange(size) for size in y.shape[1:]))])
        if reads is None:
            assert len(places) == 1, (op, x)
        for axis in {*range(len(x))} - {along.axis for along in reads or ()}:
            assert reads is None or ends(places, axis) == (0, x[axis] - 1), (op, x)
        exact += not reads
    assert exact >= SETTINGS


# ------------------------------------------------------------------ memory


def shares(op: Op, x: Shape, training: bool) -> bool:
    """Tell whether PyTorch's output stands in the memory of its input."""
    image = torch.randn(2, *x)
    return output(op, image, training).untyped_storage().data_ptr() == (
        image.untyped_storage().data_ptr()
    )


@pytest.mark.parametrize("op_name", UNARY)
def test_an_op_stands_in_the_memory_that_it_claims(op_name: str) -> None:
    """A copy may be a view where nothing changes, as a pixel shuffle by 1 is."""
    storage = REGISTRY[op_name].storage
    found = [[shares(op, x, t) for t in (False, True)] for op, x in settings(op_name)]
    inference, training = zip(*found, strict=True)
    assert all(inference) if storage in (Storage.VIEW, Storage.IDLE) else not all(inference)
    assert all(training) if storage is Storage.VIEW else not all(training)
    if storage is Storage.OVERWRITES:
        assert all(op.shape(x) == x for op, x in settings(op_name))
    elif storage is not Storage.IDLE:
        assert "inplace" not in REGISTRY[op_name].model_fields
    assert storage is Storage.OWN or REGISTRY[op_name].is_light


@pytest.mark.parametrize("op_name", UNARY)
def test_equal_images_are_treated_alike_unless_an_op_says_otherwise(op_name: str) -> None:
    """In training, however many there are: nothing is drawn for each, and nothing mixed."""
    different = 0
    for op, x in settings(op_name):
        image = torch.randn(1, *x)
        shapes, states = [], []
        for count in (2, 3):
            images = image.expand(count, *x).clone()
            layer, _ = run(op, [torch.zeros(2, *x)])
            torch.manual_seed(0)
            layer.load_state_dict({k: torch.ones_like(v) for k, v in layer.state_dict().items()})
            use = op.use(x) or Call("", (Input.EACH,))
            found = called(layer, use, [images]) if op.is_module else run(op, [images])[1]
            shapes.append(found[:1].nan_to_num())
            states.append([*layer.state_dict().values()])
            different += not torch.allclose(found, found[:1], equal_nan=True)
        different += not torch.allclose(*shapes)
        different += not all(map(torch.allclose, *states))
    counts = any(op.cost(x).macs for op, x in settings(op_name))
    assert REGISTRY[op_name].may_run_once == (different == 0 and not counts)


# ------------------------------------------------------------------ what is counted


@pytest.mark.parametrize("op_name", TABLE)
def test_an_op_counts_as_pytorch_calls_it(op_name: str) -> None:
    """What has depth multiplies, which `tests/test_ops.py` compares with PyTorch's count."""
    cls = REGISTRY[op_name]
    assert cls.is_pooling == ("Pool" in cls.module)
    assert cls.other in OTHER_KINDS
    for op, x in accepted(op_name, 5):
        assert (op.cost(*x).macs > 0 and bool(op.weights(*x))) == cls.has_depth


@pytest.mark.parametrize("op_name", TABLE)
def test_channels_are_made_by_the_arguments_that_say_so(op_name: str) -> None:
    """With twice the number there are twice as many channels, and all else is as before."""
    cls = REGISTRY[op_name]
    doubles: dict[str, set[bool]] = {}
    for op, shapes in accepted(op_name, 3 * SETTINGS):
        given = {key: getattr(op, key) for key in op.model_fields_set}
        numbers = [key for key, value in given.items() if type(value) is int]
        for key in numbers if op.shape(*shapes) else ():
            changed = validated(cls, given | {key: 2 * given[key]})
            if changed is not None and not any(True for _ in changed.check(*shapes)):
                wanted = list(op.shape(*shapes))
                wanted[-1 if cls.layout is Layout.LAST else 0] *= 2
                doubles.setdefault(key, set()).add(changed.shape(*shapes) == tuple(wanted))
    assert tuple(key for key, found in doubles.items() if found == {True}) == cls.channels


# ------------------------------------------------------------------ pictures


@pytest.mark.parametrize("op_name", TABLE)
def test_the_legend_has_an_ops_kind(op_name: str) -> None:
    """The kernel is that of the weight of PyTorch's layer."""
    for op, shapes in accepted(op_name, SETTINGS):
        assert op.kind() in STYLES
        weight = op.weights(*shapes).get("weight", ())
        assert op.kernel() == (tuple(weight[2:]) if len(weight) > 2 else ())


@pytest.mark.parametrize("op_name", UNARY)
def test_channels_stand_where_an_op_says(op_name: str) -> None:
    layout = REGISTRY[op_name].layout
    for op, x in settings(op_name):
        y = op.shape(x)
        if layout is Layout.KEPT:
            assert y == x
        elif layout is Layout.LAST:
            assert y[:-1] == x[:-1]
        elif layout is Layout.FIRST and len(y) == len(x):
            reads = op.reach(x)
            assert reads is not None and reads[0].axis == 0
