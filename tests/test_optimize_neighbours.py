"""Layers that follow each other, in every setting that counts, through each rewrite of pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.language.write import written
from netspec.rewrite.optimize import NAMES
from netspec.text.diagnostics import SpecError
from tests.support import draws, loads, one_block
from tests.test_optimize import check_same, graph
from tests.test_random_specs import examples

Draw = st.DrawFn


def one_of(*options: str) -> st.SearchStrategy[str]:
    return st.sampled_from(options)


@st.composite
def options(draw: Draw, head: str, **values: st.SearchStrategy[str]) -> str:
    """Return an op with a value for each argument."""
    return head + "".join(f", {key}: {draw(value)}" for key, value in values.items())


WIDTHS, FLAGS = one_of("2", "4", "16"), one_of("true", "false")
PIXELS = WIDTHS.flatmap(
    lambda width: options(
        f"conv2d: [{width}, 1]",
        padding=one_of("0", "0", "0", "same", "1"),
        stride=one_of("1", "1", "1", "1", "2"),
        groups=one_of("1", "1", "1", "1", "2"),
        bias=FLAGS,
    )
)
WINDOWS = WIDTHS.flatmap(
    lambda width: options(
        f"conv2d: [{width}, 3]",
        padding=one_of("0", "1"),
        padding_mode=one_of("zeros", "zeros", "reflect"),
        stride=one_of("1", "2"),
        groups=one_of("1", "1", "1", "2"),
        bias=FLAGS,
    )
)
MEANS = options(
    "avg_pool2d: 3",
    stride=one_of("1", "1", "2"),
    padding=one_of("0", "1"),
    ceil_mode=FLAGS,
    count_include_pad=FLAGS,
    divisor_override=one_of("null", "null", "5"),
)
LINEAR = WIDTHS.flatmap(lambda width: options(f"linear: {width}", bias=FLAGS))
PAIRS = st.one_of(
    *(st.tuples(PIXELS, kind) for kind in (MEANS, WINDOWS, PIXELS)),
    *(st.tuples(kind, PIXELS) for kind in (MEANS, MEANS, WINDOWS)),
    st.tuples(LINEAR, LINEAR),
)
ENDS = one_of("", "", "relu", "batch_norm2d, end: relu")


@st.composite
def neighbours(draw: Draw) -> str:
    """Return a spec around a chain, some lines of which call blocks that end as most do."""
    lines = [*draw(PAIRS), *draw(st.one_of(st.just(()), PAIRS))]
    blocks = {}
    for i, line in enumerate(lines):
        if ends := draw(ENDS):
            params = "params: [w=1], " if "conv2d" in line else ""
            inner = line.replace("conv2d: [", "conv2d: [$w * ")
            blocks[f"Unit{i}"] = f"{{{params}chain: {{first: {{{inner}}}, last: {ends}}}}}"
            lines[i] = f"Unit{i}: {draw(one_of('1', '[]')) if params else '[]'}"
    given = "".join(f"  {name}: {body}\n" for name, body in blocks.items())
    chain = draw(st.sampled_from(CHAINS))([*lines, "sigmoid: []"])
    text = one_block(chain, "image: [8, 9, 9]")
    return text.replace("graph:", f"blocks:\n{given}graph:") if given else text


def named(lines: Sequence[str], last: str = "out") -> str:
    """Write lines as a chain of the graph."""
    names = [*(f"{last}{i}" for i in range(len(lines) - 1)), last]
    return "\n".join(f"{name}: {{{line}}}" for name, line in zip(names, lines, strict=True))


def branches(lines: Sequence[str]) -> str:
    """Write lines as both branches of a body."""
    left, right = (", ".join(named(lines, end).splitlines()) for end in ("left", "right"))
    return f"out: {{parallel: [{{{left}}}, {{{right}}}], join: mul}}"


def listed(lines: Sequence[str]) -> str:
    return f"out: [{', '.join(f'{{{line}}}' for line in lines)}]"


CHAINS = (named, named, branches, listed)


@examples(draws(25, 200))
@given(text=neighbours(), only=st.sampled_from([NAMES, ["order_pools"], ["join_linear"]]))
def test_neighbours_in_any_setting_compute_the_same(text: str, only: Collection[str]) -> None:
    try:
        net = loads(text)
    except SpecError:
        return
    assert check_same(net, only).macs <= net.macs


# ------------------------------------------------------------------ where it pays, and where not

ORDERED = {
    "fewer pixels for the convolution": "conv2d: [2, 1] / avg_pool2d: 3, stride: 3",
    "fewer channels for the mean": (
        "avg_pool2d: 3, stride: 1, padding: 1 / conv2d: [2, 1], bias: false"
    ),
    "a mean of what there is": (
        "avg_pool2d: 3, stride: 1, padding: 1, count_include_pad: false / conv2d: [2, 1]"
    ),
}
JOINED = {
    "linear layers": "linear: 32 / linear: 2",
    "pixels behind windows": "conv2d: [32, 3], stride: 2, padding: 1 / conv2d: [2, 1]",
    "pixels in front of windows": "conv2d: [32, 1] / conv2d: [2, 3], stride: 2",
    "no bias that padding would show": "conv2d: [32, 1], bias: false / conv2d: [2, 3], padding: 1",
    "padding that is made of pixels": (
        "conv2d: [32, 1] / conv2d: [2, 3], padding: 1, padding_mode: reflect"
    ),
}
KEPT = {
    "a bias in padding": "conv2d: [32, 1] / conv2d: [2, 3], padding: 1",
    "a bottleneck": "conv2d: [2, 1] / conv2d: [32, 3]",
    "windows in windows": "conv2d: [8, 3] / conv2d: [2, 3]",
    "groups": "conv2d: [32, 1], groups: 8 / conv2d: [2, 1]",
    "steps of single pixels": "conv2d: [32, 1], stride: 2 / conv2d: [2, 3]",
    "an activation": "linear: 32 / relu: [] / linear: 2",
    "a mean with counted padding, and a bias": (
        "avg_pool2d: 3, stride: 1, padding: 1 / conv2d: [2, 1]"
    ),
    "as many channels": "avg_pool2d: 3, stride: 1, padding: 1 / conv2d: [6, 1], bias: false",
    "fewer pixels already": "avg_pool2d: 3, stride: 2, padding: 1 / conv2d: [2, 1], bias: false",
    "a mean of windows": "conv2d: [2, 3] / avg_pool2d: 2, stride: 2",
    "a sum and a bias": "conv2d: [2, 1] / avg_pool2d: 3, stride: 3, divisor_override: 1",
}


def ops(case: str) -> list[str]:
    """Return the ops of a chain of a case once it is optimised."""
    text = one_block(named([*case.split(" / "), "sigmoid: []"]), "image: [8, 9, 9]")
    fast = check_same(loads(text), ["order_pools", "join_linear"])
    return [node.op.op_name for node in fast.network.graph.nodes.values()][:-1]


@pytest.mark.parametrize("case", ORDERED.values(), ids=ORDERED)
def test_two_layers_change_places(case: str) -> None:
    assert ops(case) == [line.partition(":")[0] for line in reversed(case.split(" / "))]


def test_a_mean_goes_into_the_block_that_reads_it() -> None:
    unit = "{params: [w, k=1], chain: {conv: {conv2d: [$w, $k], bias: false}, "
    unit += "pool: batch_norm2d, relu: relu}}"
    pool = "pool: {avg_pool2d: 3, stride: 1, padding: 1}\nout: "
    after = """
        out:
          chain:
            conv:  {conv2d: [2, 1], bias: false}
            pool_: {avg_pool2d: 3, stride: 1, padding: 1}
            pool:  batch_norm2d
            relu:  relu
        """
    for block, use, fast in (
        (unit, "{Unit: 2}", after),
        (unit, "{Unit: [2, 3]}", ""),
        (unit, "{Unit: 8}", ""),
        (unit.replace("$w,", "$w * $in_channels,"), "{Unit: 1}", ""),
        (unit.replace("relu: relu", "cat: {concat: [], from: [pool, input]}"), "{Unit: 2}", ""),
    ):
        text = one_block(pool + use, "image: [8, 9, 9]")
        net = loads(text.replace("graph:", f"blocks:\n  Unit: {block}\ngraph:"))
        wanted = graph(one_block(fast)) if fast else graph(written(net.network.spec, {}))
        assert graph(check_same(net, ["order_pools"]).text) == wanted


@pytest.mark.parametrize("case", JOINED.values(), ids=JOINED)
def test_two_layers_become_one(case: str) -> None:
    assert ops(case) == [case.partition(":")[0]]


@pytest.mark.parametrize("case", KEPT.values(), ids=KEPT)
def test_two_layers_stay(case: str) -> None:
    assert ops(case) == [line.partition(":")[0] for line in case.split(" / ")]
