"""Regions that share a network's lower layers: these run once a picture, not once a region.

As in He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks" (2014), section 4: the
picture is seen at a few sizes, and each region in the one in which it is about as large as the
network's input, so that weights that were learnt from single regions fit.
"""

from __future__ import annotations

import torch
from PIL import Image
from recipe import networks
from recipe.crops import pixels
from recipe.data import Size
from recipe.ensemble import Member
from recipe.errors import UserError
from recipe.views import normalise
from torch import Tensor, fx, nn

from detection.boxes import area, roi_align, with_context
from detection.detecting import BATCH, Score

SIDES = tuple(side / 224 for side in (480, 576, 688, 864, 1200))
"""The picture's shorter side, in sides of the network's input (He et al., section 4.1)."""
LONGEST = 2000 / 224  # the longer one, so that a panorama does not fill the memory


class _Layers(fx.Tracer):
    """Sees the layers of the graph as whole modules."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def upper_layers(model: nn.Module, layer: str) -> nn.Module:
    """Return what a network does with the output of one of its layers, in inference."""
    given = _Layers().trace(model.eval())
    nodes = list(given.nodes)
    places = [place for place, node in enumerate(nodes) if node.target == layer]
    if not places:
        names = ", ".join(str(node.target) for node in nodes if node.op == "call_module")
        raise UserError(f"--fast {layer}: no layer of the network; it has {names}")
    made = fx.Graph()
    copies = {nodes[places[-1]]: made.placeholder("features")}
    for node in nodes[places[-1] + 1 :]:
        if missing := [each.name for each in node.all_input_nodes if each not in copies]:
            raise UserError(f"--fast {layer}: {node.name} also reads {missing[0]}, which is lower")
        copies[node] = made.node_copy(node, copies.__getitem__)
    return fx.GraphModule(model, made)


def sharing(member: Member, layer: str, device: torch.device) -> Score:
    """Classify regions by what they have of a picture's feature map, cut out by RoIAlign."""
    recipe, size = member.record.recipe, member.network.size
    lower, cells = lower_layers(member, layer)
    upper = upper_layers(member.network.model, layer).to(device)
    lower = lower.to(device)

    @torch.inference_mode()
    def score(picture: Image.Image, boxes: Tensor) -> Tensor:
        scales, found = chosen_scales(boxes, picture.size, size), []
        for scale in sorted({*scales.tolist()}):
            regions = with_context(boxes[scales == scale]).to(device) * scale
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.amp):
                features = lower(normalise(_resized(picture, scale).to(device), recipe)).float()
                for some in torch.split(regions, BATCH):
                    aligned = roi_align(features, some, cells, cells / size[0])
                    found.append(upper(aligned).float().softmax(1).cpu())
        return torch.cat(found)[scales.argsort(stable=True).argsort()]

    return score


def lower_layers(member: Member, layer: str) -> tuple[nn.Module, int]:
    """Return a network up to one of its layers, with its weights, and the side of that map."""
    recipe, weights = member.record.recipe, member.network.model.state_dict()
    if recipe.module:
        raise UserError(f"--fast {layer}: {recipe.module} is no spec, which it needs")
    try:
        cut = networks.load(recipe, len(member.record.classes or ())).features([layer])
    except ValueError as error:
        raise UserError(f"--fast {layer}: {error}") from None
    (shape,) = cut.outputs.values()
    if len(shape) != 3 or shape[1] != shape[2]:
        raise UserError(f"--fast {layer}: it gives {shape}, no square map of features")
    lower = cut.build().eval()
    lower.load_state_dict({name: weights[name] for name in lower.state_dict()})
    return lower, shape[1]


def chosen_scales(boxes: Tensor, picture: tuple[int, int], size: Size) -> Tensor:
    """Return how much larger the picture is to be for each region to be most like the input."""
    shorter, longer = sorted(picture)
    scales = torch.tensor(SIDES) * min(size) / shorter
    scales = scales.clamp(max=LONGEST * min(size) / longer)
    areas = area(with_context(boxes))[:, None] * scales.square()
    return scales[(areas / (size[0] * size[1])).log().abs().argmin(1)]


def _resized(picture: Image.Image, scale: float) -> Tensor:
    """Return a picture at another size, (1, 3, height, width)."""
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    return pixels(picture.resize(size, Image.Resampling.BILINEAR))[None]
