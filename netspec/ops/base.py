"""What every op is: arguments, acceptance rule, shape rule, cost, reach, torch call, picture.

To add an op, write one class in the module of its kind and decorate it with `@op("its_name")`.
Its pydantic fields are the YAML arguments in PyTorch's order; `Op`'s methods below say the rest.
Every fact about an op stands here, so that the stages behind ask, and know no op by its name.

Modules of ops do without `from __future__ import annotations`: pydantic would compile each
annotation again, those of all bases too, for every class.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from netspec import limits
from netspec.ops.dim import Dim, Shape, names, substitute
from netspec.ops.held import NOTHING, Keeps, Kept, Laid, Made, Precision, Strides, contiguous, like
from netspec.ops.reach import Reads
from netspec.ops.registry import Registry
from netspec.text.codes import Code


class Problem(NamedTuple):
    """What PyTorch would refuse. `argument` is the argument to blame, or None for the input."""

    argument: str | None
    message: str
    help: str = ""
    code: str = Code.REFUSED


class Cost(NamedTuple):
    """Work for one image: multiply-adds, and all other operations (see `Op.cost`)."""

    macs: int = 0
    other: int = 0


class Gradients(NamedTuple):
    """Multiply-adds of the backward pass for one image (see `Op.backward`).

    `inputs` are those of the inputs' gradients; `weights` those of the learnt tensors' gradients,
    and of what lies between these and the output.
    """

    inputs: int = 0
    weights: int = 0

    @property
    def macs(self) -> int:
        """All of them."""
        return self.inputs + self.weights


class Window(NamedTuple):
    """How an op moves over the feature map; one number per spatial dimension.

    `padding` is what stands before the first element.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as data: `nn.Conv2d(3, 64, 7, stride=2)`. Arguments may hold expressions.

    `note` is the arithmetic behind a number among them.
    """

    function: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    note: str = ""
    item: int | None = None
    """Which of several results is meant."""
    takes_lists: bool = False
    """Whether torch's types ask for lists where other functions take tuples."""


@dataclass(frozen=True, slots=True)
class Infix:
    """Inputs, and numbers behind them, joined by an operator: `a + b`, `a * 2`."""

    operator: str
    numbers: tuple[object, ...] = ()


class Input(Enum):
    """Stands in the arguments of a Call for what the layer reads."""

    ONE = "the input"
    LAST = "the last input"
    EACH = "the inputs, one argument each"
    ALL = "the tuple of the inputs"


REAL, INTEGER = "float32", "int64"
"""What the elements of a tensor are."""
CHANNELS_LAST = "channels_last"
"""The layout of images in memory in which the channels of a pixel stand side by side."""


class Storage(Enum):
    """In which memory an output stands."""

    OWN = "a tensor of its own"
    VIEW = "the input's"
    IDLE = "the input's in inference, where the op does nothing"
    OVERWRITES = "the input's, where the op is told so by `inplace`"


class Layout(Enum):
    """Where the channels of an output stand."""

    FIRST = "in the first dimension"
    LAST = "in the last dimension"
    KEPT = "where the input has them"
    OTHER = "that depends on more"


def product(dims: Shape) -> Any:
    """Return the product of sizes: an integer for numbers, an expression for names."""
    return math.prod(dims)


def numbers(dims: Shape) -> tuple[int, ...]:
    """Return sizes as the integers that they are; checks run on no names."""
    return cast("tuple[int, ...]", dims)


STYLES = (
    *("conv", "transposed", "linear", "attention", "pool", "resize", "norm", "activation"),
    *("dropout", "join", "reshape", "other"),
)
"""Kinds of op that pictures have a colour for."""
OTHER_KINDS = ("pooling", "normalising", "activation", "bias", "joining")
"""What operations beside multiply-adds are; every op's fall into exactly one of them."""


class Op(BaseModel):
    """An op with its arguments. Shapes leave out the batch: (channels, height, width)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    op_name: ClassVar[str]
    """The name that a spec writes; the decorator `op` sets it."""
    module: ClassVar[str]
    """The torch.nn class that a generated file calls, or the function."""
    is_module: ClassVar[bool] = True
    """Whether the op is a child module (and not a function of its inputs)."""
    helpers: ClassVar[Mapping[str, str]] = {}
    """The source of classes and functions that torch lacks, by name: the file holds them once."""
    style: ClassVar[str]
    """The group in `netspec ops`, and unless `kind` says more the colour in pictures: a STYLE."""
    is_light: ClassVar[bool] = False
    """Whether a block may have it beside its one real op and still be drawn as one box."""
    layout: ClassVar[Layout] = Layout.OTHER
    """Where the channels of an output stand."""
    storage: ClassVar[Storage] = Storage.OWN
    """In which memory an output stands."""
    slope: ClassVar[str] = ""
    """The argument that, where negative, hides the input's sign from an output in place."""
    keeps: ClassVar[Keeps] = Keeps.INPUTS
    """What backward needs; an op that keeps more, or less, says so in `kept`."""
    precision: ClassVar[Precision] = Precision.GIVEN
    """The type in which it computes under autocast."""
    may_run_once: ClassVar[bool] = True
    """Whether what is the same for all images may be computed once for them.

    Not where training draws noise for each or mixes them, nor where each one's products count.
    """
    has_depth: ClassVar[bool] = False
    """Whether papers count it as a layer: convolutions and linear layers."""
    is_pooling: ClassVar[bool] = False
    """Whether papers that count pooling layers count it too."""
    other: ClassVar[str] = "joining"
    """What the operations are that `cost` counts beside multiply-adds: one of OTHER_KINDS."""
    channels: ClassVar[tuple[str, ...]] = ()
    """The arguments that say how many channels come out."""
    positional: ClassVar[int] = 1
    """How many leading arguments the torch call passes by position."""
    reads: ClassVar[Sequence[int]] = (1,)
    """The numbers of inputs that it can have."""
    takes: ClassVar[tuple[str | None, ...]] = (REAL,)
    """What the inputs hold, None for anything; the last one speaks for all further inputs."""
    rank: ClassVar[int | None] = None
    """The number of dimensions that every input must have, None for any."""

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        """Constructor arguments that follow from the input, and what stands before them.

        They open the call by position, {"in_channels": 3}, {"num_groups": 8, "num_channels": 64},
        but for those that it gives by keyword.
        """
        return {}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        """Yield what PyTorch would refuse about these arguments on these inputs."""
        return iter(())

    def shape(self, *inputs: Shape) -> Shape:
        """Return the output shape. Runs on numbers, and on names for generated constructors."""
        return inputs[0]

    def gives(self, *held: str) -> str:
        """Return what the output holds where the inputs hold this."""
        return held[0] if held else REAL

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """Return the learnt tensors by their state_dict name."""
        return {}

    def weights_read(self, batch: int, *inputs: Shape) -> int:
        """Return how many of their elements a batch may read, each once; by default all."""
        return sum(int(product(size)) for size in self.weights(*inputs).values())

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        """Return the tensors of the state_dict that are not learnt."""
        return {}

    def cost(self, *inputs: Shape) -> Cost:
        """Return multiply-adds and other operations for one image in inference.

        Other operations: one per element of a pooling window, two per normalised element, one per
        activation, bias addition, or element added or multiplied.
        """
        return Cost()

    def shares(self, training: bool) -> bool:
        """Tell whether the output stands in the memory of the first input."""
        if self.storage is Storage.OWN:
            return False
        is_idle = self.storage is Storage.IDLE and not training
        return is_idle or self.storage is Storage.VIEW or getattr(self, "inplace", False)

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        """Return how an output of these sizes lies in memory; None for a view that is a copy."""
        if self.storage is Storage.VIEW:
            return inputs[0].strides
        return like(inputs[0], sizes) if self.layout is Layout.FIRST else contiguous(sizes)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        """Return what backward keeps, where something here has a gradient.

        `params` is the type of the weights. Measured with `saved_tensors_hooks` on a CPU.
        """
        match self.keeps:
            case Keeps.INPUTS:
                return Kept(range(len(inputs)))
            case Keeps.OUTPUT:
                return Kept(output=True)
        return NOTHING

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        """Return what a call makes beside its output in inference, where most is alive at once.

        What PyTorch's kernels take as a workspace is left out.
        """
        given = [x._replace(learns=True) for x in inputs]
        return self.kept(inputs[0].type, *given).made if inputs else ()

    def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
        """Return the multiply-adds of the backward pass; `wanted` are the gradients of the inputs.

        A multiply-add of `cost` has two factors, and the gradient of each takes as many again. By
        default one is an input's and one a learnt tensor's; without these both are of the inputs.
        """
        macs = self.cost(*inputs).macs
        if self.weights(*inputs):
            return Gradients(macs * any(wanted), macs)
        return Gradients(2 * macs * sum(wanted) // len(wanted) if wanted else 0)

    def window(self) -> Window | None:
        """Return how the op moves over the feature map; None: element by element."""
        return None

    def reach(self, x: Shape) -> Reads | None:
        """Return what an element of the output depends on in inference, for an op of one input.

        None: on one element, but the output's dimensions are not those of the input; nothing, as
        by default: on the whole input.
        """
        return ()

    def alone(self, *inputs: Shape) -> "Op | None":
        """Return the op of one input that does the same where further inputs only give a size."""
        return self if len(inputs) == 1 else None

    def computed_from(self, *inputs: Shape) -> int:
        """Return of how many inputs the elements are read; the further ones only give a size."""
        return 1 if len(inputs) > 1 and self.alone(*inputs) else len(inputs)

    def torch(self, *inputs: Shape) -> Call | Infix:
        """Return the module's constructor call, or for ops without a module the function's call.

        A function's arguments hold `Input.ONE` or `Input.ALL` where the inputs go.
        """
        inferred: Mapping[str, object] = {"input": Input.ONE}
        if self.is_module:
            inferred = self.inferred(inputs[0])
        everything = list(type(self).model_fields)
        fields = [key for key in everything if key not in inferred]
        given = self.model_fields_set
        leading = (key for key in everything[: self.positional] if key not in inferred)
        first = list(takewhile(given.__contains__, leading))
        args = (getattr(self, key) for key in first)
        rest = {key: getattr(self, key) for key in fields if key in given and key not in first}
        return Call(self.module, (*inferred.values(), *args), rest)

    def use(self, *inputs: Shape) -> Call | None:
        """Return how the module is called, where that is not simply with its inputs."""
        return None

    @property
    def in_sequence(self) -> bool:
        """Whether an `nn.Sequential` can hold it."""
        return self.is_module and self.use(()) is None

    @property
    def is_wrapped(self) -> bool:
        """Whether it is a function that a module of its own can call in an `nn.Sequential`."""
        return not self.is_module and self.reads[0] == 1

    def label(self) -> str:
        """Return the few words that stand in a picture's node."""
        return self.op_name.rpartition(".")[2].replace("_", " ")

    def brief(self) -> str:
        """Return the label where the box is narrow, and its colour says what is left out."""
        return self.label()

    def kind(self) -> str:
        """Return the kind in a picture's legend, which chooses the colour: a STYLE."""
        return self.style

    def kernel(self) -> Shape:
        """Return the sizes that shade the colour and stand in the legend: those of a kernel."""
        return ()

    def bind(self, env: Mapping[str, object]) -> "Op":
        """Replace parameters by their values and validate the result.

        Raises pydantic.ValidationError, and what `dim.substitute` raises.
        """
        values = {key: getattr(self, key) for key in self.model_fields_set}
        if not any(True for value in values.values() for _ in names(value)):
            return self
        return type(self).model_validate({k: substitute(v, env) for k, v in values.items()})


class Join(Op):
    """An op over several inputs: the `join:` of a `parallel`, or a layer with `from: [a, b]`."""

    style: ClassVar[str] = "join"
    layout: ClassVar[Layout] = Layout.KEPT
    is_module: ClassVar[bool] = False
    reads: ClassVar[Sequence[int]] = range(2, limits.CONNECTIONS)
    operator: ClassVar[str] = ""
    """Python's operator between the elements of the inputs; without one they stand side by side."""

    commutes: ClassVar[bool] = False
    """Whether the order of the inputs means nothing."""

    def differing(self, *inputs: Shape) -> list[int]:
        """Return the places in the shapes where inputs of one rank do not fit together."""
        return [axis for axis, sizes in enumerate(zip(*inputs, strict=True)) if len({*sizes}) > 1]


REGISTRY: Registry[type[Op]] = Registry()
"""The ops that a spec may name."""
_AnyOp = TypeVar("_AnyOp", bound=type[Op])


def op(op_name: str) -> Callable[[_AnyOp], _AnyOp]:
    """Give an op class the name that a spec writes; `mylib.squeeze_excite` for one of your own."""

    def register(cls: _AnyOp) -> _AnyOp:
        cls.op_name = op_name
        # Whoever imports a module of ops has not yet let every spec name them.
        if cls.__module__.startswith("netspec.ops."):
            REGISTRY.built_in[op_name] = cls
        return cls

    return register
