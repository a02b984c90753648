"""Local response normalisation as a convolution of the squares with a band matrix."""

from __future__ import annotations

from netspec.ops.norm import BandResponseNorm, LocalResponseNorm
from netspec.rewrite.view import Edit, View

MOST = 512
"""Channels from which on the multiply-adds of a full matrix cost more than they save."""


def band_response_norm(view: View) -> Edit | None:
    """Let convolutions add up the squares: a multiply-add for each pair of channels of a pixel."""
    for layer in view.layers.values():
        if not view.is_op(layer, LocalResponseNorm) or view.is_op(layer, BandResponseNorm):
            continue
        if all(len(size) == 3 and size[0] <= MOST for size in view.sizes(layer.name)):
            return view.edit({layer.name: view.called(layer, BandResponseNorm)})
    return None
