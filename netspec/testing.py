"""Compare op classes with PyTorch, your own as netspec's tests compare those of netspec.

    from netspec.testing import check_op
    check_op(SqueezeExcite)

PyTorch runs on real CPU tensors, because the meta device accepts more than the kernels do. The
batch is a number that no size is, so that an op that mixes images shows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from importlib import import_module
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from netspec.ops.arguments import Argument, Boolean, Fixed, Integer, ListOf, Real, Word
from netspec.ops.base import REAL, Call, Infix, Input, Op, numbers
from netspec.ops.dim import Shape, is_known, name, substitute

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.flop_counter import FlopCounterMode

BATCH = 11
OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "@": operator.matmul,
}
REFUSALS = (*(RuntimeError, ValueError, TypeError, IndexError, ZeroDivisionError, AssertionError),)
Arguments = Mapping[str, object]
Shapes = tuple[Shape, ...]


class Setting(NamedTuple):
    """Arguments as a spec gives them, lists as tuples, and the inputs' shapes without the batch."""

    arguments: Arguments
    shapes: Shapes


class Seen(NamedTuple):
    """What a layer makes of its inputs, here or in PyTorch."""

    shape: Shape
    weights: dict[str, Shape]
    buffers: dict[str, Shape]


def check_op(
    cls: type[Op],
    settings: int | Iterable[tuple[Arguments, Shapes]] = 200,
    stricter: Callable[[Arguments, Shapes], bool] = lambda arguments, shapes: False,
) -> int:
    """Compare an op class with its PyTorch module; return how many settings it accepted.

    At each setting: what is refused, the output's shape, the parameters, buffers and keys of the
    state_dict in their order, multiply-adds where PyTorch's flop counter counts any, those of the
    gradients if the class says them itself, and the shape rule on names in place of numbers.
    `settings` are some, or how many to draw: small numbers by the kinds of the arguments, for
    inputs of small shapes. `stricter` tells where the class refuses what PyTorch accepts.
    Raises AssertionError with the first setting that differs, or if none is accepted.
    """
    drawn = islice(draw(cls), settings) if isinstance(settings, int) else settings
    accepted = 0
    for arguments, shapes in drawn:
        where = f"{cls.op_name}, {dict(arguments)} on {shapes}"
        op, expected, found = compared(cls, arguments, shapes)
        if expected is None and (found is None or stricter(arguments, shapes)):
            continue
        assert found == expected, f"{where}: the class says {expected}, PyTorch {found}"
        # Dictionaries are equal in any order, a state_dict is not.
        assert str(found) == str(expected), f"{where}: the order of the state"
        assert op is not None
        macs, flops = op.cost(*shapes).macs, counted(op, shapes)
        assert flops in (0, 2 * BATCH * macs), f"{where}: {macs} MACs, {flops / 2 / BATCH} counted"
        if cls.backward is not Op.backward:
            _check_backward(op, shapes, where)
        _check_names(op, shapes, where)
        accepted += 1
    assert accepted, f"{cls.op_name}: no setting is accepted"
    return accepted


def compared(
    cls: type[Op], arguments: Arguments, shapes: Shapes
) -> tuple[Op | None, Seen | None, Seen | None]:
    """Return an op, None if its class refuses it, what the class says, and what PyTorch does."""
    op = validated(cls, arguments)
    expected = None if op is None else inferred(op, shapes)
    if op is not None and expected is not None:
        return op, expected, measured(op, shapes)
    try:  # about what the class has refused
        return op, None, measured(cls.model_construct(None, **arguments), shapes)
    except (IndexError, ZeroDivisionError):  # too few dimensions to infer anything from
        return op, None, None


def validated(cls: type[Op], arguments: Arguments) -> Op | None:
    """Return an op, None if one of its arguments is refused."""
    try:
        return cls.model_validate(dict(arguments))
    except ValidationError:
        return None


def inferred(op: Op, shapes: Shapes) -> Seen | None:
    """Return what an op class says, None where it refuses."""
    if op.rank is not None and any(len(x) != op.rank for x in shapes):
        return None
    if any(True for _ in op.check(*shapes)):
        return None
    return Seen(op.shape(*shapes), op.weights(*shapes), op.buffers(*shapes))


def measured(op: Op, shapes: Shapes) -> Seen | None:
    """Return what PyTorch does, None where it raises, mixes images or makes an empty tensor."""
    import torch

    try:
        with torch.no_grad():
            layer, output = run(op, zeros(op, shapes))
    except REFUSALS:
        return None
    if output.dim() == 0 or output.shape[0] != BATCH or output.numel() == 0:
        return None
    weights: dict[str, Shape] = {k: tuple(x.shape) for k, x in layer.named_parameters()}
    state: dict[str, Shape] = {k: tuple(x.shape) for k, x in layer.state_dict().items()}
    buffers = {key: shape for key, shape in state.items() if key not in weights}
    return Seen(tuple(output.shape[1:]), weights, buffers)


def counted(op: Op, shapes: Shapes) -> int:
    """Return what PyTorch's flop counter counts: two of them are a multiply-add."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # PyTorch counts nothing of a fused attention on a CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run(op, zeros(op, shapes))
    flops: int = counter.get_total_flops()
    return flops


def counted_backward(op: Op, shapes: Shapes, wanted: Sequence[bool]) -> int:
    """Return the same of the gradients: of learnt tensors, and of the inputs that are wanted."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    inputs = zeros(op, shapes)
    for x, is_wanted in zip(inputs, wanted, strict=True):
        x.requires_grad_(is_wanted)
    with sdpa_kernel(SDPBackend.MATH):
        # A copy, so that what overwrites its input may.
        _, output = run(op, [x + 0 if x.requires_grad else x for x in inputs])
        with flop_counter() as counter:
            if output.requires_grad:
                torch.autograd.backward(output.sum())
    flops: int = counter.get_total_flops()
    return flops


def flop_counter() -> FlopCounterMode:
    """Return PyTorch's counter, which takes all channels for those of a group, with that mended."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, flop_registry

    convolution = torch.ops.aten.convolution_backward
    counted = flop_registry[convolution]

    def gradients(*args: Any, out_val: object = None) -> int:
        *rest, groups, (image, weight, bias) = args
        of_image = counted(*rest, groups, (image, False, bias), out_val=out_val)
        of_weight = counted(*rest, groups, (False, weight, bias), out_val=out_val)
        return int(of_image + of_weight // groups)

    vars(gradients)["_get_raw"] = True  # how the counter tells formulas that take tensors
    return FlopCounterMode(display=False, custom_mapping={convolution: gradients})


def _check_backward(op: Op, shapes: Shapes, where: str) -> None:
    """Check the multiply-adds of the gradients, with those of the inputs and without."""
    for is_wanted in (True, False):
        wanted = [is_wanted and x.is_floating_point() for x in zeros(op, shapes)]
        macs, flops = op.backward(wanted, *shapes).macs, counted_backward(op, shapes, wanted)
        said = f"{macs} MACs backward, {flops / 2 / BATCH} counted, inputs wanted: {is_wanted}"
        assert flops == 2 * BATCH * macs, f"{where}: {said}"


def zeros(op: Op, shapes: Shapes, batch: int = BATCH) -> list[Tensor]:
    """Return inputs of the types that an op takes."""
    import torch

    takes = [op.takes[min(i, len(op.takes) - 1)] or REAL for i in range(len(shapes))]
    pairs = zip(shapes, takes, strict=True)
    return [torch.zeros((batch, *numbers(x)), dtype=getattr(torch, dtype)) for x, dtype in pairs]


def run(op: Op, inputs: list[Tensor], training: bool = True) -> tuple[nn.Module, Tensor]:
    """Build what a generated file would hold, and run it."""
    from torch import nn

    shapes = [tuple(x.shape[1:]) for x in inputs]
    call = op.torch(*shapes)
    if isinstance(call, Infix):
        operands: list[Any] = [*inputs, *call.numbers]
        return nn.Identity(), reduce(OPERATORS[call.operator], operands)
    function = named(type(op), call.function)
    if not op.is_module:
        return nn.Identity(), called(function, call, inputs)
    layer = function(*call.args, **call.kwargs).train(training)
    return layer, called(layer, op.use(*shapes) or Call("", (Input.EACH,)), inputs)


def named(cls: type[Op], function: str) -> Any:
    """Return the class or function that generated code calls by a name."""
    import torch
    from torch import nn
    from torch.nn import functional

    package, _, attribute = function.rpartition(".")
    if not package:
        return _helpers(cls)[attribute]
    known = {"nn": nn, "torch": torch, "F": functional}
    return getattr(known.get(package) or import_module(package), attribute)


_made: dict[type[Op], dict[str, Any]] = {}


def _helpers(cls: type[Op]) -> dict[str, Any]:
    """Return the classes that an op brings along, as a generated file has them."""
    if cls not in _made:
        import torch
        from torch import Tensor, nn
        from torch.nn import functional

        scope: dict[str, Any] = {"nn": nn, "torch": torch, "F": functional, "Tensor": Tensor}
        for source in cls.helpers.values():
            exec(source, scope)
        _made[cls] = scope
    return _made[cls]


def called(function: Callable[..., Any], call: Call, inputs: Sequence[Tensor]) -> Tensor:
    """Call a function with what the call says; of several results the first counts."""
    places: dict[object, Sequence[object]] = {
        Input.ONE: inputs[:1],
        Input.LAST: inputs[-1:],
        Input.EACH: inputs,
        Input.ALL: [inputs],
    }
    args = [
        x for value in call.args for x in (places[value] if isinstance(value, Input) else [value])
    ]
    output = function(*args, **call.kwargs)
    found: Tensor = output[call.item or 0] if isinstance(output, tuple) else output
    return found


def _check_names(op: Op, shapes: Shapes, where: str) -> None:
    """Check that the shape rule says the same of names, which generated constructors need."""
    env: dict[str, object] = {}
    for i, x in enumerate(shapes):
        env |= {f"n{i}_{axis}": size for axis, size in enumerate(x)}
    symbols = tuple(
        tuple(name(f"n{i}_{axis}") if len(shapes) == 1 or size != 1 else 1 for axis, size in pairs)
        for i, pairs in enumerate(map(enumerate, shapes))
    )
    try:
        result = op.shape(*symbols)
        made = op.torch(*symbols)
    except Exception as error:
        raise AssertionError(f"{where}: the rules do not run on names: {error!r}") from error
    known = (op.module, *op.helpers)
    is_called = isinstance(made, Infix) or made.function in known
    assert is_called, f"{where}: generated code calls {known[0]} and helpers, not {made}"
    sizes = zip(result, op.shape(*shapes), strict=True)
    wrong = [size for size, n in sizes if is_known(size) and substitute(size, env) != n]
    assert not wrong, f"{where}: on names the shape is {result}"


# ------------------------------------------------------------------ settings


def draw(cls: type[Op], seed: str = "") -> Iterator[Setting]:
    """Yield random settings of an op without end, the same for the same seed."""
    r = Random(f"{cls.op_name} {seed}")
    counts = [count for count in cls.reads if count <= 4]
    while True:
        rank = cls.rank or r.randint(1, 4)
        shape = tuple(r.randint(1, 8) for _ in range(rank))
        shapes = [shape for _ in range(r.choice(counts))]
        arguments = {
            key: _value(r, _kind(key, field.metadata, cls))
            for key, field in cls.model_fields.items()
            if field.is_required() or r.random() < 0.6
        }
        yield Setting(arguments, tuple(shapes))


def _kind(key: str, metadata: Sequence[object], cls: type[Op]) -> Argument:
    kind = next(part for part in metadata if isinstance(part, Argument))
    if not isinstance(kind, Integer | Real | Boolean | Word | ListOf | Fixed):
        message = f"`{key}` of `{cls.op_name}` cannot be drawn; give `check_op` settings"
        raise TypeError(message)
    return kind


def _value(r: Random, kind: Argument) -> object:
    match kind:
        case Integer():
            return _integer(r, kind)
        case Real():
            low, high = max(kind.minimum, -2.0), min(kind.maximum, 2.0)
            return None if kind.optional and r.random() < 0.3 else round(r.uniform(low, high), 2)
        case Boolean():
            return r.random() < 0.5
        case Word():
            return r.choice(kind.words)
        case ListOf():
            return tuple(_value(r, kind.item) for _ in range(r.randint(1, 3)))
        case Fixed():
            return _value(r, kind.kind)
    raise TypeError(f"cannot draw {kind}")


def _integer(r: Random, kind: Integer) -> object:
    low = max(kind.minimum, -4)
    one, many = r.randint(low, min(kind.maximum, low + 8)), kind.count > 1 and r.random() < 0.4
    if many:
        return tuple(r.randint(low, min(kind.maximum, low + 4)) for _ in range(kind.count))
    others: list[object] = [*kind.words, *kind.also, *([None] if kind.optional else [])]
    return r.choice(others) if others and r.random() < 0.3 else one
