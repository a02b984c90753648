"""Draw what each branch of a block sees, or a layer without branches: in theory, and measured.

    python examples/receptive_field.py --spec specs/googlenet.yaml --block inception_4a
    python examples/receptive_field.py --checkpoint runs/digits/checkpoint.pt --block pool3

A run's checkpoint says which network it is; --spec and --set go above that. The measured, effective
receptive field (Luo et al., 2016) is the mean absolute gradient of the middle element of a branch's
map with respect to the image.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from recipe import networks, options, plots
from recipe.arguments import whole
from recipe.errors import UserError, command
from recipe.options import Recipe
from recipe.randomness import drawn_from
from recipe.trained import record, trained
from torch import Tensor, nn

import netspec
from netspec.analysis.receptive import see
from netspec.graph.model import NodeId
from netspec.text.diagnostics import suggest

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


def ends(net: netspec.Net, block: str) -> list[tuple[str, NodeId]]:
    """Return the nodes that a block joins at its end, by their branches, or else its last one."""
    nodes, path = net.network.graph.nodes, tuple(block.split("."))
    inside = [node for node in nodes if node[: len(path)] == path]
    if not inside:
        known = {".".join(node[:end]): None for node in nodes for end in range(1, len(node) + 1)}
        hint = suggest(block, known) or f"there are {', '.join(dict.fromkeys(n[0] for n in nodes))}"
        raise UserError(f"--block: the network has no layer {block!r}; {hint}")
    joined = nodes[inside[-1]].inputs
    if len(joined) < 2:
        return [(block, inside[-1])]
    return [(node[len(path)] if node in inside else ".".join(node), node) for node in joined]


def theory(net: netspec.Net, node: NodeId) -> Box:
    """Return what the middle element of a node's map sees of the image."""
    network = net.network
    shape, fields = network.shapes[node], see(network.graph, network.shapes)[node]
    if len(shape) != 3 or [field.count for field in fields] != [*shape[1:]]:
        found = f"{'.'.join(node)} gives {'×'.join(map(str, shape))}"
        raise UserError(
            f"--block: {found}, no map of channels × rows × columns; name an earlier layer"
        )
    reaches = [(field.widest, field.count // 2) for field in fields]
    (top, bottom), (left, right) = [(w.low(middle), w.high(middle)) for w, middle in reaches]
    return Box(top, left, bottom - top + 1, right - left + 1)


def module_of(net: netspec.Net, model: nn.Module, node: NodeId) -> nn.Module:
    """Return the module that gives a node's map: its own, or the outermost that ends with it."""
    modules, nodes = dict(model.named_modules()), list(net.network.graph.nodes)
    for end in range(len(node), 0, -1):
        last = [other for other in nodes if other[:end] == node[:end]][-1]
        if last == node and (found := modules.get(".".join(node[:end]))):
            return found
    raise UserError(f"--block: {'.'.join(node)} is no module of its own; name the block around it")


def gradient(model: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    """Return the mean absolute gradient of a layer's middle element, (height, width).

    Each channel gets a random sign, so that channels do not add up to more than one of them sees.
    """
    kept: list[Tensor] = []
    with layer.register_forward_hook(lambda *call: kept.append(call[2])):
        images = images.requires_grad_()
        model(images)
    if len(kept) != 1:
        reason = "runs only in training" if not kept else f"runs {len(kept)} times for an image"
        raise UserError(f"--block: the layer {reason}; name one that inference runs once")
    (features,) = kept
    middle = features[:, :, features.shape[2] // 2, features.shape[3] // 2]
    signs = torch.randint(0, 2, middle.shape) * 2.0 - 1
    (found,) = torch.autograd.grad((middle * signs).sum(), images)
    return found.abs().mean((0, 1))


def extent(found: Tensor, theory: Box) -> Box:
    """Return the smallest box about the middle of a field that holds most of its gradient."""
    insets = reversed(range((min(theory.height, theory.width) + 1) // 2))
    boxes = (_inner(theory, inset, found.shape) for inset in insets)
    return next(box for box in boxes if _inside(found, box) >= SHARE * found.sum())


def _inner(box: Box, inset: int, image: Sequence[int]) -> Box:
    """Return what of an image lies in a box that is so much smaller on each side."""
    top, left = max(0, box.top + inset), max(0, box.left + inset)
    bottom = min(image[0], box.top + box.height - inset)
    right = min(image[1], box.left + box.width - inset)
    return Box(top, left, bottom - top, right - left)


def _inside(found: Tensor, box: Box) -> Tensor:
    return found[box.top : box.top + box.height, box.left : box.left + box.width].sum()


def measure(net: netspec.Net, model: nn.Module, block: str, count: int) -> list[Branch]:
    """Measure every branch of a block on random images of unit variance."""
    shapes = list(net.network.graph.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise UserError(f"{net.name} does not take one image")
    branches = []
    for name, node in ends(net, block):
        box = theory(net, node)
        images = 60 * torch.randn(count, *shapes[0])
        found = gradient(model, module_of(net, model, node), images)
        branches.append(Branch(name, box, found, extent(found, box)))
    return branches


def draw(branches: Sequence[Branch], path: Path) -> None:
    """Show each branch's gradient as a picture, its receptive field in theory and measured."""
    figure, axes = plots.panels(len(branches), width=2.9, height=3.5)
    for panel, branch in zip(axes, branches, strict=True):
        panel.imshow(branch.gradient.sqrt().numpy(), cmap="viridis")
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
    parser = options.parser(str(__doc__).partition("\n")[0], ("spec", "set", "seed"))
    parser.add_argument("--block", default="inception_4a", help="a block or a layer, by its path")
    parser.add_argument("--checkpoint", type=Path, help="weights to measure; default: fresh ones")
    parser.add_argument("--images", type=whole(1, 4096), default=16)
    parser.add_argument("--plot", type=plots.target, default=Path("receptive_field.png"))
    arguments = parser.parse_args(argv)
    net, model, recipe = opened(arguments)
    with drawn_from(recipe.seed):
        branches = measure(net, model.eval(), arguments.block, arguments.images)
    draw(branches, arguments.plot)
    for branch in branches:
        print(
            f"{branch.name}: {branch.theory.width} px in theory, {branch.measured.width} measured"
        )


def opened(arguments: Namespace) -> tuple[netspec.Net, nn.Module, Recipe]:
    """Return the network as a spec, and with its weights: a checkpoint's, or fresh ones."""
    if not arguments.checkpoint:
        recipe = options.recipe_of(arguments)
        return networks.load(recipe), networks.build(recipe).model, recipe
    found = record(arguments.checkpoint, arguments)
    if found.recipe.module:
        raise UserError(
            f"{found.path} is of a module, {found.recipe.module}: only specs say what they see"
        )
    classes = None if found.classes is None else len(found.classes)
    return networks.load(found.recipe, classes), trained(found, classes).model, found.recipe


if __name__ == "__main__":
    command(main)
