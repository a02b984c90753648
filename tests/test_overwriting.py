"""Ops that work in place are refused where PyTorch refuses them, and told where they say so."""

from __future__ import annotations

import pytest
import torch

from tests.support import loads, mistakes, one_block

CUTS = {
    "chunk": ("{chunk: 2}", "cut.0"),
    "split": ("{split: [[1, 3]], names: [low, high]}", "cut.high"),
    "unbind": ("{unbind: 1, names: [p, q, r, s]}", "cut.s"),
    "narrow": ("{narrow: [1, 0, 2]}", "cut"),
}
BETWEEN = ("identity", "{flatten: [1, 2]}", "sigmoid", "{scale: 2}")
ABOVE = ("{conv2d: [4, 1]}", "tanh")


def refuses(model: torch.nn.Module) -> bool:
    """Tell whether PyTorch refuses a module whose activation works in place."""
    assert isinstance(model.out, torch.nn.ReLU)
    model.out.inplace = True
    try:
        model(torch.randn(2, 4, 8, 8))
    except RuntimeError as error:
        assert "view" in str(error)
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
    assert bool(found) == refuses(loads(text.replace("FLAG", "false")).build())
    for item in found:
        assert item.span is not None
        assert (item.code, item.severity, item.span.text) == ("NS051", "error", "true")
        assert [note.span.text for note in item.notes] == [cut]


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
