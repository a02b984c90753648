"""Ops that work in place are refused where PyTorch refuses them, and told where they say so."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspec.analysis import overwriting
from tests.support import draws, loads, mistakes, one_block
from tests.test_gradients import go_back
from tests.test_random_specs import examples

CUTS = {
    "chunk": ("{chunk: 2}", "cut.0"),
    "split": ("{split: [[1, 3]], names: [low, high]}", "cut.high"),
    "unbind": ("{unbind: 1, names: [p, q, r, s]}", "cut.s"),
    "narrow": ("{narrow: [1, 0, 2]}", "cut"),
}
BETWEEN = ("identity", "{flatten: [1, 2]}", "sigmoid", "{scale: 2}")
ABOVE = ("{conv2d: [4, 1]}", "tanh")


def refuses(model: torch.nn.Module, *images: Tensor) -> bool:
    """Tell whether PyTorch refuses a step of training, as something works in place."""
    try:
        go_back(model.train()(*images))
    except RuntimeError as error:
        assert "view" in str(error) or "inplace" in str(error) or "n-place" in str(error)
        return True
    return False


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("cut", CUTS)
def test_what_pytorch_refuses_is_told(cut: str, between: str, above: str) -> None:
    op, piece = CUTS[cut]
    lines = (
        f"above: {above}",
        f"cut: {op}",
        f"copy: {{identity: [], from: {piece}}}",
        f"between: {between}",
        "out: {relu: [], inplace: FLAG}",
    )
    text = one_block("\n".join(lines), "image: [4, 8, 8]")
    found = mistakes(text.replace("FLAG", "true"))
    model = loads(text.replace("FLAG", "false")).build()
    assert isinstance(model.out, torch.nn.ReLU)
    model.out.inplace = True
    assert bool(found) == refuses(model, torch.randn(2, 4, 8, 8))
    for item in found:
        assert item.span is not None
        assert (item.code, item.severity, item.span.text) == ("NS051", "error", "true")
        assert [note.span.text for note in item.notes] == [
            "sigmoid" if between == "sigmoid" else cut
        ]


IN_PLACE = (
    *("relu: []", "relu6: []", "leaky_relu: 0.2", "leaky_relu: 0", "leaky_relu: -0.2", "elu: 1"),
    *("elu: -0.5", "selu: []", "silu: []", "mish: []", "hardswish: []", "hardsigmoid: []"),
    *("dropout: 0.5", "dropout: 0", "dropout2d: 1", "alpha_dropout: 0.1"),
)
PLAIN = (
    *(
        "conv2d: [4, 1]",
        "batch_norm2d: []",
        "identity: []",
        "sigmoid: []",
        "softmax: []",
        "neg: []",
    ),
    *(
        "scale: 2",
        "pow: 2",
        "max_pool2d: 1",
        "avg_pool2d: 1",
        "gelu: []",
        "permute: [[0, 1, 3, 2]]",
    ),
    *(
        "reshape: [[4, 8, 8]]",
        "narrow: [1, 0, 4]",
        "local_response_norm: 3",
        "interpolate: 8",
        "prelu: []",
    ),
)


@st.composite
def overwriters(draw: st.DrawFn) -> str:
    """Draw a network of which many layers work in place."""
    lines = []
    for i in range(draw(st.integers(1, 6))):
        is_in_place = draw(st.booleans())
        call = draw(st.sampled_from(IN_PLACE if is_in_place else PLAIN))
        from_ = draw(st.sampled_from([f"l{j}" for j in range(i)] + ["x"]))
        lines.append(f"l{i}: {{{call}, from: {from_}{', inplace: true' if is_in_place else ''}}}")
    names = ", ".join(f"l{i}" for i in range(len(lines)))
    return one_block(
        "\n".join((*lines, f"out: {{concat: [], from: [x, {names}]}}")), "x: [4, 8, 8]"
    )


@examples(draws(60, 500))
@given(text=overwriters())
def test_random_networks_are_refused_where_pytorch_refuses_them(text: str) -> None:
    with patch.object(overwriting, "check_overwriting"):
        model = loads(text).build()
    found = [item for item in mistakes(text) if "PyTorch refuses that" in item.message]
    assert bool(found) == refuses(model, torch.randn(2, 4, 8, 8))


def test_it_is_told_once_at_each_cause() -> None:
    text = one_block(
        """
        conv: {conv2d: [4, 1]}
        a: {B: true}
        b: {B: true, from: conv}
        c: {B: false, from: conv}
        d: {B: [], from: conv, repeat: 2}
        out: {add: [], from: [a, b, c]}
        """,
        "image: [4, 8, 8]",
    )
    block = (
        "blocks:\n  B:\n    params: [fast=true]\n    chain:\n      parts: {chunk: 2}\n"
        "      act: {relu: [], inplace: $fast, from: parts.0}\n"
        "      out: {concat: [], from: [act, parts.1]}\n"
    )
    found = mistakes(text.replace("graph:", f"{block}graph:").replace("[a, b, c]", "[a, b, c, d]"))
    places = [item.span and (item.span.line, item.span.text) for item in found]
    assert places == [(6, "fast=true"), (13, "true"), (14, "true")]
