"""Memory against PyTorch: tensors saved for backward, and those alive at once in inference."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
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
from netspec.analysis.memory import OPTIMIZERS, largest_batches, weigh
from netspec.analysis.network import Network
from netspec.cli import main
from netspec.cli.arguments import size
from netspec.ops.base import Call, Input, Op, Storage
from netspec.ops.held import BYTES, Laid, contiguous
from netspec.ops.split import Cut, Piece
from netspec.runtime.module import instantiate
from netspec.testing import Shapes, called, run, zeros
from netspec.text.diagnostics import SpecError
from tests.random_spec import specs
from tests.support import FEW, SPECS, compiled, draws, load, loads, mostly, one_block
from tests.tensors import Trial, address, saved
from tests.test_ops import accepted
from tests.test_ops_table import TABLE
from tests.test_random_specs import examples

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = draws(8, 100)
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
@pytest.mark.parametrize("spec", mostly(FEW, SPECS), ids=stem)
def test_training_holds_what_autograd_saves(spec: Path, feed: Feed) -> None:
    net = load(spec)
    try:
        found = Trial(net.network, net.build(), feed).held()
    except ValueError as error:
        assert feed.batch == 1 and "more than 1 value per channel" in str(error)
        return
    said = held(net.network, feed)
    # Without data autocast keeps statistics in bfloat16, and with data in float32.
    assert said == found or (feed.amp and 0 <= said - found < found / 400)


@pytest.mark.parametrize("spec", mostly(FEW, SPECS), ids=stem)
def test_inference_has_as_much_alive(spec: Path) -> None:
    net = load(spec)
    for feed in (Feed(), Feed(3, "bfloat16")):
        found = Trial(net.network, net.build(), feed).peak()
        said, _ = peak(net.network.graph, net.network.shapes, feed)
        assert said == found


@examples(draws(15, 180))
@given(text=specs(), feed=st.sampled_from([Feed(2), Feed(3, "bfloat16"), Feed(2, amp=True)]))
def test_random_networks_hold_what_autograd_saves(text: str, feed: Feed) -> None:
    try:
        net = loads(text)
        trial = Trial(net.network, net.build(), feed, fake=False)
        found = trial.held()
    except (SpecError, NotImplementedError):  # no kernel for bfloat16
        return
    assert held(net.network, feed) == found


def test_random_networks_have_about_as_much_alive() -> None:
    """Most have exactly that; of the others a variable is assigned earlier or later than said."""
    ratios = []

    @examples(draws(15, 180))
    @given(text=specs())
    def compare(text: str) -> None:
        try:
            net = loads(text)
        except SpecError:
            return
        found = Trial(net.network, net.build(), Feed(2), fake=False).peak()
        ratios.append(peak(net.network.graph, net.network.shapes, Feed(2))[0] / found)
        assert 0.5 < ratios[-1] < 2

    compare()
    assert sum(ratio == 1 for ratio in ratios) > len(ratios) / 2
    assert sum(0.75 < ratio < 1.25 for ratio in ratios) > 0.98 * len(ratios)


BODIES = {
    "pieces of a tensor are saved as the whole": """
        conv: {conv2d: [8, 1]}
        both: {chunk: 2}
        crop: {narrow: [2, 1, 3], from: both.1}
        out:  {conv_transpose2d: [4, 4], stride: 2}""",
    "what two keep counts once, what nobody keeps does not": """
        conv1: {conv2d: [4, 3], padding: 1}
        relu1: relu
        conv2: {conv2d: [4, 3], padding: 1}
        relu2: {relu: [], from: conv1}
        sum:   {add: [], from: [relu1, conv2, relu2]}
        flat:  flatten
        out:   dropout""",
    "in place of the input": """
        conv: {conv2d: [4, 3]}
        norm: batch_norm2d
        act:  {relu: [], inplace: true}
        more: {conv2d: [4, 3]}
        out:  {silu: [], inplace: true}""",
    "nothing learns": """
        pool: {max_pool2d: 2}
        out:  relu""",
    "a copy where no view is possible": """
        conv: {conv2d: [4, 3]}
        turn: {permute: [[0, 2, 3, 1]]}
        flat: flatten
        out:  {linear: 3}""",
    "weights are no activations": """
        scale: {parameter: [[3, 1, 1]]}
        shift: {constant: 2, size: [3, 1, 1]}
        conv:  {conv2d: [3, 3], from: image}
        mul:   {mul: [], from: [scale, conv]}
        out:   {mul: [], from: [mul, shift]}""",
    "only the size of what learns": """
        conv: {conv2d: [3, 3]}
        crop: {center_crop: [], from: [image, conv]}
        act:  sigmoid
        both: {add: [], from: [act, conv]}
        out:  sigmoid""",
    "weights of two layers": """
        one: {conv2d: [3, 3], padding: 1}
        act: relu
        two: {share: one, from: act}
        out: {linear: 5}""",
}


@pytest.mark.parametrize("body", BODIES)
def test_small_networks(body: str) -> None:
    network = compiled(one_block(BODIES[body]))
    for feed in (Feed(1), Feed(2), Feed(2, amp=True)):
        module = instantiate(network)
        assert held(network, feed) == Trial(network, module, feed, fake=False).held()
        found = Trial(network, module, feed._replace(amp=False), fake=False).peak()
        assert peak(network.graph, network.shapes, feed)[0] == found


def test_heads_and_buffers_count_where_they_run() -> None:
    """Parameters and buffers, in inference without those of heads, are the module's."""
    for spec in draws(FEW, SPECS):
        net = load(spec)
        for dtype in ("float32", "bfloat16"):
            memory = weigh(net.network.graph, net.network.shapes, net.network.costs, Feed(1, dtype))
            with torch.device("meta"):
                module = net.build().to(getattr(torch, dtype))
            assert memory.train_params == sum(x.nbytes for x in module.parameters())
            assert memory.train_buffers == sum(x.nbytes for x in module.buffers())
    heads = load(next(path for path in SPECS if path.stem == "googlenet_bn")).network
    memory = weigh(heads.graph, heads.shapes, heads.costs)
    assert memory.params == 4 * heads.totals.inference.params < memory.train_params
    assert memory.buffers < memory.train_buffers


@pytest.mark.parametrize("dtype", BYTES)
def test_bytes_are_torchs(dtype: str) -> None:
    assert BYTES[dtype] == getattr(torch, dtype).itemsize


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_keeps_what_pytorchs_does(optimizer: str) -> None:
    """Beside the count of its steps."""
    kinds = {
        "SGD": lambda x: torch.optim.SGD(x, 0.1),
        "SGD+momentum": lambda x: torch.optim.SGD(x, 0.1, momentum=0.9),
        "Adam": torch.optim.Adam,
    }
    layer = nn.Linear(3, 4)
    steps = kinds[optimizer](layer.parameters())
    layer(torch.zeros(2, 3)).sum().backward()
    steps.step()
    state = [x for found in steps.state.values() for x in found.values()]
    kept = sum(x.numel() for x in state if isinstance(x, Tensor) and x.dim())
    assert kept == OPTIMIZERS[optimizer] * sum(x.numel() for x in layer.parameters())


@pytest.mark.parametrize("space", [10**6, 10**7, 3 * 10**8])
@pytest.mark.parametrize("name", ["googlenet", "swin_t", "resnet18"])
def test_the_largest_batch_fits_and_the_next_does_not(name: str, space: int) -> None:
    network = load(next(path for path in SPECS if path.stem == name)).network
    tables = network.graph, network.shapes
    memory = weigh(*tables, network.costs)
    for optimizer, batch in largest_batches(*tables, memory, Feed(), space).items():

        def needs(count: int, optimizer: str = optimizer) -> int:
            found = weigh(*tables, network.costs, Feed(count))
            return found.training(optimizer) if optimizer else found.inference

        assert batch is not None
        assert (batch == 0 or needs(batch) <= space) and needs(batch + 1) > space


def test_no_batch_is_the_largest_where_an_image_takes_nothing() -> None:
    network = loads(one_block("out: relu", "x: [8]")).network
    memory = weigh(network.graph, network.shapes, network.costs)
    largest = largest_batches(network.graph, network.shapes, memory, Feed(), 80 * 10**9)
    assert largest == dict.fromkeys(OPTIMIZERS) | {"": 80 * 10**9 // 64}


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        ("80GB", 80 * 10**9),
        ("24GiB", 24 * 2**30),
        ("1.5 tib", 3 * 2**39),
        ("512kB", 512_000),
        ("10MiB", 10 * 2**20),
    ],
)
def test_sizes_are_decimal_and_binary(text: str, bytes: int) -> None:
    assert size(text) == bytes


@pytest.mark.parametrize(
    "text",
    ["80", "80G", "GB", "0GB", "-1GB", "1e3GB", "nanGB", "1..2GB", "٣GB", "9" * 30 + "GB", ""],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="expected a size such as 80GB"):
        size(text)


def test_the_command_says_which_batch_fits(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(next(path for path in SPECS if path.stem == "nin"))
    assert main(["report", path, "--memory", "2GB", "--amp", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["memory"]["rows"]}
    assert (found["memory_bytes"], found["autocast"]) == (2 * 10**9, "bfloat16")
    assert rows["train, Adam"]["largest_batch"] < rows["train, SGD"]["largest_batch"]
    memory = load(Path(path)).memory(amp=True)
    assert rows["train, Adam"]["total_bytes"] == memory.training("Adam")
    assert rows["inference"]["total_bytes"] == memory.inference
    assert main(["report", path, "--amp", "--dtype", "bfloat16"]) == 2
    assert "autocast trains parameters of float32, found bfloat16" in capsys.readouterr().err


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
    except (RuntimeError, ValueError):  # no such type, no view of it; one value has no variance
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
