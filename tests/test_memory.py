"""Memory against PyTorch: tensors saved for backward, and those alive at once in inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from netspec.analysis.alive import peak
from netspec.analysis.held import held_for_backward
from netspec.analysis.layouts import Feed, bytes_of
from netspec.analysis.network import Network
from netspec.ops.base import Call, Input, Op, Storage
from netspec.ops.held import Laid, contiguous
from netspec.ops.split import Cut, Piece
from netspec.testing import Shapes, called, run, zeros
from netspec.text.diagnostics import SpecError
from tests.random_spec import specs
from tests.support import SPECS, draws, load, loads, mostly
from tests.tensors import Trial, address, saved
from tests.test_ops import accepted
from tests.test_ops_table import TABLE
from tests.test_random_specs import examples

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = draws(8, 100)
OFTEN = [str(path) for path in SPECS if path.stem in ("googlenet", "resnet18", "swin_t")]
CRASHES = {"conv3d"}
"""Ops of which PyTorch's kernel for bfloat16 breaks the process."""
Run = Callable[[list[Tensor]], Tensor]
FEEDS = [Feed(2), Feed(1), Feed(2, "bfloat16"), Feed(2, amp=True)]


@pytest.fixture(autouse=True)
def reproducible() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def stem(path: Path) -> str:
    return path.stem


def held(network: Network, feed: Feed) -> int:
    return sum(held_for_backward(network.graph, network.shapes, feed).values())


# ------------------------------------------------------------------ networks


@pytest.mark.parametrize("feed", FEEDS, ids=str)
@pytest.mark.parametrize("spec", mostly(OFTEN, SPECS), ids=stem)
def test_training_holds_what_autograd_saves(spec: Path, feed: Feed) -> None:
    net = load(spec)
    found, said = Trial(net.network, net.build(), feed).held(), held(net.network, feed)
    # Without data autocast keeps statistics in bfloat16, and with data in float32.
    assert said == found or (feed.amp and 0 <= said - found < found / 400)


@pytest.mark.parametrize("spec", mostly(OFTEN, SPECS), ids=stem)
def test_inference_has_as_much_alive(spec: Path) -> None:
    net = load(spec)
    for feed in (Feed(), Feed(3, "bfloat16")):
        found = Trial(net.network, net.build(), feed).peak()
        said, _ = peak(net.network.graph, net.network.shapes, feed)
        assert found <= said <= 1.002 * found


@examples(draws(60, 1500))
@given(text=specs(), feed=st.sampled_from([Feed(2), Feed(3, "bfloat16"), Feed(2, amp=True)]))
def test_random_networks_hold_what_autograd_saves(text: str, feed: Feed) -> None:
    try:
        net = loads(text)
        trial = Trial(net.network, net.build(), feed, fake=False)
        found = trial.held()
    except (SpecError, NotImplementedError):  # no kernel for bfloat16
        return
    assert held(net.network, feed) == found


@examples(draws(60, 1500))
@given(text=specs())
def test_random_networks_have_as_much_alive(text: str) -> None:
    try:
        net = loads(text)
    except SpecError:
        return
    found = Trial(net.network, net.build(), Feed(2), fake=False).peak()
    said, _ = peak(net.network.graph, net.network.shapes, Feed(2))
    assert said == found


# ------------------------------------------------------------------ ops


def laid(tensor: Tensor) -> Laid:
    type = str(tensor.dtype).removeprefix("torch.")
    return Laid(tuple(tensor.shape), tuple(tensor.stride()), type, tensor.requires_grad)


def settings(op_name: str) -> Iterator[tuple[Op, Shapes]]:
    """Yield accepted settings, of as many inputs as a spec may give."""
    found = accepted(op_name, SETTINGS)
    return ((op, shapes) for op, shapes in found if len(shapes) in op.reads)


def inputs(op: Op, shapes: Shapes, batch: int, dtype: torch.dtype, r: Random) -> list[Tensor]:
    """Return inputs of which some have a gradient, and some lie in another order."""
    found = []
    for x in zeros(op, shapes, batch):
        if not x.is_floating_point():
            found.append(x)
            continue
        order = r.sample(range(x.dim()), x.dim()) if r.random() < 0.3 else range(x.dim())
        places = sorted(range(x.dim()), key=order.__getitem__)
        lies = torch.rand([x.shape[axis] for axis in order], dtype=dtype).permute(places)
        found.append(lies.requires_grad_() + 0 if r.random() < 0.7 else lies)
    return found


def prepared(op: Op, shapes: Shapes, dtype: torch.dtype) -> tuple[nn.Module, Run]:
    """Return an op's layer, and what runs it on inputs."""
    if not op.is_module:
        return nn.Identity(), lambda tensors: run(op, tensors)[1]
    layer, _ = run(op, zeros(op, shapes))
    use = op.use(*shapes) or Call("", (Input.EACH,))
    return layer.to(dtype), lambda tensors: called(layer, use, tensors)


def check_kept(op: Op, shapes: Shapes, batch: int, dtype: torch.dtype, r: Random) -> bool:
    """Compare what backward keeps; tell whether PyTorch has a kernel at all."""
    tensors = inputs(op, shapes, batch, dtype, r)
    given, sizes = [*map(laid, tensors)], [x.untyped_storage().nbytes() for x in tensors]
    layer, call = prepared(op, shapes, dtype)
    others = [*layer.parameters(), *layer.buffers()]
    try:
        found, output = saved(lambda: call(tensors), others)
    except (NotImplementedError, ValueError):  # no such type, or one value has no variance
        return False
    kept = op.kept(str(dtype).removeprefix("torch."), *given)
    storages = {address(tensors[i]): sizes[i] for i in kept.inputs}
    if kept.output:
        storages[address(output)] = output.untyped_storage().nbytes()
    said = sum(storages.values()) + sum(map(bytes_of, kept.made)) if output.requires_grad else 0
    where = op, [(x.sizes, x.strides, x.learns) for x in given], dtype
    assert sum(found.values()) == said, where
    works = Piece(whole=op, index=0) if isinstance(op, Cut) else op
    strides = works.strides(tuple(output.shape), *given)
    is_view = strides is not None and op.shares(training=True)
    assert is_view == (address(output) == address(tensors[0])), where
    if op.storage is not Storage.OWN or all(x.strides == contiguous(x.sizes) for x in given):
        lies = Laid(tuple(output.shape), strides or contiguous(tuple(output.shape)), "", False)
        assert is_alike(lies, output.stride()), where
    return True


def is_alike(x: Laid, strides: Sequence[int]) -> bool:
    """Tell whether a tensor lies so; the stride of a size of 1 means nothing."""
    return all(a == b for size, a, b in zip(x.sizes, x.strides, strides, strict=True) if size > 1)


@pytest.mark.parametrize("op_name", TABLE)
def test_backward_keeps_what_an_op_says(op_name: str) -> None:
    """All storages; and the output lies as the op says, in the input's memory or in its own."""
    r = Random(op_name)
    types = [torch.float32, *([] if op_name in CRASHES else [torch.bfloat16])]
    compared = [
        check_kept(op, shapes, batch, dtype, r)
        for op, shapes in settings(op_name)
        for batch in (1, 3)
        for dtype in types
    ]
    assert sum(compared) > len(compared) // 4
