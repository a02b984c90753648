"""Draw what each branch of an Inception module sees: in theory, and measured.

    python examples/receptive_field.py --spec specs/googlenet.yaml --block inception_4a

The measured, effective receptive field (Luo et al., 2016) is the mean absolute gradient of the
middle element of a branch's map with respect to the image.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from recipe import checkpoint, plots
from recipe.randomness import drawn_from
from torch import Tensor, nn

import netspec
from netspec.analysis.receptive import see

SHARE = 0.95  # of the gradient lies in the measured field


@dataclass(frozen=True)
class Box:
    """A part of an image: its first row and column, and its size."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Branch:
    """The last layer of a branch: what it sees in theory, and the gradient that was measured."""

    name: str
    theory: Box
    gradient: Tensor
    measured: Box


def ends(net: netspec.Net, block: str) -> list[tuple[str, ...]]:
    """Return the nodes that a block joins at its end: one for each branch."""
    nodes = [node for node in net.network.graph.nodes.values() if node.id[0] == block]
    if not nodes:
        raise SystemExit(f"the network has no layer {block!r}")
    return list(nodes[-1].inputs)


def theory(net: netspec.Net, node: tuple[str, ...]) -> Box:
    """Return what the middle element of a node's map sees of the image."""
    network = net.network
    fields = see(network.graph, network.shapes)[node]
    middles = [size // 2 for size in network.shapes[node][1:]]
    lows = [field.widest.low(middle) for field, middle in zip(fields, middles, strict=True)]
    highs = [field.widest.high(middle) for field, middle in zip(fields, middles, strict=True)]
    return Box(lows[0], lows[1], highs[0] - lows[0] + 1, highs[1] - lows[1] + 1)


def gradient(model: nn.Module, layer: str, images: Tensor) -> Tensor:
    """Return the mean absolute gradient of a layer's middle element, (height, width).

    Each channel gets a random sign, so that channels do not add up to more than one of them sees.
    """
    kept: list[Tensor] = []
    hook = model.get_submodule(layer).register_forward_hook(lambda *call: kept.append(call[2]))
    images = images.requires_grad_()
    model(images)
    hook.remove()
    features = kept[0]
    middle = features[:, :, features.shape[2] // 2, features.shape[3] // 2]
    signs = torch.randint(0, 2, middle.shape) * 2.0 - 1
    (found,) = torch.autograd.grad((middle * signs).sum(), images)
    return found.abs().mean((0, 1))


def extent(found: Tensor, centre: tuple[int, int]) -> Box:
    """Return the smallest square about a pixel that holds most of the gradient."""
    total = found.sum()
    for half in range(max(found.shape)):
        top, left = max(0, centre[0] - half), max(0, centre[1] - half)
        inside = found[top : centre[0] + half + 1, left : centre[1] + half + 1]
        if inside.sum() >= SHARE * total:
            return Box(top, left, inside.shape[0], inside.shape[1])
    return Box(0, 0, found.shape[0], found.shape[1])


def measure(net: netspec.Net, model: nn.Module, block: str, count: int) -> list[Branch]:
    """Measure every branch of a block on random images of unit variance."""
    (shape,) = net.network.graph.inputs.values()
    branches = []
    for node in ends(net, block):
        box = theory(net, node)
        layer = ".".join(node[:-1]) if node[-1] == "relu" else ".".join(node)
        found = gradient(model, layer, 60 * torch.randn(count, *shape))
        middle = box.top + box.height // 2, box.left + box.width // 2
        branches.append(Branch(node[1], box, found, extent(found, middle)))
    return branches


def draw(branches: Sequence[Branch], path: Path) -> None:
    """Show each branch's gradient as a picture, its receptive field in theory and measured."""
    figure, axes = plots.panels(len(branches), width=2.9, height=3.2)
    for panel, branch in zip(axes, branches, strict=True):
        panel.imshow((branch.gradient / branch.gradient.max()).sqrt(), cmap="viridis")
        _outline(panel, branch.theory, plots.ORANGE, "theoretical")
        _outline(panel, branch.measured, "white", f"{SHARE:.0%} of the gradient")
        sizes = f"{branch.theory.width} px in theory, {branch.measured.width} px measured"
        panel.set_title(f"{branch.name}\n{sizes}", fontsize=8)
        panel.grid(False)
        panel.set(xticks=(), yticks=())
    axes[0].legend(loc="lower left", labelcolor="white", fontsize=7)
    plots.write(figure, path)


def _outline(panel: Axes, box: Box, colour: str, label: str) -> None:
    corner = box.left - 0.5, box.top - 0.5
    panel.add_patch(Rectangle(corner, box.width, box.height, fill=False, ec=colour, label=label))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--spec", default="specs/googlenet.yaml")
    parser.add_argument("--block", default="inception_4a")
    parser.add_argument("--checkpoint", type=Path, help="weights to measure; default: fresh ones")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("receptive_field.png"))
    arguments = parser.parse_args(argv)
    net = netspec.load(arguments.spec)
    with drawn_from(arguments.seed):
        model = net.build().eval()
        if arguments.checkpoint:
            model.load_state_dict(checkpoint.read_averaged(arguments.checkpoint))
        branches = measure(net, model, arguments.block, arguments.images)
    draw(branches, arguments.plot)
    for branch in branches:
        print(
            f"{branch.name}: {branch.theory.width} px in theory, {branch.measured.width} measured"
        )


if __name__ == "__main__":
    main()
