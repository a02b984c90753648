"""Products of matrices that are computed, not learnt, and attention, which is made of them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from netspec.ops.arguments import Bias, Flag, Probability, Real, Size
from netspec.ops.axes import refuse_rank
from netspec.ops.base import Call, Cost, Gradients, Infix, Input, Op, Problem, numbers, op, product
from netspec.ops.dim import Dim, Shape
from netspec.ops.held import Kept, Laid, Made, Precision, Strides, contiguous, dense, widest
from netspec.ops.merge import broadcast, refuse_ranks
from netspec.ops.reach import Reads, mixing
from netspec.ops.window import times
from netspec.text.codes import Code

OptionalPositive = Annotated[float | None, Real(0, above=True, optional=True)]


def _refuse_leading(inputs: Sequence[Shape]) -> Iterator[Problem]:
    """Yield a problem where matrices do not stand in equally many of them."""
    if problems := list(refuse_ranks(inputs)):
        yield from problems
    elif any(len({*sizes} - {1}) > 1 for sizes in zip(*(x[:-2] for x in inputs), strict=True)):
        shapes = ", ".join(times(x) for x in inputs)
        message = f"the inputs differ before their last two dimensions: {shapes}"
        yield Problem(None, message, code=Code.INPUTS_DIFFER)


def _leading(*inputs: Shape) -> Shape:
    """Return the sizes before the last two dimensions; where one is 1 it is repeated."""
    return tuple(map(broadcast, zip(*(x[:-2] for x in inputs), strict=True)))


def _is_row(x: Laid, leading: Shape) -> bool:
    """Tell whether matrices, repeated for these sizes, form one row without a copy."""
    if len(x.sizes) == 3 and x.sizes[:1] == leading:
        return True
    sizes = (*numbers(leading), *x.sizes[-2:])
    places = zip(x.sizes, sizes, x.strides, strict=True)
    repeated = tuple(stride if old == new else 0 for old, new, stride in places)
    row = (int(product(leading)), *x.sizes[-2:])
    return Laid(sizes, repeated, x.type, x.learns).fits(row)


def _factor(x: Laid, leading: Shape) -> int:
    """Return how many elements a factor has that is made for a product of matrices."""
    return x.elements if _is_row(x, leading) else int(product((*leading, *x.sizes[-2:])))


@op("matmul")
class Matmul(Op):
    """The product of two matrices, which stand in the last two dimensions of the inputs."""

    module: ClassVar[str] = "torch.matmul"
    is_module: ClassVar[bool] = False
    style: ClassVar[str] = "attention"
    precision: ClassVar[Precision] = Precision.LOW
    may_run_once: ClassVar[bool] = False
    reads: ClassVar[Sequence[int]] = (2,)

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = [problem for x in inputs for problem in refuse_rank(x, 2)]
        problems += _refuse_leading(inputs) if not problems else ()
        yield from problems[:1]
        if not problems and inputs[0][-1] != inputs[1][-2]:
            left, right = map(times, inputs)
            message = f"{left} times {right}: {inputs[0][-1]} columns meet {inputs[1][-2]} rows"
            yield Problem(None, message, "`permute` swaps dimensions", Code.INPUTS_DIFFER)

    def shape(self, *inputs: Shape) -> Shape:
        return (*_leading(*inputs), inputs[0][-2], inputs[1][-1])

    def cost(self, *inputs: Shape) -> Cost:
        return Cost(product(self.shape(*inputs)) * product(inputs[0][-1:]))

    def kept(self, params: str, *inputs: Laid) -> Kept:
        leading = _leading(*(x.sizes for x in inputs))
        kept = [i for i, other in enumerate(reversed(inputs)) if other.learns]
        seen = [i for i in kept if _is_row(inputs[i], leading)]
        copied = [inputs[i] for i in kept if i not in seen]
        return Kept(seen, made=[Made(_factor(x, leading), x.type) for x in copied])

    def torch(self, *inputs: Shape) -> Call | Infix:
        return Infix("@")


def _is_fused(q: Laid, k: Laid, v: Laid, *mask: Laid) -> bool:
    """Tell whether PyTorch computes attention at once, without keeping the products."""
    is_alike = q.sizes[:-2] == k.sizes[:-2] == v.sizes[:-2] and q.sizes[-1] == v.sizes[-1]
    is_dense = all(x.strides[-1] == 1 for x in (q, k, v))
    return len(q.sizes) == 4 and is_alike and is_dense and not any(x.learns for x in mask)


def _kept_of_products(q: Laid, k: Laid, v: Laid, *mask: Laid) -> Kept:
    """Return what backward keeps of softmax(q k^T) v where it is two products.

    The factors q and k are made, as both are scaled; half precision is computed in float32.
    """
    inner = numbers(_leading(q.sizes, k.sizes))
    leading = numbers(_leading(q.sizes, k.sizes, v.sizes))
    type, is_weighed = widest((q.type, "float32")), any(x.learns for x in (q, k, *mask))
    sizes = (*inner, q.sizes[-2], k.sizes[-2])
    weights = Laid(sizes, contiguous(sizes), type, is_weighed)
    counts = [
        _factor(x._replace(strides=dense(x)), inner)
        for x, other in ((q, k), (k, q))
        if other.learns
    ]
    counts += [weights.elements] if is_weighed else []
    is_same = is_weighed and _is_row(weights, leading)
    counts += [_factor(weights, leading)] if v.learns and not is_same else []
    reads = is_weighed and type == v.type and _is_row(v, leading)
    counts += [_factor(v, leading)] if is_weighed and not reads else []
    return Kept((2,) if reads else (), made=[Made(count, type) for count in counts])


@op("scaled_dot_product_attention")
class ScaledDotProductAttention(Op):
    """softmax(q k^T * scale) v of inputs `[q, k, v]`; a fourth is a mask that is added inside.

    Each is a matrix of tokens by features in its last two dimensions. Dropout of the weights, which
    PyTorch's function has, is left out.
    """

    module: ClassVar[str] = "F.scaled_dot_product_attention"
    is_module: ClassVar[bool] = False
    style: ClassVar[str] = "attention"
    other: ClassVar[str] = "activation"
    precision: ClassVar[Precision] = Precision.LOW
    may_run_once: ClassVar[bool] = False
    reads: ClassVar[Sequence[int]] = (3, 4)

    is_causal: Flag = Field(False, description="whether a token sees only those before it")
    scale: OptionalPositive = Field(
        None, description="the factor of the products; null: 1 / sqrt(features)"
    )

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        problems = [problem for x in inputs for problem in refuse_rank(x, 2)]
        yield from (problems or [*_refuse_leading(inputs)])[:1] or self._refuse_sizes(*inputs)

    def _refuse_sizes(self, q: Shape, k: Shape, v: Shape, *mask: Shape) -> Iterator[Problem]:
        if q[-1] != k[-1]:
            message = f"queries have {q[-1]} features, keys {k[-1]}"
        elif k[-2] != v[-2]:
            message = f"there are {k[-2]} keys and {v[-2]} values"
        elif any(not self._fits(m, (*q[:-1], k[-2])) for m in mask):
            weights = times((*q[:-1], k[-2]))
            message = f"the mask is {times(mask[0])}, the products are {weights}"
        elif mask and self.is_causal:
            yield Problem("is_causal", "there is a mask already", "put it into the mask")
            return
        else:
            return
        yield Problem(None, message, code=Code.INPUTS_DIFFER)

    @staticmethod
    def _fits(mask: Shape, weights: Shape) -> bool:
        return all(m in (1, size) for m, size in zip(mask, weights, strict=True))

    def shape(self, *inputs: Shape) -> Shape:
        q, k, v, *_ = inputs
        return (*_leading(q, k, v), q[-2], v[-1])

    @staticmethod
    def _products(q: Shape, k: Shape, v: Shape) -> tuple[int, int]:
        """Return the multiply-adds of queries with keys, and of their weights with values."""
        weights = product((*_leading(q, k, v), q[-2], k[-2], v[-1]))
        return product((*_leading(q, k), q[-2], k[-2], k[-1])), weights

    def cost(self, *inputs: Shape) -> Cost:
        q, k, v, *_ = inputs
        weights = product((*_leading(q, k, v), q[-2], k[-2]))
        return Cost(sum(self._products(q, k, v)), weights)

    def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
        """Return what the products take whose weights are kept; fused kernels compute them anew."""
        first, second = self._products(*inputs[:3])
        q, k, v, *mask = wanted
        return Gradients(first * (q + k) + second * (v + any((q, k, *mask))))

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        return dense(inputs[0]) if _is_fused(*inputs) else contiguous(sizes)

    def kept(self, params: str, *inputs: Laid) -> Kept:
        if not _is_fused(*inputs):
            return _kept_of_products(*inputs)
        sums = Made(int(product(inputs[0].sizes[:-1])), "float32")
        return Kept(range(len(inputs)), output=True, made=(sums,))

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        if _is_fused(*inputs):
            return super().transient(*inputs)
        # The scaled queries stay to the end, beside both factors of the products or the weights.
        q, k, v, *_ = inputs
        weights = int(product((*_leading(q.sizes, k.sizes), q.sizes[-2], k.sizes[-2])))
        output = int(product((*_leading(q.sizes, k.sizes, v.sizes), q.sizes[-2], v.sizes[-1])))
        most = max(k.elements + weights, 2 * weights, weights + output)
        return (Made(q.elements + most - output, q.type),)

    def torch(self, *inputs: Shape) -> Call | Infix:
        given = {
            key: getattr(self, key)
            for key in type(self).model_fields
            if key in self.model_fields_set
        }
        return Call(self.module, (Input.EACH,), given)

    def label(self) -> str:
        return "attention"


@op("multihead_attention")
class MultiheadAttention(Op):
    """Attention by several heads over (tokens, features), with PyTorch's keys.

    One input attends to itself; three are queries, keys and values. `embed_dim`, `kdim` and `vdim`
    are inferred, and the batch comes first.
    """

    module: ClassVar[str] = "nn.MultiheadAttention"
    may_run_once: ClassVar[bool] = False
    style: ClassVar[str] = "attention"
    other: ClassVar[str] = "activation"
    has_depth: ClassVar[bool] = True
    precision: ClassVar[Precision] = Precision.LOW
    rank: ClassVar[int | None] = 2
    reads: ClassVar[Sequence[int]] = (1, 3)

    num_heads: Size = Field(description="into how many heads the features are split")
    dropout: Probability = Field(0.0, description="how many weights are zero while training")
    bias: Bias = True
    add_bias_kv: Flag = Field(False, description="whether a learnt key and value is added")
    add_zero_attn: Flag = Field(False, description="whether a key and value of zeros is added")

    def inferred(self, x: Shape, *others: Shape) -> dict[str, Dim]:
        found = {"embed_dim": x[-1]}
        q, k, v = self._roles((x, *others))
        return found if self._is_square(q, k, v) else found | {"kdim": k[-1], "vdim": v[-1]}

    def check(self, *inputs: Shape) -> Iterator[Problem]:
        q, k, v = self._roles(inputs)
        if q[-1] % self.num_heads:
            yield Problem(
                "num_heads", f"{q[-1]} features do not divide into {self.num_heads} heads"
            )
        elif k[-2] != v[-2]:
            message = f"there are {k[-2]} keys and {v[-2]} values"
            yield Problem(None, message, code=Code.INPUTS_DIFFER)

    @staticmethod
    def _roles(inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        q, k, v = inputs * 3 if len(inputs) == 1 else inputs
        return q, k, v

    @staticmethod
    def _is_square(q: Shape, k: Shape, v: Shape) -> bool:
        return q[-1] == k[-1] == v[-1]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        q, k, v = self._roles(inputs)
        n = q[-1]
        found: dict[str, Shape] = {"in_proj_weight": (3 * n, n)}
        if not self._is_square(q, k, v):
            found = {
                "q_proj_weight": (n, n),
                "k_proj_weight": (n, k[-1]),
                "v_proj_weight": (n, v[-1]),
            }
        if self.bias:
            found["in_proj_bias"] = (3 * n,)
        if self.add_bias_kv:
            found |= {"bias_k": (1, 1, n), "bias_v": (1, 1, n)}
        found["out_proj.weight"] = (n, n)
        return found | ({"out_proj.bias": (n,)} if self.bias else {})

    def _projections(self, inputs: tuple[Shape, ...]) -> tuple[int, int, int]:
        """Return the multiply-adds that project queries, keys and values; results as queries."""
        q, k, v = self._roles(inputs)
        return product((*q, q[-1])), product((*k, q[-1])), product((*v, q[-1]))

    def _products(self, inputs: tuple[Shape, ...]) -> tuple[int, int]:
        """Return the sizes of the weights of each feature and of each head, by queries by keys."""
        q, k, _ = self._roles(inputs)
        keys = k[-2] + self.add_bias_kv + self.add_zero_attn
        return product((q[-1], q[-2], keys)), product((self.num_heads, q[-2], keys))

    def cost(self, *inputs: Shape) -> Cost:
        q, k, v = self._projections(inputs)
        products, weights = self._products(inputs)
        return Cost(q + k + v + q + 2 * products, weights)

    def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
        """Return what it takes where the weights are kept; fused kernels compute them anew."""
        projections = self._projections(inputs)
        each = tuple(wanted) * 3 if len(inputs) == 1 else wanted
        chosen = sum(macs for macs, is_wanted in zip(projections, each, strict=True) if is_wanted)
        q, products = projections[0], self._products(inputs)[0]
        return Gradients(chosen, sum(projections) + 2 * q + 4 * products)

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def strides(self, sizes: tuple[int, ...], *inputs: Laid) -> Strides | None:
        images, _, features = sizes  # inside, the tokens come first
        return features, images * features, 1

    def kept(self, params: str, *inputs: Laid) -> Kept:
        # Inside the tokens come first: where that is another order, linear layers read a copy.
        images, tokens, features = inputs[0].sizes
        reads = [i for i, x in enumerate(inputs) if 1 in x.sizes[:2]]
        copied = [Made(x.elements, x.type) for x in inputs if 1 not in x.sizes[:2]]
        keys = inputs[-1].sizes[1] + self.add_bias_kv + self.add_zero_attn
        has_packed_keys = len(inputs) == 1 and keys == tokens
        query, values = inputs[0].elements, images * keys * features
        type, wide = inputs[0].type, widest((inputs[0].type, "float32"))
        if self.dropout:
            weights = images * self.num_heads * tokens * keys
            noise = 1 if self.dropout == 1 else weights
            inner = [query, values, weights, noise, weights]
            is_whole = has_packed_keys and type == wide
            made = [Made(count, wide) for count in inner]
            made += [Made(3 * query if is_whole else values, wide), Made(query, type)]
        else:
            projected = [3 * query if len(inputs) == 1 else query, query]
            projected += [] if has_packed_keys else [values, values]
            made = [Made(count, type) for count in projected]
            made.append(Made(images * self.num_heads * tokens, "float32"))
        names = [name for name in self.weights(*(x.sizes[1:] for x in inputs)) if "weight" in name]
        return Kept(reads, made=[*copied, *made], weights=names)

    def transient(self, *inputs: Laid) -> Sequence[Made]:
        """Make projections, of one input all in one, and a copy of them by role; then attend."""
        x, images = inputs[0], inputs[0].sizes[0]
        keys = inputs[-1].sizes[1] + self.add_bias_kv + self.add_zero_attn
        others = [0 if len(inputs) == 1 and keys == x.sizes[1] else 2 * images * keys * x.sizes[2]]
        sums = images * self.num_heads * x.sizes[1]
        projected = 3 * x.elements if len(inputs) == 1 else x.elements
        least = 5 * x.elements if len(inputs) == 1 else 0
        return (Made(max(least, projected + sum(others) + sums), x.type),)

    def reach(self, x: Shape) -> Reads | None:
        return mixing(numbers(x), range(len(x)))

    def torch(self, *inputs: Shape) -> Call | Infix:
        embed_dim, *sizes = self.inferred(*inputs).values()
        given = {key: getattr(self, key) for key in type(self).model_fields}
        heads = given.pop("num_heads")
        rest = {key: value for key, value in given.items() if key in self.model_fields_set}
        keywords = {**rest, **dict(zip(("kdim", "vdim"), sizes, strict=False)), "batch_first": True}
        return Call(self.module, (embed_dim, heads), keywords)

    def use(self, *inputs: Shape) -> Call:
        tensors = (Input.EACH,) if len(inputs) == 3 else (Input.ONE,) * 3
        return Call("", tensors, {"need_weights": False}, item=0)

    def label(self) -> str:
        return f"attention, {self.num_heads} heads"
